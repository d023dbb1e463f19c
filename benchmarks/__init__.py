"""Measurements against peers and baselines, run by hand."""

from rewardgate.quiet import silence

silence()
