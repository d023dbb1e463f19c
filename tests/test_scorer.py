"""Architectures that transformers has: each is scored as its own classifier scores it."""

from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from rewardgate.packing import packed_rows, padded_rows
from rewardgate.scorer import Scorer

SMALL: dict[str, Any] = {
    "vocab_size": 60,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4}
DISTIL = {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64}
TEXTS = [[5, 6, 7, 8, 9, 10], [5, 6, 11], [40, 41, 42, 43, 44, 5, 6, 7, 8], [12]]


@pytest.mark.parametrize(
    ("kind", "changes", "has_features", "packs", "skips"),
    [
        ("bert", {}, True, True, True),
        ("ernie", {}, True, True, True),
        ("llama", {"num_key_value_heads": 2}, True, True, True),
        ("qwen3", {"num_key_value_heads": 2, "head_dim": 8}, True, True, True),
        ("gpt2", GPT2, True, True, True),
        # a feed-forward part that is no module of its own
        ("opt", {"ffn_dim": 64, "word_embed_proj_dim": 32}, True, True, False),
        ("gpt_neox", {}, True, True, True),
        # attention that does not go through transformers' interface
        ("bloom", {"n_layer": 2, "n_head": 4}, True, False, False),
        # windowed attention
        ("gemma3_text", {"num_key_value_heads": 2, "head_dim": 8}, True, False, False),
        # a head that is more than one layer on a pooled token
        ("albert", {"embedding_size": 16}, False, False, False),
        ("big_bird", {"attention_type": "original_full"}, False, False, False),
        ("roberta", {}, False, False, False),
        ("electra", {"embedding_size": 32}, False, False, False),
        ("distilbert", DISTIL, False, False, False),
    ],
)
@torch.no_grad()
def test_scores_are_those_of_the_architectures_own_classifier(
    kind: str, changes: dict[str, Any], has_features: bool, packs: bool, skips: bool
) -> None:
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, num_labels=1, **{**SMALL, **changes})
    model = AutoModelForSequenceClassification.from_config(config).eval()
    scorer = Scorer(model)
    assert (scorer.has_features, scorer.packs, scorer.skips) == (has_features, packs, skips)
    for parameter in model.parameters():  # after the probe, which meets fresh heads and small ones
        if parameter.ndim == 2:
            parameter.normal_(std=0.2)
    own = [model(input_ids=torch.tensor([ids])).logits.item() for ids in TEXTS]
    if packs:
        rows = packed_rows(TEXTS, 1024, share=scorer.is_decoder)
    else:
        rows = padded_rows(TEXTS, 1024, pad_id=0)
    scores = scorer(rows)
    assert scores.shape == (len(TEXTS),)
    order = [index for row in rows for index in row.texts]
    assert scores.tolist() == pytest.approx([own[index] for index in order], rel=1e-4, abs=1e-5)
    assert min(abs(a - b) for i, a in enumerate(own) for b in own[:i]) > 1e-3
