"""Random-weight decoders of the Llama architecture, saved as Hugging Face directories."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaModel, PreTrainedTokenizerFast

from benchmarks.rankings import WORDS

SPECIAL = ["<unk>", "<pad>", "</s>"]

SIZES = {
    "tiny": {"layers": 2, "hidden": 64, "intermediate": 176, "heads": 4, "key_heads": 2},
    "small": {"layers": 4, "hidden": 256, "intermediate": 704, "heads": 4, "key_heads": 2},
    "0.5b": {"layers": 24, "hidden": 896, "intermediate": 4864, "heads": 14, "key_heads": 2},
    "3b": {"layers": 36, "hidden": 2048, "intermediate": 11008, "heads": 16, "key_heads": 2},
}
"""The first two are for a CPU; the others have the shapes of Qwen2.5 0.5B and 3B."""

VOCABULARY = {"0.5b": 151936, "3b": 151936}


def save_decoder(size: str, folder: Path, seed: int) -> None:
    """Write a decoder of that size, with a tokenizer of one token a word, into `folder`."""
    vocabulary = [*SPECIAL, "user", "assistant", ":", *WORDS]
    tokenizer = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(vocabulary)}, unk_token=SPECIAL[0])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token=SPECIAL[0],
        pad_token=SPECIAL[1],
        eos_token=SPECIAL[2],
    ).save_pretrained(folder)
    shape = SIZES[size]
    config = LlamaConfig(
        vocab_size=VOCABULARY.get(size, len(vocabulary)),
        hidden_size=shape["hidden"],
        num_hidden_layers=shape["layers"],
        intermediate_size=shape["intermediate"],
        num_attention_heads=shape["heads"],
        num_key_value_heads=shape["key_heads"],
        max_position_embeddings=16384,
        pad_token_id=1,
        eos_token_id=2,
        bos_token_id=None,
    )
    torch.manual_seed(seed)
    LlamaModel(config).save_pretrained(folder)
