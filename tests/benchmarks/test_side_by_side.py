"""The benchmarks run, and measure what they say."""

import json
import math
from pathlib import Path

import pytest

from benchmarks import score, train
from benchmarks.cases import Case, decoder_case
from rewardgate.pairs import pairs_of


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back what the commands set for their child processes."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def test_training_beside_trl(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("trl")
    assert train.main(["--quick", "--threads", "1", "--json", str(tmp_path / "t.json")]) == 0
    (row,) = json.loads((tmp_path / "t.json").read_text())
    peer, ours = row["sides"]["TRL"], row["sides"]["rewardgate"]
    table = decoder_case("tiny", Path(), k=4, length=32, steps=4).tables()[0]
    pairs = pairs_of(table)
    assert peer["pairs"] == ours["pairs"] == len(pairs)
    # One token a word, and five of the template: "user :", "assistant :" and the end.
    words = (table["prompt"] + " " + table["text"]).str.split().map(len).to_numpy() + 5
    assert peer["tokens"] == words[pairs["chosen"]].sum() + words[pairs["rejected"]].sum()
    # Rankings of 4 have 6 pairs, so 12 encodings against 4: a third, and the prompt only once.
    assert ours["tokens"] < peer["tokens"] / 3
    assert ours["tokens"] == ours["positions"]
    assert peer["tokens"] < peer["positions"]
    assert min(peer["accuracy"], ours["accuracy"]) > 0.55
    assert row["equal"]["accuracy"] >= ours["accuracy"]
    most = ours["tokens"] * math.ceil(row["equal"]["epochs"])
    assert ours["tokens"] <= row["equal"]["tokens"] <= most
    assert capsys.readouterr().out.count("\n") == 3


@pytest.mark.parametrize(
    ("accuracy", "expected"),
    [(0.7, ["1 (0.750)", "12.0"]), (0.77, ["1.5 (0.775)", "8.0"]), (0.9, ["over 3 (0.850)", ""])],
)
def test_epochs_are_raised_until_the_accuracy_is_equal(
    accuracy: float, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained(case: Case, names: list[str], args: object) -> dict[str, dict[str, float]]:
        epochs = case.our_epochs
        ours = {"seconds": 2.0 * epochs, "accuracy": 0.7 + 0.05 * epochs}
        sides = {"TRL": {"seconds": 24.0, "accuracy": accuracy}, "rewardgate": ours}
        return {name: sides[name] for name in names}

    monkeypatch.setattr(train, "trained", trained)
    case = decoder_case("tiny", Path(), k=4, length=32, steps=1)
    row = train.measure(case, train.parse([]))
    assert train.equal_accuracy(row["equal"], row["sides"]["TRL"]) == expected


def test_of_several_rates_each_side_takes_its_most_accurate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    accuracies = {"TRL": {1e-3: 0.8, 2e-3: 0.7}, "rewardgate": {1e-3: 0.6, 2e-3: 0.75}}

    def trained(case: Case, names: list[str], args: object) -> dict[str, dict[str, float]]:
        rate = case.recipe.learning_rate
        return {name: {"accuracy": accuracies[name][rate], "rate": rate} for name in names}

    monkeypatch.setattr(train, "trained", trained)
    args = train.parse(["--learning-rate", "1e-3", "2e-3"])
    case = decoder_case("tiny", Path(), k=4, length=32, steps=1)
    sides = train.best(case, ["TRL", "rewardgate"], args)
    assert {name: side["rate"] for name, side in sides.items()} == {"TRL": 1e-3, "rewardgate": 2e-3}


def test_scoring_beside_the_usual_loop(tmp_path: Path) -> None:
    assert score.main(["--quick", "--threads", "1", "--json", str(tmp_path / "s.json")]) == 0
    (row,) = json.loads((tmp_path / "s.json").read_text())
    loop, ours = row["sides"][row["best_loop"]], row["sides"]["rewardgate"]
    assert row["max_difference"] < 1e-5
    assert ours["positions"] == ours["tokens"] < loop["tokens"] < loop["positions"]
