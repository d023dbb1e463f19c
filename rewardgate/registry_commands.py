"""The commands on promoted versions: list, show, diff, rollback, promote, export-mlflow."""

import subprocess
import sys
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from rewardgate.errors import RewardGateError
from rewardgate.project import PROMOTED, configured_key, enter_project

Version = Annotated[
    str, typer.Argument(help="current, previous, or the beginning of a version's name.")
]


def list_() -> None:
    """List the promoted versions: when, by whom, how good, and which is current."""
    from rewardgate.history import read_history
    from rewardgate.promotion import CURRENT, PREVIOUS
    from rewardgate.registry import all_versions, summary

    enter_project()
    acts = {entry.version: entry for entry in read_history(PROMOTED)}
    aliases: dict[str, list[str]] = {}
    for alias in (CURRENT, PREVIOUS):
        aliases.setdefault((PROMOTED / alias).resolve().name, []).append(alias)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("version", "last act", "by", "accuracy", "margin", ""):
        table.add_column(title, no_wrap=True)
    folders = all_versions(PROMOTED)
    for folder in folders:
        metrics, act = summary(folder)["metrics"], acts.get(folder.name)
        table.add_row(
            folder.name,
            f"{act.action} {act.time[:16].replace('T', ' ')}" if act else "",
            act.by if act else "",
            _shown(metrics.get("accuracy")),
            _shown(metrics.get("mean_margin_bt_logits")),
            ", ".join(aliases.get(folder.name, [])),
        )
    if folders:
        Console().print(table)
    else:
        typer.echo("nothing was promoted yet")


def show(version: Version = "current") -> None:
    """Show one version: its figures, data, code, environment, and its history."""
    from rewardgate.history import read_history
    from rewardgate.manifest import read_manifest
    from rewardgate.registry import find_version, summary

    enter_project()
    folder = find_version(PROMOTED, version)
    told = {"version": {"name": folder.name, "folder": str(folder)}, **summary(folder)}
    del told["params"]
    if override := read_manifest(folder).override:
        told["version"]["override"] = f"blocked by the gate, promoted by {override.by}: " + (
            override.reason
        )
    for part, values in told.items():
        for name, value in values.items():
            typer.echo(f"{part:12} {name:32} {_shown(value)}")
    for entry in read_history(PROMOTED):
        if folder.name in (entry.version, entry.before):
            because = f": {entry.reason}" if entry.reason else ""
            typer.echo(
                f"{'history':12} {entry.time:32} {entry.action} {entry.version} by {entry.by}"
                f"{because}"
            )


def diff(
    a: Annotated[str, typer.Argument(help="A version, as for show.")] = "previous",
    b: Annotated[str, typer.Argument(help="Another one.")] = "current",
) -> None:
    """Show what differs between two versions: figures, settings, data, code, environment."""
    from rewardgate.registry import differences, find_version

    enter_project()
    first, second = find_version(PROMOTED, a), find_version(PROMOTED, b)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("", "what", first.name, second.name):
        table.add_column(title, overflow="fold")
    found = differences(first, second)
    for part, name, before, after in found:
        table.add_row(part, name, _shown(before), _shown(after))
    if found:
        Console().print(table)
    else:
        typer.echo(f"{first.name} and {second.name} do not differ")


def rollback(
    version: Version = "previous",
    reason: Annotated[str, typer.Option(help="Why; it stays in the history.")] = "",
) -> None:
    """Make an earlier version current again, after a check of its files and signature."""
    from rewardgate.registry import rollback as roll_back

    if not reason.strip():
        raise RewardGateError("rollback: say why with --reason; it stays in the history")
    enter_project()
    before, after = roll_back(PROMOTED, version, reason, configured_key())
    typer.echo(f"current: {after}, in the place of {before}")


def promote(
    override: Annotated[
        bool, typer.Option("--override", help="Promote although the gate blocked it.")
    ] = False,
    by: Annotated[str, typer.Option(help="With --override: who answers for it.")] = "",
    reason: Annotated[
        str, typer.Option(help="With --override: why; it is shown in every later report.")
    ] = "",
) -> None:
    """Act on the verdict on the newest candidate, or override it.

    Exit code 0: promoted, 3: blocked by the gate, 2: something to mend.
    """
    enter_project()
    given = ["--override", "--by", by, "--reason", reason] if override else []
    if (by or reason) and not override:
        raise RewardGateError("promote: --by and --reason belong to --override")
    command = [sys.executable, "-m", "stages.promote", *given]
    raise typer.Exit(subprocess.run(command, check=False).returncode)


def export_mlflow(
    version: Version = "current",
    tracking_uri: Annotated[
        str,
        typer.Option(
            envvar="MLFLOW_TRACKING_URI", help="sqlite:///FILE, or http://... of a server."
        ),
    ] = "sqlite:///mlflow.db",
    experiment: Annotated[str, typer.Option(help="Where the run goes.")] = "rewardgate",
    name: Annotated[str, typer.Option(help="The registered model.")] = "reward-model",
) -> None:
    """Log a promoted version to MLflow, and register it; the current one is its `champion`."""
    from rewardgate.registry import find_version

    enter_project()
    try:
        from rewardgate.mlflow_export import export
    except ModuleNotFoundError as error:
        raise RewardGateError(
            f"export-mlflow: {error.name} is not installed; pip install 'rewardgate[mlflow]'"
        ) from None
    folder = find_version(PROMOTED, version)
    typer.echo(export(folder, tracking_uri, experiment, name, configured_key()))


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def register(app: typer.Typer) -> None:
    app.command("list")(list_)
    for command in (show, diff, rollback, promote, export_mlflow):
        app.command()(command)
