"""Learning by heart: the pipeline's own evaluation shows it and the gate blocks it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tables import WORDS, responses_table
from test_checklist import GATE, sound
from test_rewards import REWARDS
from test_training import settings_with

import stages.calibrate
import stages.evaluate
from rewardgate.checklist import failures, judge
from rewardgate.checkpoints import Checkpoints
from rewardgate.files import read_json, read_table, write_table
from rewardgate.reward_model import RewardModel
from rewardgate.trained_on import TRAINED_ON, record_of
from rewardgate.training import train

ROOT = Path(__file__).parent.parent
ONLY_LAST = 1000
GAP = "accuracy on training prompts minus held-out"
(MAX_GAP,) = (check.threshold for check in GATE.checks if check.name == "train_test_gap")


def noisy_rankings(prompts: int, seed: int) -> pd.DataFrame:
    """Pairs of random words in which the one that ends in 'good' wins, three times out of four."""
    random = np.random.default_rng(seed)

    def words(count: int) -> str:
        return " ".join(random.choice(WORDS[:30], count))

    rankings = []
    for _ in range(prompts):
        good = random.random() < 0.75
        rankings.append((words(4), [(f"{words(3)} good", 2 - good), (f"{words(3)} bad", 1 + good)]))
    return responses_table(rankings)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for seed, (name, prompts) in enumerate(
        {"train": 24, "eval": 60, "calibration": 40, "test": 100}.items()
    ):
        write_table(tmp_path / f"data/split/{name}.parquet", noisy_rankings(prompts, seed))
    splits = [read_table(tmp_path / f"data/split/{name}.parquet") for name in ("train", "eval")]
    write_table(tmp_path / TRAINED_ON, record_of(*splits, None))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def evaluated(
    base: Path, epochs: int, eval_steps: int, patience: int | None = None
) -> tuple[float, list[str]]:
    """The gap of a candidate trained for so many epochs, and what the checklist says of it."""
    settings = settings_with(
        base,
        epochs=epochs,
        learning_rate=5e-3,
        checkpoint_steps=ONLY_LAST,
        eval_steps=eval_steps,
        eval_prompts=60,
        patience=patience,
    )
    model = RewardModel.from_base(str(base), settings.preset.max_length, seed=0)
    splits = [read_table(f"data/split/{name}.parquet") for name in ("train", "eval")]
    train(model, *splits, settings, 0, Checkpoints(Path("checkpoints"), {}))
    model.save("models/candidate")
    stages.calibrate.main()
    stages.evaluate.main()
    evaluation = read_json("reports/evaluation.json")
    reports = {**sound(), "evaluation": evaluation}
    return evaluation["train_minus_test_accuracy"], failures(judge(GATE, REWARDS, reports))


@pytest.mark.usefixtures("project")
def test_many_epochs_on_few_noisy_pairs_are_seen_by_the_gate(tiny_encoder: Path) -> None:
    gap, failed = evaluated(tiny_encoder, epochs=2, eval_steps=ONLY_LAST)
    gap_of_many, failed_of_many = evaluated(tiny_encoder, epochs=12, eval_steps=ONLY_LAST)
    gap_of_best, failed_of_best = evaluated(tiny_encoder, epochs=12, eval_steps=3, patience=3)
    assert max(gap, gap_of_best) < MAX_GAP < gap_of_many - 0.1
    assert not any(GAP in line for line in failed + failed_of_best)
    assert any(line.startswith("accuracy: ") and GAP in line for line in failed_of_many)
