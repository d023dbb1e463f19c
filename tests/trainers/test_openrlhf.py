"""OpenRLHF's current code asks our server, and our function, and gets the bundle's numbers."""

from pathlib import Path
from typing import Any

import pytest
from byte_tokenizer import PROMPT_TEMPLATE, save_byte_tokenizer
from hypothesis import given
from hypothesis import strategies as st
from installed import run_trainer

from rewardgate.bundle import Promoted
from rewardgate.errors import RewardGateError
from rewardgate.trainers.openrlhf import LEAST_KEPT, PromotedReward, _overlap, split_queries
from tests.server.served import served

FILE = """
from rewardgate.trainers.openrlhf import PromotedReward

reward_func = PromotedReward({bundle!r}, prompt_template={template!r})
"""
LONGEST = 300
"""Tokens of a prompt that the policy takes in these tests."""


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("policy")
    save_byte_tokenizer(folder)
    return folder


def call_of(tokenizer: Path, texts: Any, remote_url: str) -> dict[str, Any]:
    """One prompt is longer than the policy takes, so that OpenRLHF cuts its beginning off."""
    assert max(map(len, texts.prompts)) > LONGEST + 100
    limits = {"max_len": LONGEST + 1000, "max_new_tokens": 1000}
    return {"tokenizer": str(tokenizer), "remote_url": remote_url, **texts._asdict(), **limits}


def check(answer: dict[str, Any], texts: Any, bundle: Promoted) -> None:
    """`execute` gives no reward where a request fails, so none may be missing."""
    outputs = answer["outputs"]
    assert [one["prompt"] for one in outputs] == [
        PROMPT_TEMPLATE.replace("{}", prompt) for prompt in texts.prompts
    ]
    assert [one["label"] for one in outputs] == texts.references
    rows = bundle.rewards(*texts)
    rewards = pytest.approx([row["reward"] for row in rows], abs=1e-5)
    assert [one for output in outputs for one in output["reward"]] == rewards
    assert [one for output in outputs for one in output["scores"]] == rewards
    for output, row in zip(outputs, rows, strict=True):
        logs = output["extra_logs"]
        assert logs["score"] == pytest.approx([row["score"]], abs=1e-5)
        assert logs["length_penalty"] == pytest.approx([row["length_penalty"]])
        assert logs["broken"] == [len(row["broken"])]


def test_its_remote_reward_client_gets_the_bundles_numbers_from_the_server(
    project: Path, texts: Any, bundle: Promoted, tokenizer: Path, tmp_path: Path
) -> None:
    with served(project / "models/promoted", prompt_template=PROMPT_TEMPLATE) as client:
        url = f"{client.base_url}/get_reward"
        answer = run_trainer("openrlhf_rollouts.py", tmp_path, call_of(tokenizer, texts, url))
        status = client.get("/metrics").text
    check(answer, texts, bundle)
    assert f'path="/get_reward",status="200"}} {len(texts.prompts)}.0' in status


@pytest.mark.parametrize("project", ["tiny_encoder"], indirect=True)
def test_its_custom_reward_file_gets_them_without_a_server(
    project: Path, texts: Any, bundle: Promoted, tokenizer: Path, tmp_path: Path
) -> None:
    file = tmp_path / "reward.py"
    promoted = str(project / "models/promoted")
    file.write_text(FILE.format(bundle=promoted, template=PROMPT_TEMPLATE))
    answer = run_trainer("openrlhf_rollouts.py", tmp_path, call_of(tokenizer, texts, str(file)))
    check(answer, texts, bundle)


def test_a_prompt_whose_beginning_was_cut_off_is_known_by_its_end() -> None:
    prompt = PROMPT_TEMPLATE.replace("{}", "é long question " * 9)
    for kept in (LEAST_KEPT, 40, 41, len(prompt) - 1, len(prompt)):
        for torn in ("", "\ufffd"):
            query = torn * (kept < len(prompt)) + prompt[-kept:] + "paris<|im_end|>"
            split = split_queries([query], [prompt], PROMPT_TEMPLATE, ["<|im_end|>"])
            assert split == (["é long question " * 9], ["paris"])
    query = prompt[-LEAST_KEPT + 1 :] + "paris"
    with pytest.raises(ValueError, match=r"query\[0\]: does not begin with prompts\[0\]"):
        split_queries([query], [prompt], PROMPT_TEMPLATE, [])


@given(st.text("ab", max_size=12), st.text("ab", max_size=12))
def test_the_overlap_is_the_longest(text: str, beginning: str) -> None:
    ends = range(min(len(text), len(beginning)) + 1)
    assert _overlap(text, beginning) == max(
        n for n in ends if beginning.startswith(text[-n:] * (n > 0))
    )


@pytest.mark.parametrize("project", ["tiny_encoder"], indirect=True)
def test_what_is_wrong_is_one_line(project: Path) -> None:
    with pytest.raises(RewardGateError, match="prompt_template 'User: ' must hold"):
        PromotedReward(project / "models/promoted", prompt_template="User: ")
    reward = PromotedReward(project / "models/promoted")
    with pytest.raises(RewardGateError, match=r"OpenRLHF: query\[0\]: does not begin with"):
        reward(["who ? paris"], ["what ?"], [None])
