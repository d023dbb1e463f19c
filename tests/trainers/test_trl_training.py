"""GRPO and RLOO of the real TRL raise the promoted reward of a tiny policy."""

import random
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from calibrated import Texts, promote_calibrated
from datasets import Dataset
from tables import WORDS
from tiny_policy import save_policy
from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer

from rewardgate.trainers.trl import PromotedReward

PROMPTS = ["what is it ?", "what is the capital of france ?", "hello", "two plus two ?"]
STEPS, ENDS = 40, 8
RISE = 1.0
"""Least gain in mean reward from the first `ENDS` steps to the last. Seeds 0 to 5 gained 2.66 to
3.66 under GRPO and 3.15 to 3.82 under RLOO; with a learning rate of 0, -0.03 to 0.19."""


@pytest.fixture(scope="module")
def promoted(tiny_decoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Calibrated on texts like the policy's; a rule asks for the word good."""
    draw = random.Random(0)
    responses = [" ".join(draw.choices(WORDS, k=8)) for _ in range(64)]
    texts = Texts(PROMPTS * 16, responses, [None] * 64)
    rules = [{"name": "matches", "weight": 2.0, "options": {"pattern": "good"}}]
    return promote_calibrated(
        tiny_decoder, tmp_path_factory.mktemp("grpo") / "project", texts, rules
    )


def steps(
    trainer: type[Any], config: type[Any], promoted: Path, out: Path, seed: int, rate: float
) -> list[dict[str, float]]:
    """What TRL logged at each step; beside the promoted reward the folder itself, of no weight."""
    save_policy(promoted / "current", out / "policy")
    prompts = [{"prompt": [{"role": "user", "content": prompt}]} for prompt in PROMPTS]
    arguments = config(
        str(out / "run"),
        seed=seed,
        max_steps=STEPS,
        learning_rate=rate,
        lr_scheduler_type="constant",
        per_device_train_batch_size=32,
        num_generations=8,
        max_completion_length=8,
        reward_weights=[1.0, 0.0],
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        bf16=False,
        disable_tqdm=True,
    )
    run = trainer(
        model=str(out / "policy"),
        reward_funcs=[PromotedReward(promoted), str(promoted / "current")],
        args=arguments,
        train_dataset=Dataset.from_list(prompts),
    )
    run.train()
    return [row for row in run.state.log_history if "reward" in row]


def gain(log: list[dict[str, float]]) -> float:
    rewards = [row["rewards/rewardgate/mean"] for row in log]
    assert len(rewards) == STEPS
    return fmean(rewards[-ENDS:]) - fmean(rewards[:ENDS])


@pytest.mark.parametrize(
    ("trainer", "config"), [(GRPOTrainer, GRPOConfig), (RLOOTrainer, RLOOConfig)]
)
def test_the_mean_reward_rises(
    trainer: type[Any], config: type[Any], promoted: Path, tmp_path: Path
) -> None:
    log = steps(trainer, config, promoted, tmp_path, seed=0, rate=1e-2)
    assert gain(log) > RISE
    assert log[-1]["rewardgate/rule_matches"] > log[0]["rewardgate/rule_matches"] + 1
    for row in log:  # the folder as a reward model of TRL's own gives the raw score
        assert row["rewards/current/mean"] == pytest.approx(row["rewardgate/score"], abs=1e-5)


def test_without_learning_it_does_not(promoted: Path, tmp_path: Path) -> None:
    assert gain(steps(GRPOTrainer, GRPOConfig, promoted, tmp_path, seed=0, rate=0.0)) < RISE / 2
