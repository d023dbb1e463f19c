"""Simulated prompts, answers and annotators, whose truth is known."""

from rewardgate.simulate.simulation import Simulation, simulate

__all__ = ["Simulation", "simulate"]
