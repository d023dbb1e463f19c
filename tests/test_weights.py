"""The trade-off of each weight, on texts whose parts are known by hand."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scoring_project import REWARDS, make_scoring_project, publish_bundle, save_fresh, table

from rewardgate.bundle import load_promoted
from rewardgate.files import write_json, write_table
from rewardgate.pairs import pairs_of
from rewardgate.process.combined import least_probabilities
from rewardgate.rewards import NO_REFERENCES, compose
from rewardgate.settings import Rewards
from rewardgate.weights import GRID, advised, totals, trade_offs, unit_parts, weights_in_use

CALIBRATION = {"mean": 0.0, "std": 1.0}


def words(text: str) -> int:
    return len(text.split())


def rewards(rules: list[dict[str, object]]) -> Rewards:
    return Rewards.model_validate({**REWARDS, "rules": rules})


DIGITS = {"name": "matches", "label": "digits", "weight": 0.5, "options": {"pattern": r"\d"}}


def held_out() -> pd.DataFrame:
    """The model prefers the worse response to all prompts; only the better one has a digit."""
    rows = table(6).assign(score=lambda t: t["rank"].astype(float) / 10)
    digit = rows["rank"].eq(1).map({True: " 7", False: ""})
    return rows.assign(text=[f"good answer {i}x" for i in "abcdefghijklmnopqrstuvwx"][: len(rows)])\
        .assign(text=lambda t: t["text"] + digit)  # fmt: skip


def probes() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "prompt": ["q ?"] * 2,
            "baseline": ["it is 7", "it is so"],
            "baseline_score": [0.0, 0.0],
            "text": ["it is", "it is so " * 3],
            "score": [0.2, 0.2],
        }
    )


def test_totals_are_the_rewards_of_compose() -> None:
    composition = rewards([DIGITS])
    rows = held_out().assign(text=lambda t: [*t["text"][:-1], "..."])
    parts = unit_parts(rows, words, CALIBRATION, composition)
    expected = [
        compose(s, x, y, words(y), 0.0, 1.0, composition, NO_REFERENCES).total
        for s, x, y in zip(rows["score"], rows["prompt"], rows["text"], strict=True)
    ]
    found = totals(parts, weights_in_use(composition), composition.floor)
    assert found == pytest.approx(expected)
    assert found[-1] == composition.floor


def test_a_weight_is_shown_with_what_it_costs_and_buys() -> None:
    composition = rewards([DIGITS])
    found = trade_offs(held_out(), probes(), words, CALIBRATION, composition, 200, 0)
    by = {(one.part, one.weight): one for one in found}
    assert sorted(weight for part, weight in by if part == "digits") == [w / 2 for w in GRID]
    pairs = pairs_of(held_out())
    with_best = float((held_out()["rank"].to_numpy()[pairs["chosen"]] == 1).mean())
    assert by["digits", 0.0].accuracy.estimate == 0
    assert by["digits", 0.5].accuracy.estimate == pytest.approx(with_best)
    assert by["digits", 0.5].against_none.estimate == pytest.approx(with_best)
    assert by["digits", 0.5].in_use
    # the first hack loses its digit, the second repeats itself
    assert by["digits", 0.0].hacks_rewarded == 0.5
    assert by["digits", 0.5].hacks_rewarded == 0.0
    assert by["repetition_penalty", 0.0].hacks_rewarded == 0.5
    assert advised(found)["digits"] == 0.5
    assert not any(one.loses for one in found if one.part == "digits")


@pytest.mark.parametrize("floor", [-5.0, 0.05])
def test_totals_with_a_process_model_are_the_rewards_of_a_bundle(
    tiny_encoder: Path, tiny_decoder: Path, tmp_path: Path, floor: float
) -> None:
    save_fresh(tiny_encoder, tmp_path / "model")
    save_fresh(tiny_decoder, tmp_path / "process")
    composition = rewards([DIGITS]).model_copy(update={"process_weight": 2.0, "floor": floor})
    publish_bundle(
        tmp_path / "model",
        {"calibration": {**CALIBRATION, "temperature": 1.0}},
        tmp_path / "promoted",
        tmp_path / "process",
        params={"rewards": composition.model_dump()},
    )
    bundle = load_promoted(tmp_path / "promoted")
    assert bundle.process is not None
    texts = ["a good answer\na bad answer 7", "good", "...", "it is so\n\nit is long\nyes " * 3]
    given = bundle.rewards(["what is it ?"] * 4, texts, [NO_REFERENCES] * 4)
    rows = pd.DataFrame(
        {"prompt": "what is it ?", "text": texts, "score": [one["score"] for one in given]}
    )
    tokens = bundle.model.encoder.count_tokens
    process = partial(least_probabilities, bundle.process)
    parts = unit_parts(rows, tokens, CALIBRATION, composition, process)
    used = weights_in_use(composition, with_process=True)
    assert used["process"] == 2.0
    found = totals(parts, used, floor)
    assert found == pytest.approx([one["reward"] for one in given], abs=1e-5)
    assert found[2] == floor
    assert (found != totals(parts, {**used, "process": 0.0}, floor)).any()


def test_the_process_part_is_weighed_by_what_it_says_of_the_steps() -> None:
    def process(prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        return np.array([0.9 if "7" in text else 0.1 for text in responses])

    composition = rewards([]).model_copy(update={"repetition_penalty": None, "process_weight": 0.5})
    found = trade_offs(held_out(), probes(), words, CALIBRATION, composition, 200, 0, process)
    by = {one.weight: one for one in found if one.part == "process"}
    assert sorted(by) == [weight / 2 for weight in GRID]
    assert by[0.5].in_use
    assert by[0.0].accuracy.estimate == 0
    # the best response of each prompt has the digit, which earns 0.8 * weight; scores differ by 0.3
    pairs = pairs_of(held_out())
    with_best = float((held_out()["rank"].to_numpy()[pairs["chosen"]] == 1).mean())
    assert by[0.5].accuracy.estimate == pytest.approx(with_best)
    # the first hack, 0.2 of score better, loses its digit; the second gains in any case
    assert (by[0.125].hacks_rewarded, by[0.5].hacks_rewarded) == (1.0, 0.5)


def test_a_weight_that_costs_accuracy_is_not_advised() -> None:
    wrong = {**DIGITS, "name": "matches_not"}
    rows = held_out().assign(score=lambda t: -t["score"])
    composition = rewards([wrong])
    found = trade_offs(rows, probes(), words, CALIBRATION, composition, 200, 0)
    losing = {one.weight for one in found if one.part == "digits" and one.loses}
    assert losing >= {0.5, 1.0, 2.0}
    assert advised(found)["digits"] not in losing


def test_the_command_prints_the_table_and_writes_the_picture(
    tiny_encoder: Path, tiny_decoder: Path, tmp_path: Path
) -> None:
    project = make_scoring_project(tiny_encoder, tiny_decoder, tmp_path / "project")
    write_json(project / "reports/calibration.json", {**CALIBRATION, "temperature": 1.0})
    write_table(project / "reports/scores.parquet", held_out().assign(split="eval"))
    write_table(project / "reports/probes.parquet", probes())
    shutil.copytree(project / "models/candidate", project / "models/process")
    run = subprocess.run(
        [sys.executable, "-m", "rewardgate", "weights"],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "repetition penalty" in run.stdout
    assert "in use" in run.stdout
    assert (project / "reports/weights.png").read_bytes().startswith(b"\x89PNG")
    rows = pd.read_csv(project / "reports/weights.csv")
    assert set(rows["part"]) == {"length_penalty", "repetition_penalty", "process"}


def test_an_unknown_command_is_no_traceback() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "rewardgate", "wieghts"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert "No such command" in run.stderr
    assert "Traceback" not in run.stderr
