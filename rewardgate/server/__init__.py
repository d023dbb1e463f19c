"""The promoted reward over HTTP."""
