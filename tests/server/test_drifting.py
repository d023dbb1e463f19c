"""The server tells how far its scores are from the calibration set's, and changes nothing."""

import logging
from pathlib import Path

import httpx
import pytest
from served import FIRST, SECOND, metric, promote, served, wait_for

from rewardgate.drift import measure_drift
from rewardgate.files import read_json


def ask(client: httpx.Client, texts: list[str]) -> list[float]:
    body = {"prompts": ["what ?"] * len(texts), "responses": texts}
    return client.post("/score", json=body).json()["scores"]


def test_drift_is_told_and_warned_of_once(
    tiny_encoder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    promoted = promote(tiny_encoder, tmp_path, FIRST)
    reference = read_json(promoted / "current/reports/calibration.json")["score_quantiles"]
    with served(promoted, drift_least=30, drift_window=40, poll_seconds=0.05) as client:
        logging.getLogger("rewardgate.server").addHandler(caplog.handler)
        scores = ask(client, ["good answer"] * 20)
        early = client.get("/drift").json()
        assert (early["drifted"], early["psi"]) == (None, None)
        scores += ask(client, ["good answer"] * 30)
        found = client.get("/drift").json()
        expected = measure_drift(reference, scores[-40:])
        assert found["psi"] == pytest.approx(expected.psi)
        assert (found["scores"], found["drifted"]) == (40, True)
        wait_for(lambda: metric(client, 'rewardgate_drift{kind="psi"}') == found["psi"])
        wait_for(lambda: "the scores have drifted: 40 live scores" in caplog.text)
        assert ask(client, ["good answer"]) == pytest.approx(scores[:1], abs=1e-5)
        assert caplog.text.count("have drifted") == 1
        promote(tiny_encoder, tmp_path, SECOND)
        wait_for(lambda: client.get("/drift").json()["drifted"] is None)


def test_a_bundle_without_calibration_scores_is_not_watched(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("served.CALIBRATION", {"mean": 0.0, "std": 1.0, "temperature": 1.0})
    with served(promote(tiny_encoder, tmp_path, FIRST), drift_least=1) as client:
        ask(client, ["good answer"] * 5)
        assert client.get("/drift").json()["drifted"] is None
