"""Heads on a trunk: what they learn, how much they disagree, and what is made of it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scoring_project import save_fresh
from tables import responses_table

from rewardgate.ensemble import (
    WEIGHTS,
    Ensemble,
    Held,
    disagreement,
    ensemble_report,
    features,
    fit_heads,
    group_means,
)
from rewardgate.errors import RewardGateError
from rewardgate.files import sha256_file
from rewardgate.reward_model import RewardModel
from rewardgate.scoring import score

TRUE = np.array([2.0, -1.0, 0.5, 0.0])


def planted(prompts: int, seed: int = 0) -> tuple[np.ndarray, pd.DataFrame]:
    """Features (4 * prompts, 4), and rankings by BT draws from features @ TRUE."""
    rng = np.random.default_rng(seed)
    read = rng.normal(size=(4 * prompts, 4))
    noisy = (read @ TRUE + rng.gumbel(size=4 * prompts)).reshape(prompts, 4)
    ranks = (-noisy).argsort(axis=1).argsort(axis=1) + 1
    return read, responses_table(
        [(f"q{i}", [(f"{i} {k}", int(ranks[i, k])) for k in range(4)]) for i in range(prompts)]
    )


def test_heads_find_what_the_rankings_were_drawn_from() -> None:
    heads = fit_heads(*planted(400), heads=6, l2=1e-3, seed=1)
    assert heads.shape == (6, 4)
    np.testing.assert_allclose(heads.mean(axis=0), TRUE, atol=0.25)


def test_heads_agree_the_more_the_more_prompts_there_are() -> None:
    """A standard error falls with the root of the prompts: 4 times from 25 to 400."""
    few, many = (fit_heads(*planted(n), heads=8, l2=1e-2, seed=1) for n in (25, 400))
    fresh = np.random.default_rng(9).normal(size=(200, 4))
    ratio = disagreement(few, fresh).mean() / disagreement(many, fresh).mean()
    assert 2 < ratio < 8


def test_the_unit_of_a_feature_does_not_matter() -> None:
    read, table = planted(40)
    unit = np.array([1.0, 1000.0, 0.001, 1.0])
    ours, theirs = (fit_heads(one, table, 2, 0.1, 0) for one in (read, read * unit))
    np.testing.assert_allclose(ours, theirs * unit, rtol=1e-3, atol=1e-4)


def test_same_seed_same_heads_and_a_constant_feature_weighs_nothing() -> None:
    read, table = planted(30)
    read = np.column_stack([read, np.full(len(read), 7.0)])
    first = fit_heads(read, table, 3, 0.1, 5)
    assert first.tobytes() == fit_heads(read, table, 3, 0.1, 5).tobytes()
    assert not np.array_equal(first, fit_heads(read, table, 3, 0.1, 6))
    assert np.abs(first[:, 4]).max() == 0


def test_a_prompt_weighs_the_same_however_many_rankings_it_has() -> None:
    read, table = planted(30)
    again = [table.head(4).assign(ranking_id=f"again {i}") for i in range(5)]
    more = pd.concat([table, *again], ignore_index=True)
    ours = fit_heads(read, table, 3, 1e-6, 0)
    theirs = fit_heads(np.concatenate([read, *[read[:4]] * 5]), more, 3, 1e-6, 0)
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_too_few_prompts_are_named() -> None:
    with pytest.raises(RewardGateError, match=r"9 training prompts have a decided pair, and 10"):
        fit_heads(*planted(9), heads=2, l2=0.1, seed=0)


def test_disagreement_is_the_standard_deviation_over_heads() -> None:
    heads = np.array([[1.0, 0.0], [3.0, 0.0]])
    # scores 1 and 3, then 0 and 0; with k - 1 in the denominator
    assert disagreement(heads, np.array([[1.0, 5.0], [0.0, 5.0]])).tolist() == [np.sqrt(2), 0.0]


def test_group_means() -> None:
    values = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 8.0]])
    assert group_means(values, ["a", "b", "a"]).tolist() == [[3, 5], [3, 4], [3, 5]]


def report_of(winners: list[dict], read: np.ndarray) -> dict:
    """Two prompts with two responses each; the heads agree on feature 0, and not on feature 1."""
    table = responses_table([("a", [("a1", 1), ("a2", 2)]), ("b", [("b1", 2), ("b2", 1)])]).assign(
        score=[4.0, 0.0, 6.0, 2.0]
    )
    held = Held(table, np.array([[2.0, 0.1], [0.0, -0.1], [3.0, 0.2], [1.0, -0.2]]), 2.0)
    heads = np.array([[1.0, 1.0], [1.0, -1.0]])
    return ensemble_report(heads, held, winners, read, 0.5, 200, 0)


def winner(prompt: int, hacked: bool, proxy: float, reference: float) -> dict:
    return {
        "prompt_id": f"p{prompt}",
        "hacked": hacked,
        "winner": {"proxy": proxy},
        "reference": {"proxy": reference},
    }


def test_report_of_a_case_worked_by_hand() -> None:
    """Disagreement is sqrt(2) |feature 1 - its mean|: 0.14 at the first prompt, 0.28 at the other.
    Only b1 outscores the best-ranked response to its prompt."""
    report = report_of(
        [winner(0, True, 9.0, 2.0), winner(1, False, 1.5, 1.0), winner(1, True, 0.5, 1.0)],
        np.array([[1.0, 3.0], [2.0, 0.0], [2.0, 9.0]]),
    )
    assert report["heads"] == 2
    assert report["agreement"] == pytest.approx(1.0)
    assert report["threshold"] == pytest.approx(0.15 * np.sqrt(2))
    assert report["held_out_flagged"]["estimate"] == 0.25
    assert report["held_out_flagged"]["prompts"] == 2
    each = report["each"]
    assert [one["disagreement"] for one in each] == pytest.approx([3 * 2**0.5, 0.0, 9 * 2**0.5])
    assert [one["flagged"] for one in each] == [True, False, False]  # the last is not preferred
    hacks, others = report["hacks"], report["others"]
    assert (hacks["winners"], hacks["flagged"], hacks["flagged_by_score"]) == (2, 1, 1)
    assert (others["winners"], others["flagged"], others["flagged_by_score"]) == (1, 0, 0)
    assert report["winners_flagged"]["estimate"] == pytest.approx(1 / 3)


def test_report_without_winners_has_no_share() -> None:
    report = report_of([], np.empty((0, 2)))
    assert report["winners_flagged"] is None
    assert report["hacks"] == {
        "winners": 0,
        "flagged": 0,
        "flagged_by_score": 0,
        "flagged_share": None,
    }


def test_heads_are_scaled_to_the_spread_of_the_reward_model() -> None:
    table = responses_table([("a", [("a1", 1), ("a2", 2)])]).assign(score=[6.0, 0.0])
    held = Held(table, np.array([[2.0], [0.0]]), 2.0)  # the RM spreads them by 3 BT logits
    assert held.scaled(np.array([[1.0], [2.0]])).tolist() == [[1.0], [2.0]]
    assert held.scaled(np.array([[10.0], [20.0]])).tolist() == [[1.0], [2.0]]
    assert held.scaled(np.array([[0.0], [0.0]])).tolist() == [[0.0], [0.0]]


PROMPTS = ["what is it ?", "what is it ?", "what was it ?", "what was it ?"]
TEXTS = ["it was london .", "two plus two", "no", "it is very long , very very long"]


@pytest.fixture(scope="module")
def folders(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A reward model and an ensemble that belongs to it."""
    path = tmp_path_factory.mktemp("ensemble")
    save_fresh(tiny_encoder, path / "model")
    heads = np.random.default_rng(0).normal(size=(3, 32))
    model = RewardModel.load(path / "model")
    Ensemble(model, heads, 0.5, sha256_file(path / "model" / WEIGHTS)).save(path / "ensemble")
    return path / "ensemble", path / "model"


