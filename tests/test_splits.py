"""A prompt has one home for good, and nothing stands in two splits."""

import hmac
import random
import string
from collections.abc import Sequence
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardgate.canonical import COLUMNS
from rewardgate.errors import RewardGateError
from rewardgate.near_duplicates import group_prompts
from rewardgate.normalise import matching_form, text_hashes
from rewardgate.pairs import pairs_of
from rewardgate.settings import Shares, Split
from rewardgate.splits import (
    NEAR_DUPLICATE,
    PROTECTION,
    SEEN_PROMPT,
    SEEN_TEXT,
    SHARED_TEXT,
    SPLITS,
    TOO_FEW_RANKS,
    home_of,
    split,
    split_files,
)
from rewardgate.trained_on import record_of

SETTINGS = Split(
    key="test",
    shares=Shares(train=0.4, eval=0.2, calibration=0.2, test=0.2),
    near_duplicate_similarity=0.7,
    shingle_chars=5,
    permutations=128,
)


def ranking(number: int, prompt: str, texts: Sequence[str], domain: str = "facts") -> list[Any]:
    return [
        (f"p{number}", prompt, domain, "s", "ada", f"k{number}", f"r{at}", text, at + 1, -at)
        for at, text in enumerate(texts)
    ]


def table(*rankings: list[Any]) -> pd.DataFrame:
    rows = [row for rows in rankings for row in rows]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"rank": "int32", "strength": "float64"})


def words(seed: int) -> str:
    return "".join(random.Random(seed).choices("abcdefghijklmnopqrstuvwxyz ", k=40))


def filler(rankings: int = 30) -> list[list[Any]]:
    """Unrelated rankings, enough to fill every split."""
    return [
        ranking(number, words(number), [f"{words(number)} {at}" for at in range(3)])
        for number in range(1000, 1000 + rankings)
    ]


def prompt_in(home: str, stem: str) -> str:
    """`stem` with a last character such that the prompt's home is `home`."""
    prompts = (f"{stem}{letter}" for letter in string.ascii_lowercase)
    return next(prompt for prompt in prompts if home_of(prompt, SETTINGS) == home)


STEM = "Tell me at length about the history of the village by the lake, part "


def test_home_is_the_keyed_hash_of_the_matching_form() -> None:
    digest = hmac.new(b"test", b"why not", "sha256").digest()
    position = int.from_bytes(digest[:8], "big") / 2**64
    expected = next(
        name
        for name, end in (("test", 0.2), ("calibration", 0.4), ("eval", 0.6), ("train", 1.1))
        if position < end
    )
    assert home_of("Why, NOT?", SETTINGS) == expected
    other = SETTINGS.model_copy(update={"key": "another"})
    assert any(home_of(words(i), SETTINGS) != home_of(words(i), other) for i in range(20))


def test_homes_follow_the_shares() -> None:
    homes = pd.Series([home_of(words(i), SETTINGS) for i in range(4000)]).value_counts() / 4000
    for name in SPLITS:
        assert homes[name] == pytest.approx(getattr(SETTINGS.shares, name), abs=0.03)


def test_near_duplicates_keep_only_the_most_protected_home() -> None:
    near = {home: prompt_in(home, STEM) for home in SPLITS}
    rankings = [
        ranking(number, prompt, [f"{home} yes", f"{home} no"])
        for number, (home, prompt) in enumerate(near.items())
    ]
    result = split(table(*rankings, *filler()), SETTINGS)
    assert "p3" in set(result.splits["test"]["prompt_id"])
    excluded = result.excluded
    assert set(excluded["prompt_id"]) == {"p0", "p1", "p2"}
    assert set(excluded["reason"]) == {NEAR_DUPLICATE}
    assert set(excluded["collides_with"]) == {"p3"}
    assert set(excluded["collides_with_split"]) == {"test"}
    assert excluded["split"].tolist() == ["train"] * 2 + ["eval"] * 2 + ["calibration"] * 2


