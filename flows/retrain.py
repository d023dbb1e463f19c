"""The retraining flow: every stage of dvc.yaml as a task, then the verdict as an artifact.

Run it with `python -m flows.retrain` (or `rewardgate run`); it needs no server.
"""

import sys
from pathlib import Path
from typing import Any

from flows.pipeline import StageFailed, reproduce, stage_order, stale_stages
from rewardgate.errors import BAD_INPUT, BLOCKED, run_or_explain
from rewardgate.files import read_json
from rewardgate.settings import load_settings
from rewardgate.stress import load_cases

VERDICT, REPORT = Path("reports/verdict.json"), Path("reports/report.html")
RETRIES = 2


def main() -> int:
    """Check the settings, run the flow unless nothing is stale, return the exit code."""
    load_cases(load_settings().stress.cases)
    if not stale_stages():
        print("nothing changed since the last promotion; no stage was run")
        return 0
    state = _flow()(return_state=True)
    if state.is_completed():
        return 0
    print(f"rewardgate: {state.message}", file=sys.stderr)
    blocked = VERDICT.is_file() and str(state.message).startswith("promotion blocked")
    return BLOCKED if blocked else BAD_INPUT


def _flow() -> Any:
    """Build the flow. Prefect is imported here: a run with nothing to do need not wait for it."""
    from prefect import flow, get_run_logger, task
    from prefect.artifacts import create_markdown_artifact
    from prefect.states import Completed, Failed

    def crashed(_task: Any, _run: Any, state: Any) -> bool:
        """Retry a stage that was killed or crashed, never one that explained what to mend."""
        error = state.result(raise_on_failure=False)
        return isinstance(error, StageFailed)

    @task(retries=RETRIES, retry_delay_seconds=2, retry_condition_fn=crashed)
    def run_stage(stage: str) -> Any:
        logger = get_run_logger()
        try:
            for line in reproduce(stage):
                logger.info(line)
        except StageFailed as failure:
            if failure.exit_code in (BAD_INPUT, BLOCKED):
                return Failed(message=str(failure), data=failure.exit_code)
            raise
        return Completed(message=f"stage {stage}")

    @flow(name="retrain", log_prints=False)
    def retrain() -> Any:
        for stage in stage_order():
            state = run_stage.with_options(name=stage)(stage, return_state=True)
            if stage == "gate" and state.is_completed():
                verdict = read_json(VERDICT)
                create_markdown_artifact(
                    key="checklist",
                    markdown=checklist_markdown(verdict),
                    description=f"Verdict: {verdict['verdict']}",
                )
            if state.is_failed() or state.is_crashed():
                if stage == "promote" and read_json(VERDICT)["verdict"] == "blocked":
                    lines = read_json(VERDICT)["failures"]
                    return Failed(message="promotion blocked: " + " | ".join(lines))
                return Failed(message=state.message)
        return Completed(message="promoted")

    return retrain


def checklist_markdown(verdict: dict[str, Any]) -> str:
    """The checklist as a Markdown table, with a link to the report."""
    rows = [
        f"| {item['title']} | {check['what']} | {_show(check['value'])} | "
        f"{check['comparison']} {_show(check['threshold'])} | "
        f"{'pass' if check['passed'] else '**FAIL**'} | {check['evidence']} |"
        for item in verdict["items"]
        for check in item["checks"]
    ]
    return "\n".join(
        [
            f"# Verdict: {verdict['verdict']}",
            f"[Report]({REPORT.resolve().as_uri()})",
            "",
            "| item | check | value | required | outcome | evidence |",
            "|---|---|---|---|---|---|",
            *rows,
        ]
    )


def _show(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(run_or_explain(main))
