"""The wheel: what is in it, and a project that is started from nothing but the wheel."""

import email
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from project import BIN, ROOT

from rewardgate.errors import BAD_INPUT
from rewardgate.files import sha256_folder

SOURCES = ("rewardgate", "stages", "flows", "launch", "pyproject.toml", "README.md", "dvc.yaml",
           "params.yaml", "prefect.yaml", ".gitignore", "data/stress_cases.yaml",
           "models/.gitignore")  # fmt: skip
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")


@dataclass(frozen=True)
class Installed:
    """A Python of its own that has the wheel, and finds what it depends on where tests do."""

    wheel: Path
    python: Path

    def run(self, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(self.python.parent), str(BIN), os.environ["PATH"]])
        return subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    def done(self, folder: Path, *command: str) -> str:
        finished = self.run(folder, *command)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignored)
        else:
            shutil.copy(ROOT / name, source / name)
    build = (*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(out))
    subprocess.run([*build, str(source)], check=True)
    (wheel,) = out.glob("*.whl")
    environment = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    python = environment / "bin/python"
    (packages,) = environment.glob("lib/python*/site-packages")
    known = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "dependencies.pth").write_text("\n".join(known) + "\n")
    subprocess.run([*PIP, "--python", str(python), "install", "--no-deps", str(wheel)], check=True)
    return Installed(wheel, python)


def test_the_wheel_holds_what_a_project_and_a_report_need(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as archive:
        names = set(archive.namelist())
        assert {
            "rewardgate/report/report.html",
            "rewardgate/report/report.css",
            "rewardgate/report/browser.js",
            "rewardgate/report/costs.html",
            "rewardgate/template/launch/fsdp.yaml",
            "stages/train.py",
            "flows/retrain.py",
        } <= names
        for name, shipped in (
            ("pipeline.yaml", "dvc.yaml"),
            ("params.yaml", "params.yaml"),
            ("prefect.yaml", "prefect.yaml"),
            ("stress_cases.yaml", "data/stress_cases.yaml"),
        ):
            content = archive.read(f"rewardgate/template/{name}")
            assert content == (ROOT / shipped).read_bytes()
        assert not [name for name in names if name.startswith(("tests", "benchmarks", "data"))]
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        told = email.message_from_bytes(archive.read(metadata))
    assert {"serve", "ray", "s3", "trl", "otel", "docs"} <= set(told.get_all("Provides-Extra"))
    core = [one for one in told.get_all("Requires-Dist") if "extra ==" not in one]
    extra = ("fastapi", "uvicorn", "trl", "dvc-s3", "ray")
    assert not [one for one in core if one.startswith(extra)]


def test_a_project_from_nothing_runs_the_installed_stages(
    installed: Installed, tmp_path: Path
) -> None:
    told = installed.done(tmp_path, "rewardgate", "init", "judge")
    project = tmp_path / "judge"
    assert "written: judge/dvc.yaml" in told
    where = installed.done(project, "python", "-c", "import stages; print(stages.__file__)")
    assert where.startswith(str(installed.python.parents[1]))
    text = (project / "params.yaml").read_text(encoding="utf-8")
    text = text.replace("  prompts: 1000\n", "  prompts: 20\n", 1)
    (project / "params.yaml").write_text(text, encoding="utf-8")
    ran = installed.done(project, "dvc", "repro", "ingest")
    assert "Running stage 'ingest'" in ran
    assert (project / "data/ingested/responses.parquet").is_file()
    again = installed.done(project, "dvc", "repro", "ingest")
    assert "Running stage" not in again

    # another version: the stages whose code it changes run again, once `init` has recorded it
    (module,) = installed.python.parents[1].glob("lib/python*/site-packages/stages/ingest.py")
    module.write_text(module.read_text() + "\n# changed\n")
    finished = installed.run(project, "rewardgate", "run")
    assert finished.returncode == BAD_INPUT
    (line,) = [one for one in finished.stderr.splitlines() if one.startswith("rewardgate: ")]
    assert line.startswith("rewardgate: code.yaml: the installed rewardgate ")
    assert "(it differs in ingest); run `rewardgate init .`" in line
    forced = installed.run(project, "dvc", "repro", "--force", "--single-item", "ingest")
    assert "run `rewardgate init .`" in forced.stderr
    before = (project / "params.yaml").read_bytes()
    assert installed.done(project, "rewardgate", "init", ".").split() == [
        "written:", "dvc.yaml", "written:", "code.yaml",
    ]  # fmt: skip
    assert (project / "params.yaml").read_bytes() == before
    ran = installed.done(project, "dvc", "repro", "ingest")
    assert "Running stage 'simulate'" not in ran
    assert "Running stage 'ingest'" in ran


def test_every_stage_is_that_of_the_repository_but_for_where_its_code_is(
    installed: Installed, tmp_path: Path
) -> None:
    (tmp_path / "above").mkdir()
    subprocess.run(["git", "init", "-q"], cwd=tmp_path / "above", check=True)
    installed.done(tmp_path / "above", "rewardgate", "init", "judge")  # in somebody's repository
    made = yaml.safe_load((tmp_path / "above/judge/dvc.yaml").read_text())
    shipped = yaml.safe_load((ROOT / "dvc.yaml").read_text())
    assert made.keys() == shipped.keys()
    assert list(made["stages"]) == list(shipped["stages"])
    for name, stage in shipped["stages"].items():
        own = [dep for dep in stage["deps"] if not dep.startswith(("stages/", "rewardgate/"))]
        of_code = {"code.yaml": [f"stages.{name}"]}
        expected = {**stage, "deps": own, "params": [*stage.get("params", []), of_code]}
        assert {"deps": [], **made["stages"][name]} == expected
    listed = installed.done(tmp_path / "above/judge", "dvc", "stage", "list", "--name-only")
    assert listed.split() == list(shipped["stages"])


def test_a_pipeline_of_the_users_own_is_not_overwritten(
    installed: Installed, tmp_path: Path
) -> None:
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    before = sha256_folder(tmp_path)
    finished = installed.run(tmp_path, "rewardgate", "init", ".")
    assert finished.returncode == BAD_INPUT
    assert finished.stderr == (
        "rewardgate: dvc.yaml: not written by `rewardgate init`; move it away, or name another "
        "folder\n"
    )
    assert sha256_folder(tmp_path) == before


def test_without_the_server_one_line_names_the_extra(installed: Installed, tmp_path: Path) -> None:
    """Prefect happens to need fastapi as well, so its absence is played."""
    installed.done(tmp_path, "rewardgate", "init", ".")
    code = (
        "import sys; sys.modules['fastapi'] = None; sys.argv[1:] = ['serve']; "
        "from rewardgate.cli import main; main()"
    )
    finished = installed.run(tmp_path, "python", "-c", code)
    assert finished.returncode == BAD_INPUT
    assert finished.stderr == (
        "rewardgate: serve: fastapi is not installed; pip install 'rewardgate[serve]'\n"
    )
