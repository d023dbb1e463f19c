from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import responses_table
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from rewardgate.encoding import Encoded, pad_right
from rewardgate.errors import RewardGateError
from rewardgate.reward_model import RewardModel
from rewardgate.scoring import score, score_table

BASES = ["tiny_encoder", "tiny_decoder"]
TEXTS = ["yes", "paris it is .", "good answer " * 9, "no " * 30, "thank you very long answer"]


@pytest.fixture(scope="module", params=BASES)
def model(request: pytest.FixtureRequest) -> RewardModel:
    base = request.getfixturevalue(request.param)
    model = RewardModel.from_base(str(base), max_length=64, seed=0)
    model.model.eval()
    with torch.no_grad():  # a wide head, so that a wrong position would show
        for name, parameter in model.model.named_parameters():
            if name in ("score.weight", "classifier.weight"):
                parameter.normal_(std=1.0, generator=torch.Generator().manual_seed(1))
    return model


@torch.no_grad()
def alone(model: RewardModel, encoded: Encoded) -> float:
    ids = torch.tensor([encoded.ids])
    return float(model.forward(ids, torch.ones_like(ids)))


def encoded_texts(model: RewardModel) -> list[Encoded]:
    return [model.encoder.encode("what is the capital of france ?", text) for text in TEXTS]


@pytest.mark.parametrize("side", ["left", "right"])
@torch.no_grad()
def test_padding_on_either_side_does_not_change_a_score(model: RewardModel, side: str) -> None:
    encoded = encoded_texts(model)
    longest = max(len(item.ids) for item in encoded) + 3
    rows, masks = [], []
    for item in encoded:
        pads = [model.tokenizer.pad_token_id] * (longest - len(item.ids))
        ones, zeros = [1] * len(item.ids), [0] * len(pads)
        rows.append(pads + item.ids if side == "left" else item.ids + pads)
        masks.append(zeros + ones if side == "left" else ones + zeros)
    batch = model.forward(torch.tensor(rows), torch.tensor(masks))
    assert batch.tolist() == pytest.approx([alone(model, item) for item in encoded], abs=1e-5)
    assert batch.std() > 1e-4


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(len(TEXTS))), st.integers(1, len(TEXTS)))
def test_neighbours_and_order_do_not_change_a_score(
    model: RewardModel, order: list[int], size: int
) -> None:
    encoded = encoded_texts(model)
    with torch.no_grad():
        scores = model.scores([encoded[i] for i in order[:size]])
    assert scores.tolist() == pytest.approx(
        [alone(model, encoded[i]) for i in order[:size]], abs=1e-5
    )


@torch.no_grad()
def test_a_text_that_ends_in_the_end_token_is_read_at_that_token(tiny_decoder: Path) -> None:
    model = RewardModel.from_base(str(tiny_decoder), max_length=64, seed=0)
    encoded = model.encoder.encode("what is it ?", "paris")
    assert encoded.ids[-1] == model.tokenizer.eos_token_id
    longer = [encoded.ids, encoded.ids[:-1] + model.encoder.encode("a", "b").ids]
    ids, mask = pad_right(longer, model.tokenizer.pad_token_id)
    hidden = model.model.model(input_ids=torch.tensor([encoded.ids])).last_hidden_state
    expected = float(model.model.score(hidden[0, -1]))
    assert model.forward(ids, mask)[0].item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("base", [*BASES, "minilm"])
def test_plain_transformers_loads_the_saved_model_and_gives_the_same_scores(
    base: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    name = base if base == "minilm" else str(request.getfixturevalue(base))
    model = RewardModel.from_base(name, max_length=64, seed=0)
    model.save(tmp_path)
    assert (tmp_path / "model.safetensors").is_file()
    assert not list(tmp_path.glob("*.bin"))
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path, use_safetensors=True)
    assert plain.config.num_labels == 1
    plain.eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    rendered = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": "who ?"}, {"role": "assistant", "content": text}],
            tokenize=False,
        )
        for text in TEXTS
    ]
    batch = tokenizer(rendered, add_special_tokens=False, padding=True, return_tensors="pt")
    with torch.no_grad():
        expected = plain(**batch).logits[:, 0].tolist()
    ours = score(RewardModel.load(tmp_path), ["who ?"] * len(TEXTS), TEXTS)
    assert ours.tolist() == pytest.approx(expected, abs=1e-5)


def test_scores_keep_the_order_of_a_table_longer_than_a_window(
    model: RewardModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = responses_table([("who ?", [(text, 1) for text in TEXTS])] * 3)
    whole = score_table(model, table, "test")["score"]
    monkeypatch.setattr("rewardgate.scoring.WINDOW", 4)
    windowed = score_table(model, table, "test")["score"]
    assert windowed.tolist() == pytest.approx(whole.tolist(), abs=1e-5)
    assert whole[:5].tolist() == pytest.approx(whole[5:10].tolist(), abs=1e-5)


def test_freezing_layers_leaves_the_rest_trainable(tiny_encoder: Path) -> None:
    model = RewardModel.from_base(str(tiny_encoder), max_length=64, seed=0)
    model.scorer.freeze(embeddings=True, layers=1)
    trained = {name for name, p in model.model.named_parameters() if p.requires_grad}
    assert not any("embeddings" in name or "layer.0." in name for name in trained)
    assert any("layer.1." in name for name in trained)
    assert "classifier.weight" in trained
    with pytest.raises(RewardGateError, match=r"frozen_layers 9, but the base has 2 layers"):
        model.scorer.freeze(embeddings=False, layers=9)


def test_the_head_depends_on_the_seed_alone(tiny_encoder: Path) -> None:
    heads = [
        RewardModel.from_base(str(tiny_encoder), 64, seed).model.classifier.weight
        for seed in (0, 0, 1)
    ]
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("./nowhere", "no config.json there"),
        ("no-such-model", "cannot be loaded"),
    ],
)
def test_a_base_that_cannot_be_loaded_is_named(base: str, message: str) -> None:
    with pytest.raises(RewardGateError, match=message) as caught:
        RewardModel.from_base(base, 64, 0)
    assert base in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_candidate_says_which_stage_writes_it(tmp_path: Path) -> None:
    with pytest.raises(RewardGateError, match="run the train stage"):
        RewardModel.load(tmp_path)
