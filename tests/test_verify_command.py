"""`rewardgate verify`, `sign` and `key` as a user runs them."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from judged_project import make_judged_project

from rewardgate.cli import main
from rewardgate.errors import BAD_INPUT, BLOCKED
from rewardgate.files import write_text
from rewardgate.params import change_params
from stages import promote

NAMES = ("manifest", "files", "signature", "evidence", "verdict", "history")

Rewardgate = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def rewardgate(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], project: Path
) -> Rewardgate:
    """The command, run in the project; gives its exit code and the lines that it prints."""

    def run(*arguments: str, **environment: str) -> tuple[int, list[str]]:
        monkeypatch.chdir(project)
        monkeypatch.setattr(sys, "argv", ["rewardgate", *arguments])
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        capfd.readouterr()
        with pytest.raises(SystemExit) as exited:
            main()
        return int(exited.value.code or 0), "".join(capfd.readouterr()).splitlines()

    return run


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(make_judged_project(tmp_path / "project"))
    assert promote.main() == 0
    return tmp_path / "project"


def test_an_unsigned_bundle_is_verified_signed_and_then_must_stay_signed(
    project: Path, rewardgate: Rewardgate
) -> None:
    code, lines = rewardgate("verify")
    assert code == 0
    assert [line.split()[:2] for line in lines] == [["pass", name] for name in NAMES]
    assert "unsigned" in lines[2]
    code, lines = rewardgate("key", "../keys")
    assert code == 0
    (project / "promotion_key.pub").write_bytes(Path("../keys/promotion_key.pub").read_bytes())
    change_params(project / "params.yaml", ["promote={public_key: promotion_key.pub}"])
    assert rewardgate("verify")[0] == BLOCKED
    private = str(Path("../keys/promotion_key.pem").resolve())
    assert rewardgate("sign", REWARDGATE_SIGNING_KEY=private)[0] == 0
    code, lines = rewardgate("verify")
    assert code == 0
    assert "signed, as promotion_key.pub confirms" in lines[2]


def test_an_altered_file_fails_by_name_with_what_to_do(
    project: Path, rewardgate: Rewardgate
) -> None:
    bundle = (project / "models/promoted/current").resolve()
    (bundle / "model.safetensors").write_bytes(b"other")
    for name in ([], [bundle.name], [str(bundle)]):
        code, lines = rewardgate("verify", *name)
        assert code == BLOCKED
        assert [line for line in lines if line.startswith("FAIL")] == [
            "FAIL  file           model.safetensors: altered; restore the bundle from a copy, or "
            "promote again"
        ]
    assert rewardgate("sign", REWARDGATE_SIGNING_KEY="nowhere.pem")[0] == BAD_INPUT


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["verify", "0123"], "models/promoted/0123: no such version; promoted are "),
        (["verify", "--rederive"], "promoted outside a git repository"),
        (["sign"], "sign: set promote.signing_key or REWARDGATE_SIGNING_KEY to a key"),
        (["key", "here"], "a private key must not be committed; name a folder outside"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    project: Path, rewardgate: Rewardgate, arguments: list[str], message: str
) -> None:
    if arguments[0] == "key":
        write_text(project / ".git/config", "")
    code, lines = rewardgate(*arguments)
    assert code == BAD_INPUT
    assert message in lines[-1]
