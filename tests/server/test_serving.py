"""The numbers of the server are those of the bundle, and load is met with 429, never with loss."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from served import FIRST, metric, promote, served, wait_for

from rewardgate.bundle import Promoted, load_promoted
from rewardgate.errors import RewardGateError
from rewardgate.server.run import make_server
from rewardgate.server.settings import ServerSettings, server_settings

TEXTS = [
    (f"what is {i % 5} ?", " ".join(["good answer", "bad", "paris", "yes no"][: 1 + i % 4]) + " ok"
     * (i * 7 % 60))
    for i in range(64)
]  # fmt: skip


@pytest.fixture(scope="module")
def promoted(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return promote(tiny_encoder, tmp_path_factory.mktemp("serving"), FIRST)


@pytest.fixture(scope="module")
def bundle(promoted: Path) -> Promoted:
    return load_promoted(promoted)


@pytest.fixture(scope="module")
def client(promoted: Path) -> Iterator[httpx.Client]:
    with served(promoted, batch_tokens=200) as client:
        yield client


def test_concurrent_requests_get_the_numbers_of_the_bundle(
    client: httpx.Client, bundle: Promoted
) -> None:
    def ask(start: int) -> dict:
        texts = TEXTS[start : start + 1 + start % 5]
        body = {"prompts": [p for p, _ in texts], "responses": [r for _, r in texts]}
        answer = client.post("/score", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(60)))
    for start, answer in enumerate(answers):
        rows = [bundle.reward(*text) for text in TEXTS[start : start + 1 + start % 5]]
        assert answer["model"] == bundle.version
        assert answer["rewards"] == pytest.approx([r["reward"] for r in rows], abs=1e-5)
        assert answer["scores"] == pytest.approx([r["score"] for r in rows], abs=1e-5)
        assert answer["normalised"] == pytest.approx([r["normalised"] for r in rows], abs=1e-5)
        for part, row in zip(answer["parts"], rows, strict=True):
            assert part == {name: pytest.approx(row[name], abs=1e-5) for name in part}
            assert part["rm"] == pytest.approx(row["rm"], abs=1e-5)


@pytest.mark.parametrize(
    ("template", "before", "after", "end"),
    [
        ("{}", "", "", ""),
        ("{}", "<s>", "", "</s>"),
        ("user: {}\nassistant: ", "", "", "<|im_end|>\n<|endoftext|>"),
    ],
)
def test_openrlhf_gets_the_same_numbers(
    template: str, before: str, after: str, end: str, promoted: Path, bundle: Promoted
) -> None:
    """As its client calls: requests.post with query, prompts and labels, then answer["rewards"]."""
    prompts = [template.replace("{}", prompt) for prompt, _ in TEXTS[:20]]
    queries = [
        f"{before}{prompt}{text}{end}"
        for prompt, (_, text) in zip(prompts, TEXTS[:20], strict=True)
    ]
    data = {"query": queries, "prompts": prompts, "labels": ["4"] * 20}
    with served(promoted, prompt_template=template) as client:
        answer = requests.post(url=f"{client.base_url}/get_reward", json=data, timeout=180)
    answer.raise_for_status()
    rows = [bundle.reward(*text) for text in TEXTS[:20]]
    rewards = [row["reward"] for row in rows]
    assert answer.json()["rewards"] == pytest.approx(rewards, abs=1e-5)
    assert answer.json()["scores"] == answer.json()["rewards"]
    logs = answer.json()["extra_logs"]
    assert logs["score"] == pytest.approx([row["score"] for row in rows], abs=1e-5)
    assert logs["length_penalty"] == pytest.approx([row["length_penalty"] for row in rows])
    assert answer.json()["model"] == bundle.version


def test_a_full_queue_says_when_to_come_back(promoted: Path) -> None:
    body = {"prompts": ["what ?"] * 400, "responses": ["good answer " * 20] * 400}

    with served(promoted, queue_tokens=1) as client:

        def ask(_: int) -> httpx.Response:
            return client.post("/score", json=body)

        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(ask, range(12)))
        refused = [answer for answer in answers if answer.status_code == 429]
        assert {answer.status_code for answer in answers} == {200, 429}
        assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in refused)
        assert "queue is full" in refused[0].json()["detail"]
        assert metric(client, "rewardgate_accepted_total") == 12 - len(refused)
        assert metric(client, "rewardgate_finished_total") == 12 - len(refused)
        wait_for(lambda: metric(client, "rewardgate_waiting_tokens") == 0)
        assert ask(0).status_code == 200


def test_health_readiness_and_metrics(client: httpx.Client, bundle: Promoted) -> None:
    assert client.get("/health").json() == {"status": "alive", "model": bundle.version}
    assert client.get("/ready").json() == {"status": "ready", "model": bundle.version}
    client.get("/no-such-page")
    text = client.get("/metrics").text
    assert f'rewardgate_bundle{{version="{bundle.version}"}} 1.0' in text
    assert 'rewardgate_requests_total{path="/health",status="200"}' in text
    assert 'rewardgate_requests_total{path="other",status="404"}' in text


def test_a_token_guards_rewards_and_metrics(promoted: Path) -> None:
    body = {"prompts": ["what ?"], "responses": ["paris"]}
    with served(promoted, token="s3cret") as client:
        for wrong in ({}, {"Authorization": "Bearer s3cre"}, {"Authorization": "Basic s3cret"}):
            answer = client.post("/score", json=body, headers=wrong)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert client.get("/metrics", headers=wrong).status_code == 401
        right = {"Authorization": "Bearer s3cret"}
        assert client.post("/score", json=body, headers=right).status_code == 200
        assert client.get("/metrics", headers=right).status_code == 200
        assert client.get("/ready").status_code == 200


def test_the_openapi_page_has_examples_that_work(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    for path in ("/score", "/get_reward"):
        body = paths[path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        (example,) = body["examples"]
        assert client.post(path, json=example).status_code == 200
    assert client.get("/docs").status_code == 200


def test_a_start_that_cannot_be_is_told_in_one_line(promoted: Path, tmp_path: Path) -> None:
    with pytest.raises(RewardGateError, match="nothing was promoted yet"):
        make_server(tmp_path, ServerSettings(port=0))
    with served(promoted) as client, pytest.raises(RewardGateError, match="name another --host"):
        make_server(promoted, ServerSettings(port=client.base_url.port))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"token": ""}, "token: must be ASCII"),
        ({"token": " a"}, "token: must be ASCII"),
        ({"token": "cl\u00e9"}, "token: must be ASCII"),
        ({"port": 70000}, "port: Input should be less than or equal to 65535"),
        ({"prompt_template": "User: "}, "prompt-template: must hold {} once"),
    ],
)
def test_wrong_settings_are_told_in_one_line(values: dict[str, Any], told: str) -> None:
    with pytest.raises(RewardGateError, match=f"^serve: {re.escape(told)}"):
        server_settings(**values)


def test_references_reach_the_rules(tiny_encoder: Path, tmp_path: Path) -> None:
    rules = [{"name": "exact", "label": "right", "weight": 2.0}]
    promoted = promote(tiny_encoder, tmp_path, FIRST, rules=rules)
    texts = ["paris", "rome", "paris"]
    asked = {"prompts": ["capital ?"] * 3, "responses": texts}
    queries = [f"capital ?{text}" for text in texts]
    remote = {"query": queries, "prompts": ["capital ?"] * 3, "labels": ["paris"] * 3}
    with served(promoted) as client:
        answer = client.post("/score", json={**asked, "references": ["paris", "paris", {}]})
        parts = answer.json()["parts"]
        assert [part["rules"] for part in parts] == [{"right": 2.0}, {"right": 0.0}, {}]
        forgotten = client.post("/score", json=asked).json()["parts"][0]
        assert "the prompt has no reference" in forgotten["faults"]["right"]
        logs = client.post("/get_reward", json=remote).json()["extra_logs"]
        assert logs["rule_right"] == [2.0, 0.0, 2.0]
