"""Rewards finer than the response: of a step or of a token, as differences of prefixes."""
