"""The retraining flow: every stage of dvc.yaml as a task, then the verdict as an artifact.

Run it with `python -m flows.retrain` (or `rewardgate run`); it needs no server.
"""

import os
import sys
from pathlib import Path
from typing import Any, cast

from httpx import TransportError

from flows.mend import mend
from flows.pipeline import StageFailed, is_output, reproduce, stage_order, stale_stages
from flows.server import require_server
from rewardgate.base_files import find_base
from rewardgate.champion import find_champion, load_champion
from rewardgate.costs import RunCost
from rewardgate.costs_report import STAGE_COLUMNS, stage_rows, write_costs
from rewardgate.errors import BAD_INPUT, BLOCKED, RewardGateError, run_or_explain
from rewardgate.files import read_json, read_table, sha256_file
from rewardgate.ingest import find_inputs
from rewardgate.installed_code import require_recorded_code
from rewardgate.manifest import read_manifest
from rewardgate.project import PROMOTED, REPORT, VERDICT
from rewardgate.promotion import VERDICT as JUDGED
from rewardgate.promotion import is_current
from rewardgate.registry import all_versions
from rewardgate.settings import Settings, load_settings
from rewardgate.shapes import require_known_figures, require_slices
from rewardgate.signing import public_key, signing_key
from rewardgate.stage_order import ALWAYS_ASKED
from rewardgate.stage_run import RUN
from rewardgate.stress import load_cases
from rewardgate.wording import interval, required, value_and_threshold

from prefect import flow, get_run_logger, task  # isort: skip  (after flows, which sets it up)
from prefect.artifacts import create_markdown_artifact  # isort: skip
from prefect.runtime import flow_run  # isort: skip
from prefect.settings import PREFECT_API_URL  # isort: skip
from prefect.states import Completed, Failed, State  # isort: skip

TEST = Path("data/split/test.parquet")
NO_WORK = {*ALWAYS_ASKED, "promote"}
"""Stages that DVC always counts as stale, since what is promoted lies outside what it tracks."""

RETRIES = 2
EXIT_CODES = {"Blocked": BLOCKED, "BadInput": BAD_INPUT}
"""Exit code by the name of a failed state; a state of any other name is a crash, 1."""


def main() -> int:
    """Check the settings, run the flow unless nothing is stale, return the exit code."""
    settings = load_settings()
    for line in mend():
        print(f"rewardgate: {line}", file=sys.stderr)
    require_sound_input(settings)
    stale = stale_stages() - NO_WORK
    if not stale and is_current(VERDICT, PROMOTED):
        print("nothing changed since the last promotion; no stage was run")
        return 0
    if "train" in stale:
        find_base(settings.train.base)
    require_server("start it with `prefect server start`, or unset PREFECT_API_URL, and run again")
    champion = find_champion(settings.gate.champion, PROMOTED, None)
    if champion is not None:
        load_champion(champion, public_key(settings.promote))
    if not PREFECT_API_URL.value():
        from flows.temporary_server import TemporaryServer

        TemporaryServer()
    try:
        state = cast("State[Any]", retrain(return_state=True))
    except TransportError as error:
        raise server_gone(error) from None
    if state.is_completed():
        return 0
    print(f"rewardgate: {state.message}", file=sys.stderr)
    return EXIT_CODES.get(state.name or "", 1)


def server_gone(error: Exception) -> RewardGateError:
    """What to say of a Prefect server that stopped answering in mid-run."""
    server = PREFECT_API_URL.value() or "the temporary Prefect server"
    return RewardGateError(
        f"{server}: no Prefect server answers any more ({error}); start it, or unset "
        "PREFECT_API_URL, and run again: a stage that ended is not run twice"
    )


def require_sound_input(settings: Settings) -> None:
    """Raises RewardGateError for code, settings, rankings or a key that a stage would stop at."""
    require_recorded_code()
    require_known_figures(settings, load_cases(settings.stress.cases))
    if not is_output(settings.ingest.inputs):
        find_inputs(settings.ingest.inputs)
    signing_key(settings.promote)


def nothing_new() -> bool:
    """Whether no stage is stale, and what the last verdict allows was promoted once.

    So a promotion that was cut off is made up for, and one that was rolled back is not made again.
    """
    if stale_stages() - NO_WORK:
        return False
    judged = sha256_file(VERDICT)
    bundles = (read_manifest(folder) for folder in all_versions(PROMOTED))
    blocked = read_json(VERDICT)["verdict"] != "promoted"
    return blocked or any(bundle.files.get(JUDGED) == judged for bundle in bundles)


