"""A reward-model factory with a promotion gate."""
