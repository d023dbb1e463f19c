"""The command line: run, report, status, score."""

import json
import os
import subprocess
import sys
import webbrowser
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from rewardgate.errors import BAD_INPUT, BLOCKED, RewardGateError, run_or_explain
from rewardgate.files import read_json
from rewardgate.quiet import silence
from rewardgate.verdict_table import print_verdict

PROMOTED = Path("models/promoted")
VERDICT, REPORT = Path("reports/verdict.json"), Path("reports/report.html")

app = typer.Typer(
    help="From rankings to a promoted, or blocked, reward model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def run(
    set_: Annotated[
        list[str],
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a setting in params.yaml first, e.g. --set preset=biased "
            "--set ingest.inputs=data/rankings. May be given several times.",
        ),
    ] = [],  # noqa: B006
) -> None:
    """Run the pipeline: only stale stages run; ends in the verdict.

    Exit code 0: promoted, 3: blocked by the gate, 2: input or settings to mend.
    """
    from rewardgate.params import change_params

    enter_project()
    if set_:
        change_params("params.yaml", set_)
    code = subprocess.run([sys.executable, "-m", "flows.retrain"], check=False).returncode
    if code in (0, BLOCKED):
        print_verdict(read_json(VERDICT), Console())
        typer.echo(f"report: {REPORT}")
    raise typer.Exit(code)


@app.command()
def report(
    open_: Annotated[bool, typer.Option("--open", help="Open the report in a browser.")] = False,
) -> None:
    """Show the verdict on the newest candidate and where its report is."""
    enter_project()
    print_verdict(read_json(VERDICT), Console())
    typer.echo(f"report: {REPORT}")
    if open_:
        webbrowser.open(REPORT.resolve().as_uri())


@app.command()
def status() -> None:
    """Show what is promoted, the verdict on the newest candidate, and which stages are stale."""
    from dvc.repo import Repo

    from rewardgate.promotion import current_version, is_current

    enter_project()
    promoted = current_version(PROMOTED)
    if promoted is None:
        typer.echo("promoted:  nothing yet")
    else:
        folder, record = promoted
        metrics = record["metrics"]
        typer.echo(
            f"promoted:  {folder.name} (accuracy {metrics['accuracy']:.3f}, mean margin "
            f"{metrics['mean_margin_bt_logits']:.3f}, model {record['model_sha256'][:12]})"
        )
    if VERDICT.is_file():
        verdict = read_json(VERDICT)
        typer.echo(f"candidate: {verdict['verdict']} (model {verdict['model_sha256'][:12]})")
        for line in verdict["failures"]:
            typer.echo(f"           {line}")
    else:
        typer.echo("candidate: none judged yet")
    with Repo() as repo:
        stale = set(repo.status(targets=["promote"], with_deps=True)) - {"champion"}
    if VERDICT.is_file() and is_current(read_json(VERDICT), PROMOTED):
        stale.discard("promote")
    typer.echo(f"stale:     {', '.join(sorted(stale)) or 'nothing'}")


@app.command()
def score(
    prompt: Annotated[
        str | None, typer.Argument(help="The prompt x; '-' reads it from standard input.")
    ] = None,
    response: Annotated[str | None, typer.Argument(help="The response y.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
    input_: Annotated[
        Path | None, typer.Option("--input", help="Parquet with columns prompt and text.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="Parquet: the input and its scores.")
    ] = None,
) -> None:
    """Score a response, or a Parquet file of them, with the promoted reward model.

    Gives the raw score, the score normalised by the calibration set, and the mixed reward that
    PPO would receive; for a single response also its parts.
    """
    from rewardgate.bundle import load_promoted
    from rewardgate.processes import processes
    from rewardgate.score_file import score_file

    match prompt, response, input_, output:
        case str(x), str(y), None, None:
            enter_project()
            result = load_promoted(PROMOTED).reward(sys.stdin.read() if x == "-" else x, y)
            if as_json:
                typer.echo(json.dumps(result))
            else:
                for name, value in result.items():
                    shown = f"{value:.4f}" if isinstance(value, float) else value
                    typer.echo(f"{name:20} {shown}")
        case None, None, Path() as source, Path() as target:
            source, target = source.resolve(), target.resolve()
            enter_project()
            rows = score_file(load_promoted(PROMOTED), source, target)
            processes().print(f"{rows} responses scored: {target}")
        case _:
            raise RewardGateError("score: give a prompt and a response, or --input and --output")


def enter_project() -> None:
    """Go to the nearest folder above that holds dvc.yaml. Raises RewardGateError if none does."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "dvc.yaml").is_file() and (folder / "params.yaml").is_file():
            os.chdir(folder)
            return
    raise RewardGateError(f"no dvc.yaml with a params.yaml in {here} or above; go to the project")


def main() -> None:
    """Entry point of the command `rewardgate`."""

    def command() -> Any:
        return app(standalone_mode=False)

    silence()
    try:
        sys.exit(run_or_explain(command))
    except typer.Exit as exit_:
        sys.exit(exit_.exit_code)
    except typer.Abort:
        sys.exit(BAD_INPUT)
