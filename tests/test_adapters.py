from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.state import AcceleratorState
from safetensors import safe_open
from test_training import run, settings_with, table
from torch import Tensor
from transformers import AutoModelForSequenceClassification

from rewardgate.adapters import adapt, merge, with_features
from rewardgate.encoding import Encoded
from rewardgate.errors import RewardGateError
from rewardgate.examples import examples_of
from rewardgate.reward_model import RewardModel
from rewardgate.settings import TrainPreset
from rewardgate.training import Trainer

BASES = ["tiny_encoder", "tiny_decoder"]
TEXTS = [
    "yes",
    "paris it is .",
    "good answer good answer",
    "no no no",
    "thank you very long answer",
]


@pytest.fixture(params=BASES)
def base(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


@pytest.fixture
def fresh_precision():
    """Accelerate has one precision in a process; this test has its own."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


def preset_with(**changes: Any) -> TrainPreset:
    return settings_with(Path("."), **changes).preset


def fresh(base: Path) -> RewardModel:
    return RewardModel.from_base(str(base), 64, seed=0)


def encoded_texts(model: RewardModel) -> list[Encoded]:
    return [model.encoder.encode("what is the capital of france ?", text) for text in TEXTS]


def head_of(model: RewardModel) -> set[str]:
    return {name for name in model.model.state_dict() if name.startswith(("score", "classifier"))}


def weights_of(model: RewardModel) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.model.state_dict().items()}


def lively(base: Path) -> RewardModel:
    """A model with large weights, whose scores differ by much more than rounding."""
    model = fresh(base)
    random = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.model.parameters():
            if parameter.ndim == 2:
                parameter.normal_(std=0.3, generator=random)
    return model


@pytest.mark.parametrize(
    ("base", "trained"),
    [
        # Rank 4 adds 4 (in + out) to a linear layer. BERT: query, key, value, output 64 each, the
        # two of the MLP 96 each, in 2 layers, and the pooler 64; the head has 32 weights, 1 bias.
        ("tiny_encoder", 4 * (2 * (4 * 64 + 2 * 96) + 64) + 33),
        # Llama: query and output 64 each, key and value of 2 heads of 8 48 each, three of 96.
        ("tiny_decoder", 4 * 2 * (2 * 64 + 2 * 48 + 3 * 96) + 32),
    ],
    indirect=["base"],
)
def test_lora_trains_adapters_on_every_linear_layer_and_the_head(base: Path, trained: int) -> None:
    model = fresh(base)
    before = model.scores(encoded_texts(model)).detach()
    adapt(model, preset_with(method="lora", lora_rank=4), seed=0)
    trainable = {name: p for name, p in model.model.named_parameters() if p.requires_grad}
    assert sum(p.numel() for p in trainable.values()) == trained
    others = {name for name in trainable if ".lora_A." not in name and ".lora_B." not in name}
    assert others == head_of(model)
    assert torch.equal(model.scores(encoded_texts(model)), before)


def test_frozen_layers_get_no_trained_adapter(base: Path) -> None:
    model = fresh(base)
    adapt(model, preset_with(method="lora", frozen_layers=1), seed=0)
    trainable = {name for name, p in model.model.named_parameters() if p.requires_grad}
    assert any(".1." in name for name in trainable)
    assert not any(".0." in name for name in trainable)


def test_the_adapters_depend_on_the_seed_alone(base: Path) -> None:
    first = []
    for seed in (0, 0, 1):
        model = fresh(base)
        adapt(model, preset_with(method="lora"), seed)
        first.append(next(p for name, p in model.model.named_parameters() if "lora_A" in name))
    assert torch.equal(first[0], first[1])
    assert not torch.equal(first[0], first[2])


@torch.no_grad()
def test_a_merged_model_is_a_plain_classifier_with_the_scores_of_the_adapted_one(
    base: Path, tmp_path: Path
) -> None:
    model = lively(base)
    encoded, names = encoded_texts(model), set(model.model.state_dict())
    start = model.scores(encoded)
    adapt(model, preset_with(method="lora", lora_rank=4, lora_alpha=8), seed=0)
    noise = torch.Generator().manual_seed(2)
    for name, parameter in model.model.named_parameters():
        if ".lora_B." in name:  # zero at the start, so that nothing would be merged
            parameter.normal_(std=0.1, generator=noise)
    adapted = model.scores(encoded)
    assert (adapted - start).abs().max() > 0.01
    merge(model)
    assert model.scores(encoded).tolist() == pytest.approx(adapted.tolist(), abs=1e-5)
    assert set(model.model.state_dict()) == names
    assert all(p.requires_grad for p in model.model.parameters())

    model.save(tmp_path)
    with safe_open(tmp_path / "model.safetensors", "pt") as saved:
        assert not [key for key in saved.keys() if "lora" in key or "base_layer" in key]  # noqa: SIM118
    assert not list(tmp_path.glob("adapter*"))
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    scores = [plain(input_ids=torch.tensor([item.ids])).logits.item() for item in encoded]
    assert scores == pytest.approx(adapted.tolist(), abs=1e-5)
    reloaded = RewardModel.load(tmp_path).scores(encoded)
    assert reloaded.tolist() == pytest.approx(adapted.tolist(), abs=1e-5)


def test_features_give_the_scores_and_the_head_gradients_of_the_whole_network(base: Path) -> None:
    def backward(method: str) -> tuple[Tensor, Tensor, float]:
        model = lively(base)
        settings = settings_with(base, method=method)
        trainer = Trainer.prepare(model, table(6), table(2), settings, 0)
        assert (trainer.examples[0].features is not None) == (method == "head")
        scores = trainer.scores(trainer.examples).detach()
        loss, _ = trainer.backward(trainer.examples)
        weight = model.scorer.head.weight
        again, _ = trainer.objective(trainer.scores(trainer.examples), trainer.examples)
        (gradient,) = torch.autograd.grad(again, weight)
        assert torch.allclose(weight.grad, gradient, atol=1e-6)
        return scores, gradient, loss

    scores, gradient, loss = backward("full")
    head_scores, head_gradient, head_loss = backward("head")
    assert head_scores.std() > 0.05
    assert head_scores.tolist() == pytest.approx(scores.tolist(), abs=1e-5)
    assert torch.allclose(head_gradient, gradient, atol=1e-6)
    assert head_loss == pytest.approx(loss, rel=1e-6)


def test_each_prompts_features_come_in_the_order_of_its_responses(base: Path) -> None:
    model = lively(base)
    examples = with_features(model, examples_of(table(3), model.encoder), "test")
    for example in examples:
        assert example.features is not None
        assert example.features.shape == (len(example.encoded), 32)
        scores = model.scorer(example.features)
        assert scores.diff().abs().min() > 1e-4
        assert scores.tolist() == pytest.approx(model.scores(example.encoded).tolist(), abs=1e-6)


def test_training_the_head_leaves_the_trunk_as_it_was(base: Path, tmp_path: Path) -> None:
    start = weights_of(fresh(base))
    model, _, report = run(base, tmp_path / "c", tmp_path / "m", method="head")
    trained = weights_of(RewardModel.load(tmp_path / "m"))
    changed = {name for name, value in start.items() if not torch.equal(trained[name], value)}
    assert changed == head_of(model)
    assert report["parameters_trained"] == sum(start[name].numel() for name in changed)


@pytest.mark.parametrize("method", ["lora", "head"])
def test_a_head_that_cannot_be_told_from_its_trunk_is_refused(
    method: str, tiny_padded: Path, tmp_path: Path
) -> None:
    with pytest.raises(RewardGateError) as caught:
        run(tiny_padded, tmp_path / "c", tmp_path / "m", method=method)
    assert str(caught.value) == (
        f"train.presets: method {method} needs a decoder or an encoder with a pooler, which "
        "DistilBertForSequenceClassification is not; use method: full"
    )


@pytest.mark.parametrize("method", ["lora", "head"])
def test_lora_and_head_learn_the_rule(method: str, base: Path, tmp_path: Path) -> None:
    changes = {"method": method, "epochs": 6, "learning_rate": 1e-2, "head_learning_rate": 1e-1}
    _, log, report = run(base, tmp_path / "c", tmp_path / "m", **changes)
    assert log.evals[-1]["eval_accuracy"] == 1.0
    assert log.evals[-1]["eval_loss"] < log.evals[0]["eval_loss"] - 0.002
    assert report["parameters_trained"] < report["parameters"] / 2


@pytest.mark.parametrize("method", ["full", "lora"])
def test_gradient_checkpointing_computes_twice_and_changes_nothing(
    method: str, base: Path, tmp_path: Path
) -> None:
    def curve(name: str, **changes: Any) -> tuple[list[float], int]:
        calls = 0

        def count(module: torch.nn.Module, _: object) -> None:
            nonlocal calls
            calls += isinstance(module, torch.nn.Linear)

        hook = torch.nn.modules.module.register_module_forward_pre_hook(count)
        try:
            changes |= {"method": method, "learning_rate": 3e-3, "epochs": 2}
            _, log, _ = run(base, tmp_path / f"c{name}", tmp_path / name, **changes)
        finally:
            hook.remove()
        return [row["loss"] for row in log.steps] + [row["eval_loss"] for row in log.evals], calls

    plain, calls = curve("plain")
    checkpointed, more_calls = curve("checkpointed", gradient_checkpointing=True)
    assert checkpointed == pytest.approx(plain, abs=1e-6)
    assert max(plain) - min(plain) > 0.01
    assert more_calls > 1.4 * calls


@pytest.mark.usefixtures("fresh_precision")
def test_bf16_stays_near_fp32_and_is_saved_as_float32(base: Path, tmp_path: Path) -> None:
    _, exact, _ = run(base, tmp_path / "c1", tmp_path / "m1", epochs=3)
    AcceleratorState._reset_state(reset_partial_state=True)
    _, rounded, _ = run(base, tmp_path / "c2", tmp_path / "m2", epochs=3, precision="bf16")
    curves = [[row["loss"] for row in log.steps] for log in (exact, rounded)]
    assert curves[0] != curves[1]
    assert curves[1] == pytest.approx(curves[0], abs=0.05)
    assert rounded.evals[-1]["eval_loss"] < rounded.evals[0]["eval_loss"]
    with safe_open(tmp_path / "m2/model.safetensors", "pt") as saved:
        assert {saved.get_tensor(key).dtype for key in saved.keys()} == {torch.float32}  # noqa: SIM118
