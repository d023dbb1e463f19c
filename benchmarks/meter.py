"""What a model was given to encode, and the memory that took."""

import resource

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel


class Meter:
    """Counts what goes through the embedding layer: all positions, and those that hold a token."""

    def __init__(self, model: PreTrainedModel, pad_id: int) -> None:
        self.positions = 0
        self.tokens: Tensor | int = 0
        self.pad_id = pad_id
        self.hook = model.get_input_embeddings().register_forward_pre_hook(self._count)

    def remove(self) -> None:
        self.hook.remove()

    def _count(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.positions += inputs[0].numel()
        self.tokens = self.tokens + (inputs[0] != self.pad_id).sum()


def peak_memory() -> int:
    """Bytes: of the GPU if there is one, else resident in this process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
