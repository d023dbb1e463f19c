from copy import deepcopy
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from rewardgate.encoding import Encoded
from rewardgate.packed_attention import FILL
from rewardgate.packing import MIN_SHARED, ROW_PREFIXES, packed_rows, padded_rows
from rewardgate.reward_model import RewardModel

PROMPT = list(range(5, 45))


def family(prompt: list[int], *tails: int) -> list[list[int]]:
    """Responses of different lengths to one prompt."""
    return [prompt + [(7 * t + i) % 40 + 4 for i in range(t)] for t in tails]


@pytest.fixture(scope="module", params=["tiny_encoder", "tiny_decoder"])
def model(request: pytest.FixtureRequest) -> RewardModel:
    return RewardModel.from_base(str(request.getfixturevalue(request.param)), 128, seed=0)


def scores_and_gradients(
    model: RewardModel, ids: list[list[int]], one_by_one: bool
) -> tuple[Tensor, Tensor]:
    """Scores of texts, and the gradient of a nonlinear function of all of them."""
    model.model.zero_grad()
    if one_by_one:
        parts = [
            model.forward(torch.tensor([row]), torch.ones(1, len(row), dtype=int)) for row in ids
        ]
        scores = torch.cat(parts)
    else:
        scores = model.scores([Encoded(row) for row in ids])
    torch.nn.functional.softplus(scores * torch.arange(1, len(ids) + 1)).sum().backward()
    gradients = [p.grad.flatten() for p in model.model.parameters() if p.grad is not None]
    return scores.detach(), torch.cat(gradients)


@pytest.mark.parametrize("device", FILL)
def test_packed_scores_and_gradients_are_those_of_separate_encodings(
    model: RewardModel, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With runs of tokens grouped as on that device."""
    monkeypatch.setitem(FILL, "cpu", FILL[device])
    assert model.scorer.packs
    ids = [
        *family(PROMPT, 3, 17, 1, 30),
        [9, 8, 7],
        *family(PROMPT[::-1], 5, 5, 40),
        PROMPT[:1],
        *family(PROMPT[:18], 4, 6),
    ]
    expected, expected_gradients = scores_and_gradients(model, ids, one_by_one=True)
    scores, gradients = scores_and_gradients(model, ids, one_by_one=False)
    assert torch.allclose(scores, expected, atol=1e-6)
    assert torch.allclose(gradients, expected_gradients, atol=1e-5, rtol=1e-4)


def test_a_model_on_another_device_has_all_it_needs_there(
    model: RewardModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The device that only knows shapes refuses what lies elsewhere, as a GPU does."""
    # transformers looks at the positions, to no effect, for texts that are packed its own way
    monkeypatch.setattr("transformers.masking_utils.find_packed_sequence_indices", lambda _: None)
    elsewhere = RewardModel(deepcopy(model.model), model.tokenizer, 128)
    elsewhere.model.to("meta")
    scores = elsewhere.scores([Encoded(ids) for ids in family(PROMPT, 3, 17, 1, 30)])
    scores.sum().backward()
    assert (scores.device.type, len(scores)) == ("meta", 4)


def test_the_rows_of_one_backward_pass_are_embedded_together(model: RewardModel) -> None:
    """Each embedding call makes a gradient as large as the vocabulary."""
    calls: list[int] = []
    hook = model.model.get_input_embeddings().register_forward_hook(
        lambda _module, inputs, _output: calls.append(inputs[0].numel())
    )
    rows = packed_rows(family(PROMPT, 3, 17, 1, 30), 64, share=False)
    tokens = [row.input_ids.numel() for row in rows]
    assert len(rows) > 1
    together = model.scorer(rows).detach()
    assert calls == [sum(tokens)]
    with torch.no_grad():
        assert torch.equal(model.scorer(rows), together)
    assert calls == [sum(tokens), *tokens]
    hook.remove()


def test_a_shared_prompt_is_encoded_once_for_a_decoder_only(
    tiny_encoder: Path, tiny_decoder: Path
) -> None:
    ids = family(PROMPT, 3, 17, 30)
    apart = sum(len(row) for row in ids)
    for base, computed in ((tiny_encoder, apart), (tiny_decoder, apart - 2 * len(PROMPT))):
        model = RewardModel.from_base(str(base), 128, seed=0)
        rows = model.rows([Encoded(row) for row in ids])
        assert sum(row.input_ids.numel() for row in rows) == computed
        assert sum(row.padding for row in rows) == 0


def test_what_shares_nothing_worthwhile_is_kept_apart() -> None:
    same = PROMPT[: MIN_SHARED - 1]
    ids = [[*same, 1, 2], [*same, 3, 4], *family(PROMPT, 3, 5), [1] * 50]
    (row,) = packed_rows(ids, 1024, share=True)
    assert row.segments is not None
    assert [s.length for s in row.segments if s.prefix is None] == [17, 17, len(PROMPT), 50]
    assert [s.length for s in row.segments if s.prefix is not None] == [3, 5]


def test_identical_texts_keep_their_last_token_apart() -> None:
    (row,) = packed_rows([PROMPT, PROMPT, PROMPT], 1024, share=True)
    assert row.segments is not None
    assert [s.length for s in row.segments] == [len(PROMPT) - 1, 1, 1, 1]
    assert row.input_ids[0, row.last].tolist() == [PROMPT[-1]] * 3


texts = st.lists(
    st.tuples(st.sampled_from([0, 20, 35]), st.lists(st.integers(1, 3), min_size=1, max_size=40)),
    min_size=1,
    max_size=30,
).map(lambda parts: [PROMPT[:prompt] + tail for prompt, tail in parts])


@given(texts, st.integers(8, 200), st.booleans())
def test_rows_hold_every_text_once_with_its_own_tokens(
    ids: list[list[int]], budget: int, share: bool
) -> None:
    rows = packed_rows(ids, budget, share)
    assert [index for row in rows for index in row.texts] == list(range(len(ids)))
    for row in rows:
        segments = row.segments
        assert segments is not None
        ends = torch.tensor([s.length for s in segments]).cumsum(0).tolist()
        runs = [row.input_ids[0, a:b].tolist() for a, b in pairwise([0, *ends])]
        places = [row.position_ids[0, a:b].tolist() for a, b in pairwise([0, *ends])]
        prefixes = {s.prefix for s in segments if s.prefix is not None}
        read = []
        for number, segment in enumerate(segments):
            if number in prefixes:
                continue
            parent = segment.prefix
            read.append((runs[parent] if parent is not None else []) + runs[number])
            where = (places[parent] if parent is not None else []) + places[number]
            assert where == list(range(len(where)))
        assert read == [ids[index] for index in row.texts]
        assert row.input_ids[0, row.last].tolist() == [text[-1] for text in read]
        assert row.input_ids[0, row.first].tolist() == [text[0] for text in read]
        longest = max(len(text) for text in read)
        assert row.input_ids.numel() <= max(budget, ROW_PREFIXES * max(len(PROMPT), longest))
    computed = sum(row.input_ids.numel() for row in rows)
    assert computed <= sum(len(text) for text in ids)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=200), st.integers(300, 2000))
