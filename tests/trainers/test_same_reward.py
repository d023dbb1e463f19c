"""One promoted bundle, one number: in TRL, veRL, OpenRLHF, over HTTP, on the command line, and
the raw score in plain transformers."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pandas as pd
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from rewardgate.bundle import Promoted
from rewardgate.trainers.trl import PromotedReward
from rewardgate.trainers.verl import compute_score, compute_scores
from tests.server.served import served

SCORE = [sys.executable, "-m", "rewardgate", "score"]


@pytest.fixture(scope="module")
def rows(bundle: Promoted, texts: Any) -> list[dict[str, Any]]:
    """What the bundle says of each text alone."""
    rows = [bundle.reward(*text) for text in zip(*texts, strict=True)]
    assert {row["reward"] for row in rows} > {bundle.composition.floor}
    assert len({round(row["reward"], 4) for row in rows}) > 7
    if bundle.process is not None:
        assert len({round(row["process"], 4) for row in rows}) > 5
    return rows


@pytest.fixture(scope="module")
def rewards(rows: list[dict[str, Any]]) -> Any:
    return pytest.approx([row["reward"] for row in rows], abs=1e-5)


def test_trl(project: Path, texts: Any, rewards: Any) -> None:
    reward = PromotedReward(project / "models/promoted", references="answer")
    given = {"completion_ids": [[1]] * len(texts.prompts), "trainer_state": object()}
    assert (
        reward(prompts=texts.prompts, completions=texts.responses, answer=texts.references, **given)
        == rewards
    )


def test_verl(project: Path, texts: Any, rewards: Any) -> None:
    """Called as NaiveRewardManager.run_single and BatchRewardManager.run_batch of veRL's
    verl/experimental/reward_loop/reward_manager call it: by keyword, reward_kwargs merged in."""
    reward_kwargs = {"bundle": str(project / "models/promoted")}
    extra_infos = [
        {"index": place, "prompt": prompt, "num_turns": None, "rollout_reward_scores": {}}
        for place, prompt in enumerate(texts.prompts)
    ]
    single = [
        compute_score(
            data_source="facts",
            solution_str=response,
            ground_truth=reference,
            extra_info=info,
            **reward_kwargs,
        )
        for response, reference, info in zip(
            texts.responses, texts.references, extra_infos, strict=True
        )
    ]
    batch = compute_scores(
        data_sources=["facts"] * len(texts.prompts),
        solution_strs=texts.responses,
        ground_truths=texts.references,
        extra_infos=extra_infos,
        **reward_kwargs,
    )
    assert [scored["score"] for scored in single] == rewards
    assert [scored["score"] for scored in batch] == rewards


def test_http(project: Path, texts: Any, rewards: Any) -> None:
    with served(project / "models/promoted") as client:
        answer = client.post("/score", json=texts._asdict())
    assert answer.json()["rewards"] == rewards


def test_openrlhf(project: Path, texts: Any, rewards: Any) -> None:
    """As SingleTurnAgentExecutor of OpenRLHF 0.9 and 0.10 asks (openrlhf/utils/agent.py): by
    aiohttp, concurrently, one response a request; the query is prompt and response decoded with
    special tokens, and `rewards`, `scores` and `extra_logs` of the answer are read."""

    async def ask(session: aiohttp.ClientSession, url: str, place: int) -> dict[str, Any]:
        prompt = texts.prompts[place]
        payload = {
            "query": [f"{prompt}{texts.responses[place]}<|im_end|>"],
            "prompts": [prompt],
            "labels": [texts.references[place]],
        }
        async with session.post(url, json=payload) as response:
            response.raise_for_status()
            return await response.json()

    async def ask_all(url: str) -> list[dict[str, Any]]:
        async with aiohttp.ClientSession() as session:
            return await asyncio.gather(
                *(ask(session, url, place) for place in range(len(texts.prompts)))
            )

    with served(project / "models/promoted") as client:
        answers = asyncio.run(ask_all(f"{client.base_url}/get_reward"))
    assert [answer["rewards"][0] for answer in answers] == rewards
    assert all(answer["scores"] == answer["rewards"] for answer in answers)
    assert all(len(log) == 1 for answer in answers for log in answer["extra_logs"].values())


@pytest.mark.parametrize("project", ["tiny_encoder", "with_process"], indirect=True)
def test_command_line(project: Path, texts: Any, rewards: Any, tmp_path: Path) -> None:
    single = ["--json", texts.prompts[0], texts.responses[0], "--reference", texts.references[0]]
    printed = subprocess.run(
        [*SCORE, *single], cwd=project, capture_output=True, text=True, check=True
    ).stdout
    pd.DataFrame(
        {
            "prompt": texts.prompts,
            "response": texts.responses,
            "reference": texts.references,
        }
    ).to_parquet(tmp_path / "in.parquet")
    files = ["--input", str(tmp_path / "in.parquet"), "--output", str(tmp_path / "out.parquet")]
    subprocess.run([*SCORE, *files], cwd=project, capture_output=True, check=True)
    scored = pd.read_parquet(tmp_path / "out.parquet")["reward"].tolist()
    assert scored == rewards
    assert json.loads(printed)["reward"] == pytest.approx(scored[0], abs=1e-5)


def test_plain_transformers(project: Path, texts: Any, rows: list[dict[str, Any]]) -> None:
    """Raw scores of what fits and spells out no special token, singly and as a padded batch."""
    folder = project / "models/promoted/current"
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    conversations = [
        [{"role": "user", "content": prompt}, {"role": "assistant", "content": response}]
        for prompt, response in zip(texts.prompts[:6], texts.responses[:6], strict=True)
    ]
    rendered = tokenizer.apply_chat_template(conversations, tokenize=False)
    expected = pytest.approx([row["score"] for row in rows[:6]], abs=1e-5)

    def scores(batch: list[str]) -> list[float]:
        inputs = tokenizer(batch, add_special_tokens=False, padding=True, return_tensors="pt")
        with torch.no_grad():
            return model(**inputs).logits[:, 0].tolist()

    assert scores(rendered) == expected
    assert [scores([text])[0] for text in rendered] == expected
