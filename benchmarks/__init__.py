"""Measurements against peers and baselines, run by hand."""
