from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from tables import responses_table

from rewardgate.encoding import Encoded, Encoder
from rewardgate.examples import Example, batches_of, examples_of, shares_of
from rewardgate.reward_model import RewardModel


def encoder_of(base: Path) -> Encoder:
    return RewardModel.from_base(str(base), 64, seed=0).encoder


def example_of(number: int, lengths: list[int], pairs: int = 1) -> Example:
    """An example of responses of those lengths in tokens, with so many comparisons."""
    none = np.empty(0, dtype=np.int64)
    return Example(
        f"p{number}",
        [Encoded([0] * length) for length in lengths],
        np.ones(len(lengths), dtype=np.int64),
        np.zeros(pairs, dtype=np.int64),
        np.ones(pairs, dtype=np.int64),
        np.ones(pairs, dtype=np.int32),
        np.stack([none, none]),
        [],
        np.ones(pairs),
        none.astype(float),
    )


def pairs_in(example: Example) -> list[tuple[int, int]]:
    return list(zip(example.chosen.tolist(), example.rejected.tolist(), strict=True))


def test_each_response_is_encoded_once_and_ties_give_no_pair(tiny_encoder: Path) -> None:
    ranking = [("one", 1), ("two", 2), ("three", 2), ("four", 4)]
    (example,) = examples_of(responses_table([("who ?", ranking)]), encoder_of(tiny_encoder))
    assert len(example.encoded) == 4
    assert sorted(pairs_in(example)) == [(0, 1), (0, 2), (0, 3), (1, 3), (2, 3)]
    assert example.rank_distance.tolist() == [1, 1, 3, 2, 2]
    assert example.tied.tolist() == [[1], [2]]


def test_what_two_annotators_ranked_is_encoded_once_with_the_comparisons_of_both(
    tiny_encoder: Path,
) -> None:
    encoder = encoder_of(tiny_encoder)
    table = responses_table(
        [
            ("who ?", [("paris", 1), ("good answer", 2), ("no", 2)]),
            ("who ?", [("no", 1), ("paris", 3), ("very long answer", 3)]),
        ]
    ).assign(prompt_id="p0")
    (example,) = examples_of(table, encoder)
    texts = ["paris", "good answer", "no", "very long answer"]
    assert example.encoded == [encoder.encode("who ?", text) for text in texts]
    assert example.words.tolist() == [1, 2, 1, 3]
    assert pairs_in(example) == [(0, 1), (0, 2), (2, 0), (2, 3)]
    assert example.rank_distance.tolist() == [1, 1, 2, 2]
    assert example.tied.T.tolist() == [[1, 2], [0, 3]]
    assert [(at.tolist(), rank.tolist()) for at, rank in example.rankings] == [
        ([0, 1, 2], [1, 2, 2]),
        ([2, 0, 3], [1, 3, 3]),
    ]
    assert example.weights.tolist() == [1.0] * 4
    assert example.tied_weights.tolist() == [1.0] * 2
    assert example.tokens == sum(len(encoder.encode("who ?", text).ids) for text in texts)


def test_prompts_come_in_order_of_first_appearance_without_those_that_decide_nothing(
    tiny_encoder: Path,
) -> None:
    ranking = [("yes", 1), ("no", 2)]
    prompts = ["who ?", "what ?", "was it ?", "is it ?"]
    table = responses_table([(prompt, ranking) for prompt in prompts])
    table.loc[table["prompt_id"] == "p1", "rank"] = 1
    mixed = table.iloc[[4, 0, 2, 6, 1, 5, 3, 7]]
    encoder = encoder_of(tiny_encoder)
    examples = examples_of(mixed, encoder)
    assert [example.prompt_id for example in examples] == ["p2", "p0", "p3"]
    for example, prompt in zip(examples, ("was it ?", "who ?", "is it ?"), strict=True):
        assert example.encoded == [encoder.encode(prompt, text) for text, _ in ranking]
        assert pairs_in(example) == [(0, 1)]
        assert example.tied.shape == (2, 0)
    assert examples_of(pd.DataFrame(table[table["prompt_id"] == "p1"]), encoder) == []


@given(
    st.lists(st.integers(1, 36), min_size=1, max_size=40), st.integers(1, 100), st.integers(0, 9)
)
def test_batches_hold_whole_prompts_each_once_and_stop_when_full(
    pairs: list[int], batch_pairs: int, seed: int
) -> None:
    examples = [example_of(number, [1, 1], count) for number, count in enumerate(pairs)]
    batches = batches_of(examples, batch_pairs, [seed])
    assert sorted(index for batch in batches for index in batch) == list(range(len(pairs)))
    for batch in batches[:-1]:
        assert sum(pairs[index] for index in batch) >= batch_pairs
        assert sum(pairs[index] for index in batch[:-1]) < batch_pairs
    if len(batches) > 1:
        assert sum(pairs[index] for index in batches[-1]) >= batch_pairs / 2
    assert batches_of(examples, batch_pairs, [seed]) == batches


def test_each_epoch_has_an_order_of_its_own() -> None:
    examples = [example_of(number, [1, 1]) for number in range(30)]
    assert batches_of(examples, 8, [0, 0]) != batches_of(examples, 8, [0, 1])


batches_of_any = st.lists(
    st.lists(st.integers(1, 60), min_size=2, max_size=9), min_size=1, max_size=30
).map(lambda all_lengths: [example_of(i, lengths) for i, lengths in enumerate(all_lengths)])


@given(batches_of_any, st.integers(1, 5), st.integers(1, 500))
def test_processes_share_a_batch_evenly_and_do_each_prompt_once(
    batch: list[Example], processes: int, tokens: int
) -> None:
    shares = shares_of(batch, processes, tokens)
    assert len(shares) == processes
    assert len({len(share) for share in shares}) == 1
    done = [e.prompt_id for share in shares for run, weight in share if weight == 1 for e in run]
    assert sorted(done) == sorted(example.prompt_id for example in batch)
    held = []
    for share in shares:
        assert {weight for _, weight in share} <= {0.0, 1.0}
        assert all(len(run) == 1 for run, weight in share if weight == 0)
        own = [run for run, weight in share if weight == 1]
        assert all(sum(e.tokens for e in run) <= tokens or len(run) == 1 for run in own)
        held.append(sum(e.tokens for run in own for e in run))
    assert max(held) - min(held) <= max(example.tokens for example in batch)
    again = shares_of(list(batch), processes, tokens)
    assert [[[e.prompt_id for e in run] for run, _ in share] for share in again] == [
        [[e.prompt_id for e in run] for run, _ in share] for share in shares
    ]


@given(batches_of_any, st.integers(1, 500))
def test_one_process_keeps_the_order_of_the_batch_and_fills_each_run(
    batch: list[Example], tokens: int
) -> None:
    (share,) = shares_of(batch, 1, tokens)
    assert [e.prompt_id for run, _ in share for e in run] == [e.prompt_id for e in batch]
    assert all(weight == 1 for _, weight in share)
    for (run, _), (following, _) in pairwise(share):
        assert sum(e.tokens for e in run) + following[0].tokens > tokens


def test_a_process_without_a_prompt_of_its_own_repeats_one_at_weight_0() -> None:
    long, short = example_of(0, [30, 30]), example_of(1, [5, 5])
    first, second, third = shares_of([short, long], 3, 100)
    assert first == [([long], 1.0)]
    assert second == [([short], 1.0)]
    assert third == [([short], 0.0)]
