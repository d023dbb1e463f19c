"""Thin scripts, one a stage of dvc.yaml; silent to telemetry."""

from rewardgate.quiet import silence

silence()