@pytest.mark.parametrize("base", ["tiny_encoder", "tiny_decoder"])
def test_the_models_own_head_on_the_features_gives_its_score(
    base: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    import torch

    save_fresh(request.getfixturevalue(base), tmp_path)
    model = RewardModel.load(tmp_path)
    read = features(model, PROMPTS, TEXTS)
    assert read.shape == (4, 32)
    with torch.no_grad():
        ours = model.scorer(torch.tensor(read, dtype=torch.float32)).numpy()
    np.testing.assert_allclose(ours, score(model, PROMPTS, TEXTS, None), atol=1e-5)


def test_an_ensemble_is_the_same_after_saving_and_loading(folders: tuple[Path, Path]) -> None:
    ensemble = Ensemble.load(*folders)
    assert ensemble.threshold == 0.5
    found = ensemble.disagreement(PROMPTS, TEXTS)
    read = features(ensemble.model, PROMPTS, TEXTS)
    # of two responses to a prompt, each is half their difference from the mean
    gap = (read[0] - read[1]) / 2 @ ensemble.heads.T
    assert found[:2] == pytest.approx([gap.std(ddof=1)] * 2, rel=1e-4)
    before = {path.name: path.read_bytes() for path in folders[0].iterdir()}
    ensemble.save(folders[0])
    assert {path.name: path.read_bytes() for path in folders[0].iterdir()} == before


def test_references_stand_in_for_the_other_responses(folders: tuple[Path, Path]) -> None:
    ensemble = Ensemble.load(*folders)
    references = {prompt: [t for p, t in zip(PROMPTS, TEXTS, strict=True) if p == prompt]
                  for prompt in PROMPTS}  # fmt: skip
    together = ensemble.disagreement(PROMPTS, TEXTS)
    alone = [
        ensemble.disagreement([prompt], [text], references)[0]
        for prompt, text in zip(PROMPTS, TEXTS, strict=True)
    ]
    np.testing.assert_allclose(alone, together, rtol=1e-3)


def test_a_response_alone_needs_references(folders: tuple[Path, Path]) -> None:
    ensemble = Ensemble.load(*folders)
    with pytest.raises(ValueError, match="one response to 'hello'; give `references`"):
        ensemble.disagreement([*PROMPTS, "hello"], [*TEXTS, "yes"])
    with pytest.raises(ValueError, match="no reference for the prompt 'hello'"):
        ensemble.disagreement(["hello"], ["yes"], {"hello": []})


def test_an_ensemble_of_another_model_is_refused(
    folders: tuple[Path, Path], tiny_decoder: Path, tmp_path: Path
) -> None:
    save_fresh(tiny_decoder, tmp_path / "other")
    with pytest.raises(RewardGateError, match="its heads belong to other weights than"):
        Ensemble.load(folders[0], tmp_path / "other")
    with pytest.raises(RewardGateError, match=r"holds no ensemble; run"):
        Ensemble.load(tmp_path, folders[1])


def test_an_architecture_without_features_is_named(tiny_padded: Path, tmp_path: Path) -> None:
    RewardModel.from_base(str(tiny_padded), max_length=64, seed=0).save(tmp_path)
    with pytest.raises(RewardGateError, match=r"trunk cannot be told from its head"):
        features(RewardModel.load(tmp_path), PROMPTS, TEXTS)
