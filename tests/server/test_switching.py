"""Promotions and rollbacks while requests come in: none is lost or half one, half other."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from served import FIRST, PATIENCE, SECOND, metric, point, promote, served, wait_for

from rewardgate.bundle import Promoted, load_promoted

PROMPTS = ["what ?", "who ?", "what is it ?"]
RESPONSES = ["paris", "good answer " * 9, "it was london and berlin"]


@contextmanager
def load(client: httpx.Client, answers: list[httpx.Response]) -> Iterator[None]:
    """Eight clients that ask on and on; what they are answered goes into `answers`."""
    stop = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=client.base_url, timeout=PATIENCE) as own:
            while not stop.is_set():
                body = {"prompts": PROMPTS, "responses": RESPONSES}
                answers.append(own.post("/score", json=body))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def serves(client: httpx.Client, version: str) -> bool:
    return client.get("/ready").json()["model"] == version


def expected(bundle: Promoted) -> list[float]:
    rows = bundle.rewards(PROMPTS, RESPONSES)
    return [row["reward"] for row in rows]


def test_promotion_and_rollback_under_load(tiny_encoder: Path, tmp_path: Path) -> None:
    promoted = promote(tiny_encoder, tmp_path, FIRST)
    first = load_promoted(promoted)
    answers: list[httpx.Response] = []
    with served(promoted, poll_seconds=0.05) as client, load(client, answers):
        wait_for(lambda: len(answers) > 20)
        promote(tiny_encoder, tmp_path, SECOND)
        second = load_promoted(promoted)
        wait_for(lambda: serves(client, second.version))
        sent = len(answers)
        wait_for(lambda: len(answers) > sent + 20)
        point(promoted, first.version)
        wait_for(lambda: serves(client, first.version))
        sent = len(answers)
        wait_for(lambda: len(answers) > sent + 20)
        assert metric(client, 'rewardgate_switches_total{outcome="served"}') == 2
        assert metric(client, 'rewardgate_switches_total{outcome="refused"}') == 0
    assert {answer.status_code for answer in answers} == {200}
    rewards = {bundle.version: expected(bundle) for bundle in (first, second)}
    assert max(abs(a - b) for a, b in zip(*rewards.values(), strict=True)) > 0.01
    assert {answer.json()["model"] for answer in answers} == set(rewards)
    for answer in answers:
        assert answer.json()["rewards"] == pytest.approx(rewards[answer.json()["model"]], abs=1e-5)


def test_an_altered_bundle_is_refused_and_the_one_before_serves_on(
    tiny_encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    promoted = promote(tiny_encoder, tmp_path / "a", FIRST)
    first = load_promoted(promoted).version
    other = promote(tiny_encoder, tmp_path / "b", SECOND)
    second = load_promoted(other).version
    shutil.copytree(other / second, promoted / second)
    config = promoted / second / "config.json"
    sound = config.read_text()
    config.write_text(sound + " ")
    refused = 'rewardgate_switches_total{outcome="refused"}'
    with served(promoted, poll_seconds=0.05) as client:
        point(promoted, second)
        wait_for(lambda: metric(client, refused) == 1)
        assert serves(client, first)
        answer = client.post("/score", json={"prompts": PROMPTS, "responses": RESPONSES})
        assert answer.json()["model"] == first
        told = capsys.readouterr().err
        assert f"refused bundle {second}, {first} keeps serving" in told
        assert "config.json: altered" in told
        # Mended in its place, it serves.
        mended = tmp_path / "config.json"
        mended.write_text(sound)
        mended.replace(config)
        wait_for(lambda: serves(client, second))
        assert metric(client, refused) == 1


def test_a_bundle_whose_score_is_no_number_is_refused(tiny_encoder: Path, tmp_path: Path) -> None:
    promoted = promote(tiny_encoder, tmp_path, FIRST)
    first = load_promoted(promoted).version
    with served(promoted, poll_seconds=0.05) as client:
        promote(tiny_encoder, tmp_path, SECOND, nan_word="a")
        wait_for(lambda: metric(client, 'rewardgate_switches_total{outcome="refused"}') == 1)
        assert serves(client, first)


def test_a_vanished_link_changes_nothing(tiny_encoder: Path, tmp_path: Path) -> None:
    promoted = promote(tiny_encoder, tmp_path, FIRST)
    first = load_promoted(promoted).version
    with served(promoted, poll_seconds=0.02) as client:
        (promoted / "current").unlink()
        answers: list[httpx.Response] = []
        with load(client, answers):
            wait_for(lambda: len(answers) > 50)
        assert {answer.json()["model"] for answer in answers} == {first}
