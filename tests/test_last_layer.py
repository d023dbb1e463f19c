from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from rewardgate.encoding import Encoded
from rewardgate.last_layer import blocks_of, compute_where_read
from rewardgate.packing import packed_rows
from rewardgate.reward_model import RewardModel

PROMPT = list(range(5, 45))
TEXTS = [[*PROMPT, *range(4, 4 + n)] for n in (3, 17, 1, 30)] + [[9, 8, 7], PROMPT[::-1]]


@pytest.fixture(params=["tiny_encoder", "tiny_decoder"])
def model(request: pytest.FixtureRequest) -> RewardModel:
    return RewardModel.from_base(str(request.getfixturevalue(request.param)), 128, seed=0)


def gradients(model: RewardModel, budget: int) -> tuple[Tensor, Tensor]:
    """Scores of TEXTS in rows of so many tokens, and the gradient of a function of all of them."""
    model.model.zero_grad()
    rows = packed_rows([*TEXTS], budget, share=model.scorer.is_decoder)
    scores = model.scorer(rows)
    nn.functional.softplus(scores * torch.arange(1, len(TEXTS) + 1)).sum().backward()
    grads = [p.grad.flatten() for p in model.model.parameters() if p.grad is not None]
    return scores.detach(), torch.cat(grads)


def linear_layers(model: RewardModel) -> dict[str, nn.Module]:
    """The linear layers of the last layer."""
    layer = blocks_of(model.model.base_model)[-1]
    return {name: m for name, m in layer.named_modules() if isinstance(m, nn.Linear)}


def test_all_but_keys_and_values_is_computed_at_one_position_a_text(
    model: RewardModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: dict[int, int] = {}
    linear = nn.functional.linear

    def counted(inputs: Tensor, weight: Tensor, *rest: Tensor) -> Tensor:
        computed[id(weight)] = inputs.flatten(0, -2).shape[0]
        return linear(inputs, weight, *rest)

    monkeypatch.setattr(nn.functional, "linear", counted)
    model.scores([Encoded(text) for text in TEXTS])
    (row,) = model.rows([Encoded(text) for text in TEXTS])
    for name, layer in linear_layers(model).items():
        everywhere = name.endswith(("k_proj", "v_proj", "key", "value"))
        expected = row.input_ids.numel() if everywhere else len(TEXTS)
        assert computed[id(layer.weight)] == expected, name


def test_scores_and_gradients_are_those_of_the_whole_layer(model: RewardModel) -> None:
    assert model.scorer.skips
    found = gradients(model, 1024)
    model.scorer.skips = False
    for ours, whole in zip(found, gradients(model, 1024), strict=True):
        assert torch.allclose(ours, whole, atol=1e-6, rtol=1e-4)


def test_layers_that_are_computed_again_read_the_positions_of_their_own_row(
    model: RewardModel,
) -> None:
    model.model.train()
    expected = gradients(model, 64)
    model.model.activation_checkpointing_enable({"use_reentrant": False})
    for again, once in zip(gradients(model, 64), expected, strict=True):
        assert torch.equal(again, once)


def test_threads_that_share_a_model_read_their_own_positions(model: RewardModel) -> None:
    model.model.requires_grad_(False)
    parts = [[Encoded(text) for text in part] for part in (TEXTS[:4], TEXTS[2:], TEXTS[:1])]
    expected = [model.scores(part) for part in parts]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(model.scores, parts * 20))
    assert all(map(torch.equal, found, expected * 20))


def test_a_copy_of_a_model_has_a_last_layer_of_its_own(model: RewardModel) -> None:
    texts = [Encoded(text) for text in TEXTS]
    before = model.scores(texts).detach()
    other = RewardModel(deepcopy(model.model), model.tokenizer, 128)
    assert torch.equal(other.scores(texts), before)
    with torch.no_grad():
        for layer in linear_layers(other).values():
            layer.weight.zero_()
    assert torch.equal(model.scores(texts), before)
    assert not torch.allclose(other.scores(texts), before)


def test_a_padded_batch_gives_the_whole_layer(model: RewardModel) -> None:
    """What another library asks of the model: the last hidden states of all positions."""
    ids = torch.tensor([TEXTS[0]])
    hidden = model.model.base_model(input_ids=ids, attention_mask=torch.ones_like(ids))
    assert hidden.last_hidden_state.norm(dim=-1).min() > 0.1


def test_a_layer_of_other_parts_is_left_as_it_is(tiny_decoder: Path) -> None:
    with pytest.raises(AttributeError):
        compute_where_read(nn.Sequential(nn.Linear(2, 2)))
