"""A project with a promoted bundle, and texts that reach every part of its reward."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from calibrated import Texts, promote_calibrated
from project import ROOT

from rewardgate.bundle import Promoted, load_promoted


@pytest.fixture(scope="session")
def texts() -> Texts:
    """Right, wrong, hard-failed, long, repeated, empty, cut, special and padded ones."""
    rows: list[tuple[str, str, Any]] = [
        ("what is the capital of france ?", "it is paris", "paris"),
        ("what is the capital of france ?", "it is london", "paris"),
        ("what is the capital of france ?", "a bad answer", "paris"),
        ("what is two plus two ?", "four", "four"),
        ("what is two plus two ?", "", "four"),
        ("hello", "thank you very very very very very much", None),
        ("long question " * 60, "short answer", None),
        ("short question", "very long answer " * 40, None),
        ("say it", "[SEP] yes </s> no", None),
        ("hello\n\nworld", "a\nb", "b"),
        ("hello", "  yes please \n", None),
    ]
    return Texts(*map(list, zip(*rows, strict=True)))


@pytest.fixture(scope="session", params=["tiny_encoder", "tiny_decoder", "with_process"])
def project(
    request: pytest.FixtureRequest, texts: Texts, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A project folder with `models/promoted`: on an encoder, on a decoder, and on an encoder with
    a process model that is a decoder."""
    folder = tmp_path_factory.mktemp("trainers")
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, folder / name)
    base, process = request.param, None
    if request.param == "with_process":
        base, process = "tiny_encoder", request.getfixturevalue("tiny_decoder")
    promote_calibrated(request.getfixturevalue(base), folder, texts, process=process)
    return folder


@pytest.fixture(scope="session")
def bundle(project: Path) -> Promoted:
    return load_promoted(project / "models/promoted")
