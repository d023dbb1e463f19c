from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scoring_project import CALIBRATION, REWARDS, promote, publish_bundle

from rewardgate.bundle import load_promoted
from rewardgate.granularity.credit import credit, on_tokens
from rewardgate.granularity.steps import step_ends
from rewardgate.rewards import compose
from rewardgate.settings import Rewards

SETTINGS = Rewards.model_validate({**REWARDS, "granularity": "step"})
RESPONSES = [
    "1. it is a city\n2. it is paris\n3. good good good good",
    " yes\r\nplease \n",
    "...\n!!!",
    "",
]
FINITE = st.floats(-1e3, 1e3)


def test_credit_by_hand() -> None:
    # normalised 1, 3 (clipped from 4) and 2; the length penalty tanh(1) falls on the last step
    scores = np.array([2.0, 5.0, 3.0])
    reward = compose(3.0, "x", "a b c", 15, 1.0, 1.0, SETTINGS)
    earned = credit(reward, scores, 1.0, 1.0, SETTINGS)
    assert earned == pytest.approx([1.0, 2.0, -1.0 - np.tanh(1)], abs=1e-6)


def test_a_response_at_the_floor_earns_it_at_its_end() -> None:
    unreadable = compose(3.0, "x", "...", 3, 1.0, 1.0, SETTINGS)
    assert credit(unreadable, np.array([2.0, 3.0]), 1.0, 1.0, SETTINGS).tolist() == [0.0, -5.0]


@given(st.lists(FINITE, min_size=1, max_size=30), st.sampled_from(RESPONSES), FINITE)
def test_the_parts_sum_to_the_reward(scores: list[float], response: str, mean: float) -> None:
    reward = compose(scores[-1], "x", response, 12, mean, 0.5, SETTINGS)
    earned = credit(reward, np.array(scores), mean, 0.5, SETTINGS)
    assert earned.sum() == pytest.approx(reward.total, abs=1e-9)


def test_rewards_move_to_the_tokens_of_another_tokenizer() -> None:
    parts = [{"end": 5, "reward": 1.0}, {"end": 6, "reward": 2.0}, {"end": 9, "reward": -4.0}]
    assert on_tokens(parts, [3, 6, 8, 9]).tolist() == [0, 3, 0, -4]
    assert on_tokens(parts, [4, 5, 7]).tolist() == [0, 1, -2]
    with pytest.raises(ValueError, match="no token"):
        on_tokens(parts, [])


@given(st.lists(st.tuples(st.integers(1, 9), FINITE), min_size=1), st.lists(st.integers(0, 60)))
def test_no_reward_is_lost_between_tokenizers(
    drawn: list[tuple[int, float]], ends: list[int]
) -> None:
    steps = np.cumsum([length for length, _ in drawn])
    parts = [{"end": end, "reward": r} for end, (_, r) in zip(steps, drawn, strict=True)]
    rewards = on_tokens(parts, [*sorted(ends), 60])
    assert rewards.sum() == pytest.approx(sum(r for _, r in drawn), abs=1e-6)


@pytest.mark.parametrize("base", ["tiny_encoder", "tiny_decoder"])
def test_rows_of_a_bundle(base: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    promote(request.getfixturevalue(base), tmp_path)
    rows = {}
    for granularity in ("sequence", "step", "token"):
        publish_bundle(
            tmp_path / "fresh",
            {"calibration": CALIBRATION},
            tmp_path / granularity / "promoted",
            params={"rewards": {**REWARDS, "granularity": granularity}},
        )
        bundle = load_promoted(tmp_path / granularity / "promoted")
        rows[granularity] = bundle.rewards(["what is it ?"] * len(RESPONSES), RESPONSES)
        assert bundle.rewards([], []) == []
    for plain, by_step, by_token, text in zip(*rows.values(), RESPONSES, strict=True):
        assert "steps" not in plain
        assert "tokens" not in plain
        assert [part["end"] for part in by_step["steps"]] == step_ends(text)
        assert by_token["tokens"][-1]["end"] == len(text)
        for row, parts in ((by_step, "steps"), (by_token, "tokens")):
            for name in ("score", "normalised", "reward", "rm", "length_penalty"):
                assert row[name] == pytest.approx(plain[name], abs=1e-5)
            earned = [part["reward"] for part in row[parts]]
            assert sum(earned) == pytest.approx(row["reward"], abs=1e-5)
    assert len(rows["step"][0]["steps"]) == 3
    assert len(rows["token"][0]["tokens"]) > 10
    floor = [part["reward"] for part in rows["step"][2]["steps"]]
    assert floor == [0.0, REWARDS["floor"]]