def test_near_duplicates_with_one_home_stay_together() -> None:
    both = [p for p in (f"{STEM}{c}" for c in "abcdefghij") if home_of(p, SETTINGS) == "train"][:2]
    rankings = [ranking(n, prompt, [f"{n} yes", f"{n} no"]) for n, prompt in enumerate(both)]
    result = split(table(*rankings, *filler()), SETTINGS)
    assert {"p0", "p1"} <= set(result.splits["train"]["prompt_id"])
    assert result.excluded.empty
    assert result.report["near_duplicates"] == {
        "groups": 1, "prompts_in_groups": 2, "sizes": {"2": 1},
    }  # fmt: skip


def test_shared_response_text_goes_from_the_less_protected_split() -> None:
    train, test = (
        prompt_in("train", "Prompt number one "),
        prompt_in("test", "Another prompt of mine "),
    )
    rankings = [
        ranking(0, train, ["same.", "left", "also left"]),
        ranking(1, prompt_in("train", "Something else again "), ["Same", "only one left"]),
        ranking(2, test, ["SAME!", "other"]),
    ]
    result = split(table(*rankings, *filler()), SETTINGS)
    train_texts = result.splits["train"].query("prompt_id == 'p0'")["text"].tolist()
    assert train_texts == ["left", "also left"]
    assert result.splits["test"].query("prompt_id == 'p2'")["text"].tolist() == ["SAME!", "other"]
    rows = result.excluded[["prompt_id", "text", "reason", "collides_with"]].to_numpy().tolist()
    assert rows == [
        ["p0", "same.", SHARED_TEXT, "p2"],
        ["p1", "Same", SHARED_TEXT, "p2"],
        ["p1", "only one left", TOO_FEW_RANKS, "p2"],
    ]
    assert result.report["excluded"]["reasons"][SHARED_TEXT] == {
        "prompts": 2, "rankings": 2, "responses": 2,
    }  # fmt: skip


def test_ranking_of_ties_only_is_excluded() -> None:
    tied = [(*row[:-2], 1, 0.0) for row in ranking(0, "Some lonely prompt", ["a tie", "of two"])]
    result = split(table(tied, *filler()), SETTINGS)
    assert result.excluded["reason"].tolist() == [TOO_FEW_RANKS] * 2
    assert result.excluded["collides_with"].tolist() == ["", ""]


def test_one_text_under_two_prompt_ids_stays_together() -> None:
    rankings = [ranking(0, "Why is it so?", ["a", "b"]), ranking(1, "why is it so", ["c", "d"])]
    result = split(table(*rankings, *filler()), SETTINGS)
    home = home_of("Why is it so?", SETTINGS)
    assert {"p0", "p1"} <= set(result.splits[home]["prompt_id"])


def test_report_counts_and_leakage_beside_a_pair_level_split() -> None:
    frame = table(*filler(200))
    report = split(frame, SETTINGS).report
    sizes = report["splits"]
    assert sum(sizes[name]["prompts"] for name in SPLITS) == 200
    assert sum(sizes[name]["pairs"] for name in SPLITS) == 600
    assert report["domains"]["facts"]["prompts"] == 200
    assert sum(report["domains"]["facts"]["shares"].values()) == pytest.approx(1, abs=1e-3)
    assert report["domain_independence"]["p_value"] == 1.0
    ours, theirs = report["leakage"]["this_split"], report["leakage"]["pair_level_split"]
    assert [value for key, value in ours.items() if key not in ("pairs", "held_out_pairs")] == [
        0
    ] * 6
    assert ours["pairs"] == theirs["pairs"] == 600
    assert ours["held_out_pairs"] == 600 - sizes["train"]["pairs"]
    assert theirs["held_out_pairs"] == pytest.approx(360, abs=40)
    # a held-out pair's prompt has two more pairs; one is in train with probability 1 - 0.6 ** 2
    assert theirs["held_out_pairs_with_prompt_in_train"] == pytest.approx(0.64, abs=0.08)
    assert theirs["prompts_in_several_splits"] > 100


def test_domain_that_sits_in_one_split_shows_in_the_p_value() -> None:
    frame = table(*filler(200))
    frame["domain"] = [home_of(prompt, SETTINGS) == "test" for prompt in frame["prompt"]]
    frame["domain"] = frame["domain"].map({True: "safety", False: "facts"})
    report = split(frame, SETTINGS).report
    assert report["domains"]["safety"]["shares"]["test"] == 1.0
    assert report["domain_independence"]["p_value"] < 1e-3