@flow(name="retrain")
def retrain(only_if_stale: bool = False) -> Any:
    """Run the stages in order; a refusal or a failure ends the flow in a failed state.

    only_if_stale: run none, and end as `Unchanged`, if nothing is new since the last verdict
    What the stages cost stands in the artifact `costs` and in logs/costs.html.
    """
    run = os.environ.get(RUN) or f"{flow_run.name}-{str(flow_run.id)[:8]}"
    state = run_stages(run, only_if_stale)
    if costs := show_costs(run):
        create_markdown_artifact(key="costs", markdown=costs, description=f"Costs of {run}")
    return state


def run_stages(run: str, only_if_stale: bool) -> "State[Any]":
    try:
        for line in mend():
            get_run_logger().warning(line)
        require_sound_input(load_settings())
        if only_if_stale and nothing_new():
            return Completed(name="Unchanged", message="nothing new since the last verdict")
    except RewardGateError as error:
        return Failed(name="BadInput", message=str(error))
    for stage in stage_order():
        if stage == "train" and (fault := missing_slice()):
            return Failed(name="BadInput", message=fault)
        state = run_stage.with_options(name=stage)(stage, run, return_state=True)
        if stage == "gate" and state.is_completed():
            verdict = read_json(VERDICT)
            create_markdown_artifact(
                key="checklist",
                markdown=checklist_markdown(verdict),
                description=f"Verdict: {verdict['verdict']}",
            )
        if state.name == "Blocked":
            failures = " | ".join(read_json(VERDICT)["failures"])
            return Failed(name="Blocked", message=f"promotion blocked: {failures}")
        if not state.is_completed():
            return Failed(name=state.name, message=state.message)
    return Completed(message="promoted")


def missing_slice() -> str | None:
    """Why the policy cannot be judged on the test split; None if it can."""
    try:
        require_slices(load_settings(), read_table(TEST)["domain"].unique().tolist())
    except RewardGateError as error:
        return str(error)
    return None


def crashed(_task: Any, _run: Any, state: Any) -> bool:
    """Whether to retry: a stage that was killed or crashed, not one that explained itself."""
    return isinstance(state.result(raise_on_failure=False), StageFailed)


@task(retries=RETRIES, retry_delay_seconds=2, retry_condition_fn=crashed)
def run_stage(stage: str, run: str) -> Any:
    """Run one stage of the run `run` through DVC, its output as live logs."""
    logger = get_run_logger()
    try:
        for line in reproduce(stage, run):
            logger.info(line)
    except StageFailed as failure:
        for name, code in EXIT_CODES.items():
            if failure.exit_code == code:
                return Failed(name=name, message=str(failure))
        raise
    return Completed(message=f"stage {stage}")


def show_costs(run: str) -> str | None:
    """Write logs/costs.html anew; the costs of `run` as a Markdown table, None if no stage ran.

    That costs cannot be written, for want of space for instance, fails no run.
    """
    try:
        costs = write_costs(Path())
    except (OSError, RewardGateError) as error:
        get_run_logger().warning("costs: not written: %s", error)
        return None
    return next((costs_markdown(one) for one in costs if one.run == run), None)


def costs_markdown(cost: RunCost) -> str:
    """What the stages of a run cost, as a Markdown table."""
    rows = [" | ".join(row) for row in stage_rows(cost)]
    return "\n".join([f"| {' | '.join(STAGE_COLUMNS)} |", "|---|---|---:|---:|---:|---|",
                      *(f"| {row} |" for row in rows)])  # fmt: skip


def checklist_markdown(verdict: dict[str, Any]) -> str:
    """The checklist as a Markdown table, with a link to the report."""
    rows = []
    for item in verdict["items"]:
        for check in item["checks"]:
            value, between = value_and_threshold(check)[0], interval(check)
            outcome = f"**{check['outcome'].upper()}**" if check["blocks"] else check["outcome"]
            bound = "" if check["bound"] == "point" else f"{check['bound']} "
            rows.append(
                f"| {item['title']} | {check['what']} | {value} | {between} | "
                f"{bound}{required(check)} | {outcome} | {check['evidence']} |"
            )
    return "\n".join(
        [
            f"# Verdict: {verdict['verdict']}",
            f"[Report]({REPORT.resolve().as_uri()})",
            "",
            "| item | check | judged value | 95 % interval | required | outcome | evidence |",
            "|---|---|---|---|---|---|---|",
            *rows,
        ]
    )


if __name__ == "__main__":
    sys.exit(run_or_explain(main))
