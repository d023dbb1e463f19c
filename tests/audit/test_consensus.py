"""The model of the others' choices sees neither the prompt nor the annotator that it judges."""

import numpy as np
import pandas as pd
import pytest
from judged import BACKWARDS, RANDOM, SOUND, drawn

from rewardgate.audit.comparisons import comparisons_of
from rewardgate.audit.consensus import (
    cross_fitted_margins,
    features_of,
    folds_of,
)
from rewardgate.metrics import correct


def test_agreement_counts_no_opinion_as_half() -> None:
    assert correct(np.array([0.3, 0.0, -2.0])).tolist() == [1.0, 0.5, 0.0]


def test_it_learns_what_annotators_share() -> None:
    table = drawn({"ada": SOUND, "ben": SOUND}, prompts=200, seed=1)
    pairs = comparisons_of(table)
    nobody = np.zeros(len(pairs), dtype=bool)
    margins = cross_fitted_margins(features_of(table), pairs, nobody, seed=0)
    assert correct(margins).mean() > 0.75


def test_labels_of_those_left_out_change_nothing() -> None:
    one = drawn({"ada": SOUND, "ben": SOUND}, prompts=60, seed=1)
    other = one.copy()
    ben = (other["annotator"] == "ben").to_numpy()
    other.loc[ben, "rank"] = 5 - other.loc[ben, "rank"]
    margins = []
    for table in (one, other):
        pairs = comparisons_of(table)
        without = (pairs["annotator"] == "ben").to_numpy()
        margins.append(cross_fitted_margins(features_of(table), pairs, without, seed=0))
    ben_pairs = (comparisons_of(one)["annotator"] == "ben").to_numpy()
    np.testing.assert_allclose(margins[0][~ben_pairs], margins[1][~ben_pairs])
    np.testing.assert_allclose(
        np.sort(np.abs(margins[0][ben_pairs])), np.sort(np.abs(margins[1][ben_pairs]))
    )
    assert correct(margins[0][ben_pairs]).mean() == pytest.approx(
        1 - correct(margins[1][ben_pairs]).mean()
    )


def test_the_labels_of_a_prompt_do_not_reach_its_own_margins() -> None:
    one = drawn({"ada": SOUND}, prompts=60, seed=2)
    other = one.copy()
    first = (other["prompt_id"] == "p0").to_numpy()
    other.loc[first, "rank"] = 5 - other.loc[first, "rank"]
    margins = []
    for table in (one, other):
        pairs = comparisons_of(table)
        nobody = np.zeros(len(pairs), dtype=bool)
        found = cross_fitted_margins(features_of(table), pairs, nobody, seed=0)
        margins.append(found[(pairs["prompt_id"] == "p0").to_numpy()])
    np.testing.assert_allclose(np.sort(margins[0]), np.sort(-margins[1]))


def test_folds_belong_to_the_words_of_the_prompt() -> None:
    prompts = pd.Series([f"Question {number}?" for number in range(40)])
    folds = folds_of(prompts)
    assert set(folds) == {0, 1, 2}
    assert folds_of(prompts.str.upper()[::-1]).tolist() == folds[::-1].tolist()


def test_a_prompt_repeated_under_another_id_teaches_nothing_about_itself() -> None:
    table = drawn({"ada": RANDOM}, prompts=80, seed=1)
    again = table.assign(prompt_id=table["prompt_id"] + "-2", ranking_id=table["ranking_id"] + "-2")
    both = pd.concat([table, again], ignore_index=True)
    pairs = comparisons_of(both)
    nobody = np.zeros(len(pairs), dtype=bool)
    margins = cross_fitted_margins(features_of(both), pairs, nobody, seed=0)
    assert correct(margins).mean() < 0.56


def test_without_anything_to_learn_from_there_is_no_opinion() -> None:
    table = drawn({"ada": SOUND, "ben": BACKWARDS}, prompts=10, seed=1)
    pairs = comparisons_of(table)
    everybody = np.ones(len(pairs), dtype=bool)
    assert not cross_fitted_margins(features_of(table), pairs, everybody, seed=0).any()