def test_empty_split_is_an_error_with_the_mend() -> None:
    with pytest.raises(RewardGateError, match=r"no ranking for .* from 2 prompts; add rankings"):
        split(table(*filler(2)), SETTINGS)


VOCABULARY = ["write a story about the old lake", "write a story about the old lakes", "sum", "hi"]


@st.composite
def tables(draw: st.DrawFn) -> list[list[Any]]:
    """Rankings full of repeats and near-duplicates, without their filler."""
    drawn = draw(
        st.lists(
            st.tuples(
                st.sampled_from(VOCABULARY),
                st.integers(0, 12),
                st.lists(st.integers(0, 8), min_size=2, max_size=4, unique=True),
            ),
            max_size=12,
        )
    )
    return [
        ranking(number, f"{stem} {tail}", [f"answer {at}" for at in texts])
        for number, (stem, tail, texts) in enumerate(drawn)
    ]


def membership(result: Any) -> dict[str, str]:
    """Split by matching form of the prompt; a prompt in two splits fails here."""
    found: dict[str, str] = {}
    for name, frame in result.splits.items():
        for form in {matching_form(prompt) for prompt in frame["prompt"]}:
            assert found.setdefault(form, name) == name
    return found


@given(tables())
@settings(max_examples=30, deadline=None)
def test_nothing_is_shared_and_nothing_is_lost(rankings: list[list[Any]]) -> None:
    frame = table(*rankings, *filler())
    result = split(frame, SETTINGS)
    membership(result)
    texts: dict[str, str] = {}
    for name, rows in result.splits.items():
        for form in {matching_form(text) for text in rows["text"]}:
            assert texts.setdefault(form, name) == name
        assert (rows.groupby("ranking_id")["rank"].nunique() >= 2).all()
    kept = pd.concat(result.splits.values())
    where = pd.concat([rows.assign(at=name) for name, rows in result.splits.items()])
    groups = group_prompts(where["prompt"].tolist(), 0.7, 5, 128)
    assert (where.groupby(groups)["at"].nunique() == 1).all()
    together = pd.concat([kept, result.excluded[COLUMNS]]).sort_values(
        ["ranking_id", "response_id"]
    )
    pd.testing.assert_frame_equal(
        together.reset_index(drop=True),
        frame.sort_values(["ranking_id", "response_id"]).reset_index(drop=True),
    )
    pairs = sum(len(pairs_of(rows)) for rows in result.splits.values())
    assert pairs == sum(size["pairs"] for size in result.report["splits"].values())


@given(tables())
@settings(max_examples=8, deadline=None)
def test_a_table_in_pieces_is_split_as_one(
    tmp_path_factory: pytest.TempPathFactory, rankings: list[list[Any]]
) -> None:
    rankings = [*rankings, *filler()]
    whole, pieces = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("pieces")
    report = split_files([table(*rankings)], SETTINGS, whole)
    parts = [table(*rankings[at : at + 12]) for at in range(0, len(rankings), 12)]
    assert split_files(parts, SETTINGS, pieces) == report
    names = sorted(file.name for file in whole.iterdir())
    assert len(names) == 5
    for name in names:
        assert (whole / name).read_bytes() == (pieces / name).read_bytes()


@given(tables(), tables(), st.randoms())
@settings(max_examples=30, deadline=None)
def test_adding_data_never_moves_a_prompt(
    rankings: list[list[Any]], added: list[list[Any]], random_: random.Random
) -> None:
    before = membership(split(table(*rankings, *filler()), SETTINGS))
    more = [[(f"x{row[0]}", *row[1:5], f"x{row[5]}", *row[6:]) for row in rows] for rows in added]
    everything = [*rankings, *filler(), *more]
    random_.shuffle(everything)
    after = membership(split(table(*everything), SETTINGS))
    for form, name in before.items():
        assert after.get(form, name) == name


def seen_by(result: Any, before: pd.DataFrame | None = None) -> pd.DataFrame:
    return record_of(result.splits["train"], result.splits["eval"], before)


