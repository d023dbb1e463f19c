"""What TRL hands over becomes the texts that the bundle was trained on, or one clear error."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from launching import TWO, launch

from rewardgate.bundle import Promoted
from rewardgate.errors import RewardGateError
from rewardgate.trainers.trl import PromotedReward

USER = {"role": "user", "content": " what is it ? \n"}
DIALOGUE = [
    {"role": "system", "content": "be good"},
    {"role": "user", "content": "hello"},
    {"role": "assistant", "content": "thank you"},
    {"role": "user", "content": "what is it ?"},
]


@pytest.fixture(scope="module")
def reward(project: Path) -> PromotedReward:
    return PromotedReward(project / "models/promoted")


def answer(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def test_a_conversation_is_the_text_that_ingest_makes_of_it(
    reward: PromotedReward, bundle: Promoted
) -> None:
    rewards = reward(prompts=[[USER], DIALOGUE], completions=[answer("good answer")] * 2)
    flat = "System: be good\n\nHuman: hello\n\nAssistant: thank you\n\nHuman: what is it ?"
    prompts = ["what is it ?", flat]
    rows = bundle.rewards(prompts, ["good answer"] * 2)
    assert rewards == pytest.approx([row["reward"] for row in rows], abs=1e-5)
    assert rewards[0] != pytest.approx(rewards[1], abs=1e-3)


@pytest.mark.parametrize("end", ["", "</s>", "<|im_end|>\n", "<|eot_id|><|end_of_text|>", "<pad>"])
def test_end_tokens_are_no_part_of_a_completion(
    end: str, reward: PromotedReward, bundle: Promoted
) -> None:
    expected = pytest.approx(bundle.reward("what ?", "good answer")["reward"], abs=1e-5)
    assert reward(["what ?"], [f"good answer{end}"]) == [expected]
    assert reward(["what ?"], [answer(f"good answer{end}")]) == [expected]


def test_the_parts_are_logged(project: Path, bundle: Promoted, texts: Any) -> None:
    metrics: dict[str, float] = {}
    extra: dict[str, list[float]] = {}
    reward = PromotedReward(project / "models/promoted", references="answer", name="judge")
    rewards = reward(
        texts.prompts,
        texts.responses,
        answer=texts.references,
        log_metric=metrics.__setitem__,
        log_extra=extra.__setitem__,
    )
    assert reward.__name__ == "judge"
    assert metrics.keys() == extra.keys() > {"judge/score", "judge/rm", "judge/rule_right"}
    for name, values in extra.items():
        assert metrics[name] == pytest.approx(sum(values) / len(values))
    rows = bundle.rewards(*texts)
    assert extra["judge/score"] == pytest.approx([row["score"] for row in rows], abs=1e-5)
    assert extra["judge/rule_right"][:4] == [2.0, 0.0, 0.0, 2.0]
    assert extra["judge/broken"] == [float("bad" in text) for text in texts.responses]
    parts = ["rm", "rule_right", "rule_safe", *(["process"] if bundle.process else [])]
    added = [extra[f"judge/{part}"] for part in parts]
    taken = [extra[f"judge/{part}"] for part in ("length_penalty", "repetition_penalty")]
    for place, response in enumerate(texts.responses):
        soft = sum(part[place] for part in added) - sum(part[place] for part in taken)
        readable = response != "" and "bad" not in response
        total = soft if readable else bundle.composition.floor
        assert rewards[place] == pytest.approx(total, abs=1e-5)


def test_a_pickled_reward_gives_the_same(reward: PromotedReward) -> None:
    copy = pickle.loads(pickle.dumps(reward))
    assert len(pickle.dumps(reward)) < 10_000
    assert copy(["what ?"], ["good answer"]) == reward(["what ?"], ["good answer"])
    assert copy.__name__ == "rewardgate"


@pytest.mark.parametrize(
    ("completion", "told"),
    [
        ([*answer("a"), {"role": "tool", "content": "b"}, *answer("c")], "assistant, tool, assi"),
        ([{"role": "user", "content": "a"}], "its messages are from user"),
        ([], "its messages are from nobody"),
        ([{"role": "assistant", "tool_calls": []}], "content must be text, not NoneType"),
        ([{"role": "assistant", "content": [{"type": "text"}]}], "content must be text, not list"),
    ],
)
def test_what_is_no_single_answer_is_one_clear_line(
    completion: list[Any], told: str, reward: PromotedReward
) -> None:
    with pytest.raises(RewardGateError, match=f"^TRL: completion 2: .*{told}") as error:
        reward(["what ?"] * 2, [answer("good"), completion])
    assert "\n" not in str(error.value)


def test_a_prompt_that_is_no_conversation_is_told(reward: PromotedReward) -> None:
    with pytest.raises(RewardGateError, match="TRL: prompt 1: prompt message 1: missing key role"):
        reward([[{"content": "what ?"}]], ["good"])


def test_a_missing_column_of_references_is_told(project: Path) -> None:
    reward = PromotedReward(project / "models/promoted", references="answer")
    with pytest.raises(RewardGateError, match=r"no column 'answer' .* found domain, solution; add"):
        reward(["what ?"], ["good"], completion_ids=[[1]], solution=["a"], domain=["facts"])


def test_a_bundle_that_was_not_promoted_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(RewardGateError, match="nothing was promoted yet"):
        PromotedReward(tmp_path / "models/promoted")


@pytest.mark.parametrize("project", ["tiny_decoder"], indirect=True)
def test_each_process_gets_the_rewards_of_its_own_completions(
    project: Path, bundle: Promoted, tmp_path: Path
) -> None:
    """Under a launcher TRL hands each process other completions, and here also another number."""
    run = launch("trainers/own_completions.py", project, tmp_path, launcher=TWO)
    assert run.returncode == 0, run.stderr[-3000:]
    for process in (0, 1):
        own = json.loads((tmp_path / f"{process}.json").read_text())
        assert len(own["rewards"]) == 2 + process
        rows = bundle.rewards(own["prompts"], own["completions"], own["answer"])
        assert own["rewards"] == pytest.approx([row["reward"] for row in rows], abs=1e-5)


def test_of_no_completions_there_are_no_rewards(reward: PromotedReward) -> None:
    assert reward(prompts=[], completions=[]) == []