def test_padded_rows_hold_everything_once_within_the_budget(
    lengths: list[int], budget: int
) -> None:
    rows = padded_rows([[1] * length for length in lengths], budget, pad_id=0)
    assert sorted(index for row in rows for index in row.texts) == list(range(len(lengths)))
    assert all(row.input_ids.numel() <= budget for row in rows)
    assert sum(row.padding for row in rows) + sum(lengths) == sum(
        row.input_ids.numel() for row in rows
    )


@pytest.mark.parametrize("architecture", ["mistral", "distilbert", "roberta"])
def test_architectures_that_cannot_pack_are_padded_and_score_the_same(
    architecture: str, tiny_encoder: Path, tmp_path: Path
) -> None:
    """A sliding window, a head of another shape, positions counted from the pad id."""
    import transformers

    sizes = {"vocab_size": 60, "num_hidden_layers": 2, "num_attention_heads": 4}
    if architecture == "mistral":
        config = transformers.MistralConfig(
            **sizes, hidden_size=32, intermediate_size=64, num_key_value_heads=2, sliding_window=8
        )
    elif architecture == "roberta":
        config = transformers.RobertaConfig(
            **sizes, hidden_size=32, intermediate_size=64, max_position_embeddings=130
        )
    else:
        config = transformers.DistilBertConfig(
            vocab_size=60, dim=32, n_layers=2, n_heads=4, hidden_dim=64
        )
    config.num_labels = 1
    config.pad_token_id = 1
    network = transformers.AutoModelForSequenceClassification.from_config(config)
    tokenizer = RewardModel.from_base(str(tiny_encoder), 128, seed=0).tokenizer
    model = RewardModel(network.eval(), tokenizer, 128)
    assert not model.scorer.packs
    ids = family(PROMPT[:20], 3, 12, 7)
    with torch.no_grad():
        expected = [
            float(
                network(
                    input_ids=torch.tensor([row]), attention_mask=torch.ones(1, len(row))
                ).logits
            )
            for row in ids
        ]
        found = model.scores([Encoded(row) for row in ids]).tolist()
    assert found == pytest.approx(expected, abs=1e-5)
