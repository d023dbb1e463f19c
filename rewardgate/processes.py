"""The processes of one run: one by default, more under `accelerate launch` or torchrun."""

import torch
from accelerate import PartialState


def processes() -> PartialState:
    """Index and number of processes, and this one's device; CPUs talk through gloo."""
    return PartialState(cpu=not torch.accelerator.is_available())
