"""The processes of one run: one by default, more under `accelerate launch` or torchrun."""

import torch
from accelerate import PartialState


def processes() -> PartialState:
    """Index and number of processes, and this one's device; CPUs talk through gloo."""
    return PartialState(cpu=not torch.accelerator.is_available())


def multiplies_bf16(device: torch.device) -> bool:
    """Whether the device has instructions for bf16, without which it is slower than fp32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        can = torch.cpu.get_capabilities()
        return bool(can.get("avx512_bf16") or can.get("amx_bf16"))
    return False
