"""The process model is trained, judged and combined with the rest, on tiny bases."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from project import ROOT, make_project, tiny_changes
from test_training import settings_with

from rewardgate.checkpoints import Checkpoints
from rewardgate.errors import RewardGateError
from rewardgate.files import sha256_folder
from rewardgate.params import change_params
from rewardgate.process.combined import process_credit
from rewardgate.process.data import Solution
from rewardgate.process.evaluation import evaluate_steps
from rewardgate.process.training import StepObjective, step_examples, train_steps
from rewardgate.reward_model import RewardModel

GOOD, BAD, NEUTRAL = "a good answer", "a bad answer", "it is long"


def solutions(count: int, seed: int = 0) -> list[Solution]:
    """Solutions whose steps say themselves whether they are right."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        steps = int(rng.integers(2, 5))
        error = int(rng.integers(steps)) if number % 2 else steps
        texts = [GOOD if at < error else BAD for at in range(steps)]
        labels = [1 if at < error else -1 for at in range(steps)]
        found.append(Solution(f"question {number} ?", texts, labels))
    return found


def fresh(base: Path) -> RewardModel:
    return RewardModel.from_base(str(base), max_length=64, seed=0)


def test_what_is_trained_on(tiny_decoder: Path) -> None:
    model = fresh(tiny_decoder)
    one = [
        Solution("p ?", [GOOD, NEUTRAL, BAD, GOOD], [1, 0, -1, 1]),
        Solution("p ?", [GOOD, BAD], [1, -1]),
        Solution("q ?", [GOOD, BAD], [1, -1]),
        Solution("q ?", [GOOD], [-1]),
    ]
    first, second = step_examples(one, model.encoder, "right")
    assert first.right.tolist() == [1, 1, 0, 0]
    texts = [GOOD, f"{GOOD}\n{NEUTRAL}", f"{GOOD}\n{NEUTRAL}\n{BAD}", f"{GOOD}\n{BAD}"]
    assert [e.ids for e in first.encoded] == [model.encoder.encode("p ?", t).ids for t in texts]
    assert second.right.tolist() == [0.5, 0]
    assert step_examples(one[:1], model.encoder, "wrong")[0].right.tolist() == [1, 0, 0]
    assert step_examples(one[:1], model.encoder, "ignored")[0].right.tolist() == [1, 0]
    assert step_examples([Solution("p", [NEUTRAL], [0])], model.encoder, "ignored") == []


def test_a_step_beyond_the_cut_is_not_trained_on(tiny_decoder: Path) -> None:
    long = Solution("p ?", [GOOD] * 40, [1] * 40)
    (example,) = step_examples([long], fresh(tiny_decoder).encoder, "right")
    assert 5 < example.size < 40
    assert max(len(one.ids) for one in example.encoded) <= 64


def test_the_loss_by_hand(tiny_decoder: Path) -> None:
    examples = step_examples(solutions(4), fresh(tiny_decoder).encoder, "right")
    right = torch.tensor(np.concatenate([e.right for e in examples]), dtype=torch.float32)
    scores = torch.linspace(-2, 2, len(right))
    loss, margins = StepObjective(7.0)(scores, examples)
    by_hand = -(right * F.logsigmoid(scores) + (1 - right) * F.logsigmoid(-scores)).sum() / 7
    assert float(loss) == pytest.approx(float(by_hand), rel=1e-6)
    assert torch.equal(margins > 0, (scores > 0) == (right == 1))
    assert StepObjective(7.0).weight(examples) == len(right)


@pytest.mark.parametrize("base", ["tiny_encoder", "tiny_decoder"])
def test_a_rule_is_learnt_and_the_first_error_found(
    base: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    path = request.getfixturevalue(base)
    settings = settings_with(path, epochs=4, batch_pairs=16, learning_rate=3e-3)
    weights = []
    for name in ("one", "two"):
        model = fresh(path)
        checkpoints = Checkpoints(tmp_path / f"checkpoints-{name}", {"run": name})
        log, report = train_steps(
            model, solutions(60), solutions(10, 1), settings, "right", 0, checkpoints
        )
        model.save(tmp_path / name)
        weights.append(sha256_folder(tmp_path / name))
    assert weights[0] == weights[1]
    assert report["step_labels"] > report["wrong_steps"] > 20
    assert log.best["eval_loss"] < log.evals[0]["eval_loss"] or len(log.evals) == 1
    measured = evaluate_steps(model, solutions(40, 2), solutions(40, 3), 200, 0)
    assert measured["test"]["f1"] > 0.9
    assert measured["baselines"]["random"]["f1"] < 0.4
    assert (measured["with_error"], measured["without_error"]) == (20, 20)
    with pytest.raises(RewardGateError, match="0 of the 5 solutions of the test split"):
        evaluate_steps(model, solutions(6), solutions(10)[::2], 200, 0)


def test_nothing_to_train_on_is_told(tiny_decoder: Path, tmp_path: Path) -> None:
    neutral = [Solution("p", [NEUTRAL], [0])]
    with pytest.raises(RewardGateError, match="no labelled step in the training split"):
        train_steps(
            fresh(tiny_decoder),
            neutral,
            neutral,
            settings_with(tiny_decoder),
            "ignored",
            0,
            Checkpoints(tmp_path, {}),
        )


def test_process_credit_by_hand() -> None:
    earned = process_credit(np.array([0.9, 0.95, 0.2, 0.8, 0.1]), 2.0)
    assert earned == pytest.approx([1.8, 0.0, -1.4, 0.0, -0.2])
    assert earned.sum() == pytest.approx(2.0 * 0.1)


def test_the_stages_run_and_nothing_promoted_depends_on_them(
    tiny_decoder: Path, tmp_path: Path
) -> None:
    project = make_project(
        tmp_path / "project",
        *tiny_changes(tiny_decoder),
        "process.simulate.problems=60",
        "process.presets.other={batch_pairs: 32}",
    )
    dvc = (sys.executable, "-m", "dvc")
    finished = project.run(*dvc, "repro", "evaluate_process")
    assert finished.returncode == 0, finished.stderr + finished.stdout
    report = json.loads((project.path / "reports/process.json").read_text())
    assert report["with_error"] > 0 < report["without_error"]
    assert report["process_sha256"] == sha256_folder(project.path / "models/process")
    assert not (project.path / "models/process_checkpoints").exists()
    for name in ("models/candidate", "data/simulated"):
        assert not (project.path / name).exists()
    finished = project.run(*dvc, "repro", "--dry", "promote")
    assert "process" not in finished.stdout


def test_a_wrong_preset_is_told(tmp_path: Path) -> None:
    for preset, told in (
        ("{batch_steps: 3}", "process.presets: batch_steps: Extra inputs"),
        ("{epochs: 0}", "process.presets: epochs: Input should be greater than"),
    ):
        shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml")
        with pytest.raises(RewardGateError, match=told):
            change_params(tmp_path / "params.yaml", [f"process.presets.minilm={preset}"])
