"""Every command of the README and of docs/ is run: here, page by page, or where ELSEWHERE says.

The tutorial makes the project, on a tiny base, and the other pages go on in it. A block marked
`bash` or `python` is run here; one marked `console` is not, and each of its commands stands in
ELSEWHERE.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest
from judged_project import accuracy_checks
from policies import SETTINGS
from project import BIN, ROOT, tiny_changes

from rewardgate.params import change_params
from rewardgate.settings import load_settings
from rewardgate.simulate.simulation import simulate

PAGES = ("README.md", *sorted(f"docs/{path.name}" for path in ROOT.glob("docs/*.md")))
COMMAND = re.compile(
    r"(rewardgate|dvc|gto|git|python[0-9.]*|prefect|pip|make|accelerate|openssl|ray|export|cd|mkdocs"
    r"|\.venv/bin/\w+|\w+=\S*)(\s|$)"
)
BY_PIP = "it fetches packages from a registry"
ELSEWHERE = {
    "make run": ("tests/end_to_end/test_verdicts.py", '"rewardgate", "run"'),
    "make test": (".ci/run", "make test"),
    "rewardgate run --set preset=biased": ("tests/end_to_end/test_verdicts.py", "preset=biased"),
    "rewardgate run --set gate.checks.accuracy.threshold=0.7": (
        "tests/end_to_end/test_documentation.py",
        "gate.checks.accuracy.threshold=",
    ),
    "rewardgate run": ("tests/test_tracing.py", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    "export OTEL_EXPORTER_OTLP_ENDPOINT": ("tests/test_tracing.py", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    "accelerate launch -m rewardgate score": ("tests/test_scoring.py", "test_two_processes_write"),
    "rewardgate verify --rederive": ("tests/end_to_end/test_start_from_champion.py", "--rederive"),
    "rewardgate run --set train.start=champion": (
        "tests/end_to_end/test_start_from_champion.py",
        "train.start=champion",
    ),
    "rewardgate export-mlflow": ("tests/test_mlflow_export.py", '"export-mlflow"'),
    "rewardgate sign": ("tests/test_verify_command.py", 'rewardgate("sign"'),
    "rewardgate promote --override": ("tests/test_registry_commands.py", '"--override"'),
    "openssl pkeyutl": ("tests/test_signing.py", "openssl"),
    "REWARDGATE_TOKEN=... rewardgate serve": ("tests/server/test_serve_command.py", "s3cret"),
    "rewardgate serve --host 0.0.0.0": ("tests/server/test_serving.py", "get_reward"),
    "rewardgate run --set rewards.process_weight": (
        "tests/end_to_end/test_process_promotion.py",
        "rewards.process_weight=",
    ),
    "python -m benchmarks.crashes": (
        "tests/end_to_end/test_crashes.py",
        "benchmarks.crashes",
    ),
    "python -m openrlhf": "OpenRLHF trains on GPUs alone",
    "prefect server start": ("tests/end_to_end/served_prefect.py", "server"),
    "prefect worker start": ("tests/end_to_end/test_deployments.py", "worker"),
    "python -m flows.deploy": ("tests/end_to_end/test_deployments.py", "flows.deploy"),
    "export DO_NOT_TRACK": ("tests/end_to_end/served_prefect.py", "PREFECT"),
    "export PREFECT_API_URL": ("tests/end_to_end/test_deployments.py", "PREFECT_API_URL"),
    "python -m benchmarks.over_optimisation": (
        "tests/benchmarks/test_over_optimisation.py",
        "main",
    ),
    ".venv/bin/python -m benchmarks.train": ("tests/benchmarks/test_side_by_side.py", "train"),
    ".venv/bin/python -m benchmarks.score": ("tests/benchmarks/test_side_by_side.py", "score"),
    "export RAY_USAGE_STATS_ENABLED": "it is of use where `ray start` is",
    "ray get-auth-token": "it would replace the token of the user's own clusters",
    "ray start": ("tests/test_engine.py", "add_node"),
    "export REWARDGATE_ENGINE": ("tests/test_engine.py", "engine.RAY"),
    ".venv/bin/pip install": BY_PIP,
    "pip install": BY_PIP,
    "python3.11 -m venv": BY_PIP,
    "dvc exp run --queue": "its workers go on in the background after the command",
    "dvc queue start": "its workers go on in the background after the command",
}
"""By the beginning of a command: the test that runs it and what is found in it, or why none can."""

TINY = "rewardgate init judge"


@dataclass
class Shell:
    """A user's shell: where it is, and what it says."""

    folder: Path
    home: Path
    said: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        known = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        return {
            **known,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "BROWSER": "true",
            "DVC_NO_ANALYTICS": "1",
            "COLUMNS": "120",
            **{f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER")
               for what in ("NAME", "EMAIL")},
        }  # fmt: skip

    def run(self, command: str) -> str:
        """Run a command, which must succeed, and go where it goes; returns what it printed."""
        if re.match(r"rewardgate serve\b", command):
            return self.serve(command)
        where = self.home / "where"
        finished = subprocess.run(
            ["bash", "-c", f"{command}\nresult=$?; pwd > '{where}'; exit $result"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, f"{command}\n{finished.stdout}{finished.stderr}"
        self.folder = Path(where.read_text().strip())
        self.said[command] = finished.stdout
        return finished.stdout

    def serve(self, command: str) -> str:
        """Start a server on a free port; stop it as soon as it listens."""
        child = subprocess.Popen(
            ["bash", "-c", f"exec {command} --port 0"],
            cwd=self.folder,
            env=self.environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert child.stderr is not None
        url = next((line for line in child.stderr if "http://127.0.0.1:" in line), "")
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=60)
        assert (child.returncode, bool(url)) == (0, True)
        self.said[command] = url
        return url


def blocks(page: str) -> list[tuple[str, str]]:
    """Kind and content of each fenced block of a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[str]:
    """The commands of a block, with the lines that go on joined and without comments."""
    lines = re.sub(r"\\\n\s*", "", block).splitlines()
    bare = [re.sub(r"(^|\s+)#\s.*$", "", line).strip() for line in lines]
    return [line for line in bare if COMMAND.match(line)]


def follow(page: str, shell: Shell) -> None:
    """Run every `bash` and `python` block of a page, but no command that was run before."""
    for kind, block in blocks(page):
        if kind == "bash":
            for command in commands(block):
                if command not in shell.said:
                    shell.run(command.replace("URL_OF_THE_REPOSITORY", str(shell.folder)))
                if command == TINY:
                    make_tiny(shell.folder / "judge", shell.home / "base")
        elif kind == "python":
            (shell.home / "snippet.py").write_text(block, encoding="utf-8")
            shell.run(f"{sys.executable} {shell.home}/snippet.py")


def make_tiny(project: Path, base: Path) -> None:
    """Let a project train on the tiny base, and promote whatever it learnt."""
    checks = f"gate.checks={json.dumps(accuracy_checks(SETTINGS.gate.items, 0.0))}"
    changes = [one for one in tiny_changes(base) if not one.startswith("simulate.")]
    change_params(project / "params.yaml", [*changes, checks, "gate.resamples=200"])


@pytest.fixture(scope="module")
def shell(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """The tutorial, followed: rankings.csv became a promoted model in the folder `judge`."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(tiny_encoder, home / "base")
    settings = load_settings(ROOT / "params.yaml")
    simulation = settings.simulate.model_copy(update={"prompts": 100})
    rows = [
        {"prompt": record["prompt"], "response": response["text"], "rank": response["rank"]}
        for record in simulate(simulation, "default", 1).records
        for response in record["responses"]
    ]
    work = tmp_path_factory.mktemp("work")
    pd.DataFrame(rows).to_csv(work / "rankings.csv", index=False)
    shell = Shell(work, home)
    follow("docs/tutorial.md", shell)
    return shell


def test_the_tutorial_ends_in_a_promoted_model_of_the_rankings(shell: Shell) -> None:
    (ran,) = (said for command, said in shell.said.items() if "ingest.inputs" in command)
    assert "PROMOTED" in ran
    assert re.search(r"^ ?train +ran\b", ran, re.MULTILINE)
    assert "simulate" not in ran
    ingested = json.loads((shell.folder / "reports/ingest.json").read_text(encoding="utf-8"))
    assert ingested["rankings"] == 100
    assert list(ingested["domains"]) == ["general"]
    assert (shell.folder / "models/promoted/current/manifest.json").is_file()
    assert '<a href="../logs/costs.html">' in (shell.folder / "reports/report.html").read_text()
    assert ">train<" in (shell.folder / "logs/costs.html").read_text()
    assert shell.run("git status --porcelain") == ""
    assert shell.run("git ls-files data/shards data/judged") == ""


def test_another_run_makes_a_second_version_and_caches_the_rest(shell: Shell) -> None:
    ran = shell.run("rewardgate run --set gate.checks.accuracy.threshold=0.01")
    outcomes = dict(re.findall(r"^ ?(\w+) +(ran|cached)\b", ran, re.MULTILINE))
    assert {stage for stage, outcome in outcomes.items() if outcome == "ran"} == {
        "start", "champion", "gate", "promote",
    }  # fmt: skip
    assert {"ingest", "train", "evaluate"} <= outcomes.keys()
    assert "previous" in shell.run("rewardgate list")
    shell.run("git commit --quiet --all --message 'Another threshold'")


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page not in ("docs/tutorial.md", "docs/ppo.md")]
)
def test_the_commands_of_a_page_run(shell: Shell, page: str) -> None:
    project = shell.folder
    for name in ("responses", "scored"):
        if not (project / f"{name}.parquet").exists():
            shutil.copy(project / "data/split/calibration.parquet", project / f"{name}.parquet")
    if "drift scored.parquet" in (ROOT / page).read_text(encoding="utf-8"):
        shell.run("rewardgate score --input responses.parquet --output scored.parquet")
    follow(page, shell)
    shell.folder = project


