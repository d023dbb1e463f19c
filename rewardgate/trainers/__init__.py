"""The promoted reward as trainers call it; none of these modules imports its trainer."""
