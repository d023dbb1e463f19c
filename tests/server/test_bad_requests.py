"""Bad input gets one clear line, never a number, and hurts no other request."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from served import FIRST, PATIENCE, promote, served

GOOD = {"prompts": ["what ?"], "responses": ["paris"]}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def client(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    promoted = promote(tiny_encoder, tmp_path_factory.mktemp("bad"), FIRST, nan_word="berlin")
    with served(promoted, receive_seconds=PATIENCE, max_texts=100) as client:
        yield client


def bytes_of(**changes: Any) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


@pytest.mark.parametrize(
    ("content", "headers", "status", "told"),
    [
        (bytes_of(responses=["a", "b"]), JSON, 422, "prompts has 1 and responses has 2"),
        (bytes_of(prompts=[], responses=[]), JSON, 422, "prompts: List should have at least 1"),
        (bytes_of(responses="paris"), JSON, 422, "responses: Input should be a valid array"),
        (bytes_of(responses=[7]), JSON, 422, "responses[0]: Input should be a valid string"),
        (bytes_of(responses=[None]), JSON, 422, "responses[0]: Input should be a valid string"),
        (bytes_of(labels=["x"]), JSON, 422, "labels: Extra inputs"),
        (b'{"prompts": ["what ?"]}', JSON, 422, "responses: Field required"),
        (b'{"prompts": ["\xff\xfe"], "responses": ["a"]}', JSON, 422, "body: Invalid JSON"),
        (b'{"prompts": ["\\ud800"], "responses": ["a"]}', JSON, 422, "body: Invalid JSON"),
        (b"[" * 100_000, JSON, 422, "body: Invalid JSON"),
        (b"", JSON, 422, "body: Invalid JSON"),
        (b"null", JSON, 422, "body: Input should be an object"),
        (bytes_of(), {"Content-Type": "text/plain"}, 415, "content type is text/plain"),
        (bytes_of(), {}, 415, "content type is missing"),
        (bytes_of(responses=["a" * 10_000_000]), JSON, 413, "responses[0]: 10,000,000 characters"),
        (bytes_of(responses=["a" * 20_000_000]), JSON, 413, "more than 16,777,216 bytes"),
        (bytes_of(prompts=["a"] * 101, responses=["b"] * 101), JSON, 413, "prompts: 101 texts"),
        (
            bytes_of(responses=["it was berlin"]),
            JSON,
            500,
            "scores the response 'it was berlin' with nan",
        ),
        (bytes_of(references=["4", "5"]), JSON, 422, "references has 2 places and there are 1"),
    ],
)
def test_one_clear_line(
    content: bytes, headers: dict[str, str], status: int, told: str, client: httpx.Client
) -> None:
    answer = client.post("/score", content=content, headers=headers)
    assert answer.status_code == status
    assert list(answer.json()) == ["detail"]
    assert told in answer.json()["detail"]
    assert "\n" not in answer.json()["detail"]
    assert client.post("/score", json=GOOD).status_code == 200


@pytest.mark.parametrize(
    ("query", "prompts", "told"),
    [
        (["what ? paris"], ["who ?"], "query[0]: does not begin with prompts[0]"),
        (["hello world what ? paris"], ["what ?"], "query[0]: does not begin with prompts[0]"),
        (["what ? paris"], [], "prompts: List should have at least 1"),
        (["what ? paris"], ["what ?"] * 2, "query has 1 and prompts has 2"),
    ],
)
def test_queries_that_are_none(
    query: list[str], prompts: list[str], told: str, client: httpx.Client
) -> None:
    answer = client.post("/get_reward", json={"query": query, "prompts": prompts, "labels": None})
    assert answer.status_code == 422
    assert told in answer.json()["detail"]


def test_a_text_without_a_score_fails_its_own_request_only(client: httpx.Client) -> None:
    def ask(number: int) -> httpx.Response:
        text = "it was berlin" if number % 4 == 0 else "it was paris"
        return client.post("/score", json={"prompts": ["what ?"] * 2, "responses": ["no", text]})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(40)))
    for number, answer in enumerate(answers):
        assert answer.status_code == (500 if number % 4 == 0 else 200)
    assert "scores the response 'it was berlin' with nan, no number" in answers[0].json()["detail"]
    alone = client.post(
        "/score", json={"prompts": ["what ?"] * 2, "responses": ["no", "it was paris"]}
    )
    for answer in answers:
        if answer.status_code == 200:
            assert answer.json()["rewards"] == pytest.approx(alone.json()["rewards"], abs=1e-5)


def test_a_body_without_a_length_is_cut_off_too(client: httpx.Client) -> None:
    answer = client.post("/score", content=(b" " * 2**20 for _ in range(20)), headers=JSON)
    assert answer.status_code == 413


def test_a_slow_client_is_sent_away_and_holds_up_nobody(tiny_encoder: Path, tmp_path: Path) -> None:
    with served(promote(tiny_encoder, tmp_path, FIRST), receive_seconds=3) as client:
        url = client.base_url
        with (
            socket.create_connection((url.host, url.port), timeout=PATIENCE) as slower,
            socket.create_connection((url.host, url.port), timeout=PATIENCE) as slow,
        ):
            slower.sendall(b"POST /score HTTP/1.1\r\nHos")
            slow.sendall(
                b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b'Content-Length: 60\r\n\r\n{"prompts": ["what'
            )
            assert client.post("/score", json=GOOD).status_code == 200
            answer = b""
            while part := slow.recv(4096):
                answer += part
            assert slower.recv(4096) == b""
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"did not arrive within 3 s" in answer


def test_what_is_no_http_is_refused(client: httpx.Client) -> None:
    url = client.base_url
    with socket.create_connection((url.host, url.port), timeout=PATIENCE) as odd:
        odd.sendall(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
        assert odd.recv(4096).startswith(b"HTTP/1.1 400")
    assert client.get("/ready").status_code == 200