def test_experiments_are_compared_by_a_few_figures(shell: Shell) -> None:
    """What the commands of docs/experiments.md printed, in the test above."""
    shown = shell.run("dvc metrics show --md")
    (head, *_) = shown.splitlines()
    names = [name.strip() for name in head.strip("|").split("|")]
    assert {"accuracy", "accuracy_low", "margin_bt_logits", "failed_items"} <= set(names)
    assert len(names) < 16
    (table,) = (said for command, said in shell.said.items() if command.startswith("dvc exp show"))
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")]
                      for line in table.splitlines() if line.startswith("|")]  # fmt: skip
    assert {"train.loss.kind", "accuracy", "margin_bt_logits"} <= set(head)
    assert len(head) < 25
    (row,) = [row for row in rows if "plackett" in row[0]]
    assert row[head.index("train.loss.kind")] == "plackett_luce"
    assert row[head.index("accuracy")] != ""
    (difference,) = (
        said for command, said in shell.said.items() if command.startswith("dvc metrics diff")
    )
    assert "accuracy" in difference
    page = (shell.folder / "logs/plots/index.html").read_text(encoding="utf-8")
    for title in ("training loss", "training accuracy", "training margin", "reliability"):
        assert title in page


@pytest.mark.parametrize("page", PAGES)
def test_a_command_that_is_not_run_here_says_where_or_why(page: str) -> None:
    for kind, block in blocks(page):
        for command in commands(block) if kind == "console" else ():
            starts = [start for start in ELSEWHERE if command.startswith(start)]
            found = ELSEWHERE[max(starts, key=len)] if starts else None
            assert found is not None, f"{page}: {command}: run it, or say in ELSEWHERE who does"
            if isinstance(found, tuple):
                path, words = found
                assert words in (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_no_command_hides_in_a_block_that_is_not_marked(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    outside = re.sub(r"^```(\w*)\n(.*?)^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    indented = re.findall(r"(?<=\n\n)(?: {4}[^\n]*\n)+", outside)
    assert [block for block in indented if commands(block)] == []
    assert {kind for kind, _ in blocks(page)} <= {"bash", "console", "python", "yaml", "text"}


def test_every_entry_of_the_list_is_of_use() -> None:
    every = [
        command
        for page in PAGES
        for kind, block in blocks(page)
        if kind == "console"
        for command in commands(block)
    ]
    for start in ELSEWHERE:
        assert any(command.startswith(start) for command in every), start
