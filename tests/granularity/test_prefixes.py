from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rewardgate.granularity.prefixes import part_ends, prefix_rows, score_prefixes
from rewardgate.granularity.trees import Tree, tree_rows
from rewardgate.reward_model import RewardModel
from rewardgate.scoring import score

PROMPT = "what is the capital of france ?"
STEPS = "1. it is a big city\n2. the answer is paris\n\nso : paris , yes !"
LINES = "hello\nit was berlin\ngood good good"
RESPONSES = [STEPS, LINES, "paris", ""]


@pytest.fixture(scope="module", params=["tiny_encoder", "tiny_decoder", "tiny_padded"])
def model(request: pytest.FixtureRequest) -> RewardModel:
    return wide(str(request.getfixturevalue(request.param)))


def wide(base: str, max_length: int = 64) -> RewardModel:
    """A reward model with weights so wide that a wrong score would show."""
    model = RewardModel.from_base(base, max_length, seed=0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in model.model.base_model.parameters():
            weight.mul_(5 if weight.dim() == 2 else 1)
        model.scorer.head.weight.normal_(generator=generator)
    model.model.eval()
    return model


def ends_of(model: RewardModel, granularity: str, responses: list[str]) -> list[list[int]]:
    return [part_ends(text, model.encoder, granularity) for text in responses]


@pytest.mark.parametrize("granularity", ["sequence", "step", "token"])
def test_a_prefix_has_the_score_that_it_has_alone(model: RewardModel, granularity: str) -> None:
    ends = ends_of(model, granularity, RESPONSES)
    prefixes = score_prefixes(model, [PROMPT] * len(RESPONSES), RESPONSES, ends)
    for response, own_ends, scores in zip(RESPONSES, ends, prefixes, strict=True):
        alone = [score(model, [PROMPT], [response[:end]], None)[0] for end in own_ends]
        assert scores == pytest.approx(alone, abs=1e-5)
    assert np.ptp(np.concatenate(prefixes)) > 1e-2


def test_ends_by_hand(tiny_decoder: Path) -> None:
    encoder = wide(str(tiny_decoder)).encoder
    assert part_ends("it is\nparis  ", encoder, "sequence") == [13]
    assert part_ends("it is\nparis  ", encoder, "step") == [5, 13]
    assert part_ends("it is\nparis  ", encoder, "token") == [2, 5, 13]
    assert [part_ends("", encoder, g) for g in ("sequence", "step", "token")] == [[0], [0], [0]]


def test_a_decoder_reads_a_response_once(tiny_decoder: Path) -> None:
    model = wide(str(tiny_decoder))
    encode = model.encoder.encode
    groups = [
        [encode(PROMPT, text[:end]) for end in part_ends(text, model.encoder, "step")]
        for text in (STEPS, LINES)
    ]
    (row,) = prefix_rows(model, groups)
    # each response with its end token, and one more end token for each step but the last
    trunks = sum(len(encode(PROMPT, text).ids) for text in (STEPS, LINES))
    assert row.input_ids.numel() == trunks + sum(len(group) - 1 for group in groups)
    forwards = []
    model.model.base_model.register_forward_hook(lambda *_: forwards.append(1))
    score_prefixes(model, [PROMPT] * 2, [STEPS, LINES], ends_of(model, "token", [STEPS, LINES]))
    assert len(forwards) == 1


def test_gradients_through_a_tree_are_those_of_separate_texts(tiny_decoder: Path) -> None:
    model = wide(str(tiny_decoder))
    ends = part_ends(STEPS, model.encoder, "token")
    group = [model.encoder.encode(PROMPT, STEPS[:end]) for end in ends]

    def gradients(scores: torch.Tensor) -> torch.Tensor:
        model.model.zero_grad()
        torch.nn.functional.softplus(scores * torch.arange(1, len(ends) + 1)).sum().backward()
        found = [p.grad.flatten() for p in model.model.parameters() if p.grad is not None]
        return torch.cat(found)

    apart = gradients(torch.cat([model.scores([one]) for one in group]))
    together = gradients(model.scorer(prefix_rows(model, [group])))
    assert torch.allclose(together, apart, atol=1e-3, rtol=1e-3)
    assert apart.norm() > 1


def test_a_response_that_is_cut_earns_nothing_beyond_the_cut(model: RewardModel) -> None:
    model = wide(model.model.config._name_or_path, max_length=40)
    prompt, response = f"hello {'what is it ? ' * 9}", "\n".join(["good answer it is"] * 20)
    kept_prompt, kept = model.encoder.fit(prompt, response)
    assert prompt.endswith(kept_prompt)
    assert response.startswith(kept)
    assert 0 < len(kept) < len(response)
    for granularity in ("step", "token"):
        ends = part_ends(response, model.encoder, granularity)
        (scores,) = score_prefixes(model, [prompt], [response], [ends])
        assert scores[-1] == pytest.approx(score(model, [prompt], [response], None)[0], abs=1e-5)
        beyond = np.array(ends) >= len(kept)
        assert 1 < beyond.sum() < len(ends)
        assert np.ptp(scores[beyond]) == 0
        before = [score(model, [kept_prompt], [kept[:end]], None)[0] for end in ends]
        assert scores == pytest.approx(before, abs=1e-5)


@given(st.lists(st.lists(st.integers(2, 5), min_size=1, max_size=8), min_size=1, max_size=8))
def test_a_tree_holds_its_texts(texts: list[list[int]]) -> None:
    tree = Tree.of(texts)
    mask = tree.mask()
    assert len(tree.tokens) == len({tuple(t[: n + 1]) for t in texts for n in range(len(t))})
    for text, end in zip(texts, tree.ends, strict=True):
        path = mask[end].nonzero()[:, 0].tolist()
        assert [tree.tokens[at] for at in path] == text
        assert [tree.depths[at] for at in path] == list(range(len(text)))


@given(
    st.lists(
        st.lists(st.lists(st.integers(2, 5), min_size=1, max_size=6), min_size=1, max_size=5),
        max_size=6,
    ),
    st.integers(1, 40),
)
def test_rows_of_trees_hold_every_text_once(groups: list[list[list[int]]], budget: int) -> None:
    rows = tree_rows(groups, budget)
    texts = [text for group in groups for text in group]
    assert [at for row in rows for at in row.texts] == list(range(len(texts)))
    for row in rows:
        tokens = row.input_ids[0]
        assert len(tokens) <= budget or len(row.segments) == 1
        assert tokens[row.last].tolist() == [texts[at][-1] for at in row.texts]
        assert tokens[row.first].tolist() == [texts[at][0] for at in row.texts]