def test_what_the_start_was_trained_on_leaves_the_held_out_splits() -> None:
    train, test = prompt_in("train", STEM), prompt_in("test", STEM)
    old = [ranking(0, train, ["old yes", "old no"]), *filler()]
    first = split(table(*old), SETTINGS)
    assert "p0" in set(first.splits["train"]["prompt_id"])
    other = ranking(2, prompt_in("test", "Another prompt of mine "), ["new", "old no", "newer"])
    grown = table(*old, ranking(1, test, ["its yes", "its no"]), other)
    base = split(grown, SETTINGS)
    assert "p1" in set(base.splits["test"]["prompt_id"])
    assert "p0" not in set(base.splits["train"]["prompt_id"])
    result = split(grown, SETTINGS, seen_by(first))
    assert "p0" in set(result.splits["train"]["prompt_id"])
    assert "p1" not in set(result.splits["test"]["prompt_id"])
    assert result.splits["test"].query("prompt_id == 'p2'")["text"].tolist() == ["new", "newer"]
    rows = result.excluded[["prompt_id", "text", "reason", "split"]].to_numpy().tolist()
    assert rows == [
        ["p1", "its yes", SEEN_PROMPT, "test"],
        ["p1", "its no", SEEN_PROMPT, "test"],
        ["p2", "old no", SEEN_TEXT, "test"],
    ]
    assert result.report["excluded"]["reasons"][SEEN_PROMPT] == {
        "prompts": 1, "rankings": 1, "responses": 2,
    }  # fmt: skip


def test_another_key_does_not_bring_what_was_trained_on_into_the_held_out_splits() -> None:
    frame = table(*filler(200))
    seen = seen_by(split(frame, SETTINGS))
    other = SETTINGS.model_copy(update={"key": "another"})
    trained = set(seen.query("split == 'train'")["prompt"])
    moved = {matching_form(p) for p in split(frame, other).splits["test"]["prompt"]}
    assert moved & trained
    honest = split(frame, other, seen)
    for name in ("eval", "calibration", "test"):
        assert not {matching_form(p) for p in honest.splits[name]["prompt"]} & trained


def test_a_prompt_that_is_gone_from_the_data_is_remembered() -> None:
    first = split(table(ranking(0, prompt_in("train", STEM), ["a", "b"]), *filler()), SETTINGS)
    later = table(ranking(1, prompt_in("calibration", STEM), ["c", "d"]), *filler())
    assert "p1" in set(split(later, SETTINGS).splits["calibration"]["prompt_id"])
    result = split(later, SETTINGS, seen_by(first))
    assert set(result.excluded["prompt_id"]) == {"p1"}
    assert result.report["near_duplicates"] == split(later, SETTINGS).report["near_duplicates"]


@given(tables(), st.lists(tables(), min_size=1, max_size=3), st.randoms())
@settings(max_examples=20, deadline=None)
def test_a_line_of_models_never_holds_out_what_one_of_them_was_trained_on(
    rankings: list[list[Any]], added: list[list[list[Any]]], random_: random.Random
) -> None:
    everything = [*rankings, *filler()]
    result = split(table(*everything), SETTINGS)
    seen = seen_by(result)
    for generation, more in enumerate(added):
        named = [
            [
                (f"{generation}{row[0]}", *row[1:5], f"{generation}{row[5]}", *row[6:])
                for row in rows
            ]
            for rows in more
        ]
        everything = [*everything, *named]
        random_.shuffle(everything)
        before = membership(result)
        result = split(table(*everything), SETTINGS, seen)
        for form, name in membership(result).items():
            assert before.get(form, name) == name
        held_out = pd.concat([result.splits[name] for name in ("eval", "calibration", "test")])
        trained = seen[seen["split"] == "train"]
        both = [*trained["prompt"], *held_out["prompt"]]
        groups = group_prompts(both, 0.7, 5, 128)
        assert not {*groups[: len(trained)]} & {*groups[len(trained) :]}
        assert not {*text_hashes(held_out["text"])} & {*trained["text"]}
        seen = seen_by(result, seen)


def test_protection_orders_all_splits() -> None:
    assert sorted(PROTECTION) == sorted(SPLITS)
