"""The promoted model on fresh rankings as a flow: read, score, judge, report."""

from pathlib import Path
from typing import Any

import pandas as pd

import flows  # noqa: F401  (sets Prefect up)
from rewardgate.bundle import load_promoted
from rewardgate.errors import RewardGateError
from rewardgate.files import read_table, sha256_file, write_json
from rewardgate.ingest import find_inputs, ingest
from rewardgate.judgement import FAIL, UNDECIDED
from rewardgate.manifest import read_manifest
from rewardgate.project import PROMOTED
from rewardgate.reevaluation import reevaluation, unseen
from rewardgate.scoring import score_table
from rewardgate.settings import load_settings
from rewardgate.signing import public_key
from rewardgate.wording import counted, interval, required, value_and_threshold

from prefect import flow  # isort: skip  (after flows)
from prefect.artifacts import create_markdown_artifact  # isort: skip
from prefect.states import Completed, Failed  # isort: skip

REPORT = Path("reports/reevaluation.json")
SEEN = [f"data/split/{name}.parquet" for name in ("train", "eval", "calibration")]
STATES = {FAIL: "Worse", UNDECIDED: "Undecided"}


@flow(name="reevaluate")
def reevaluate(rankings: str) -> Any:
    """Judge the promoted model on fresh rankings by the gate's policy.

    rankings: a file or a folder in any form that `ingest` reads
    Fails as `Worse` if a check fails, as `Undecided` if there are too few prompts to tell, and as
    `BadInput` if there is something to mend.
    """
    try:
        report = measure(Path(rankings))
    except RewardGateError as error:
        return Failed(name="BadInput", message=str(error))
    write_json(REPORT, report)
    create_markdown_artifact(
        key="reevaluation",
        markdown=as_markdown(report),
        description=f"{report['version']} on {rankings}: {report['outcome']}",
    )
    on = f"{report['version']} on {counted(report['prompts'], 'fresh prompt')} of {rankings}"
    if name := STATES.get(report["outcome"]):
        return Failed(name=name, message=f"{on}: {'; '.join(report['failures'])}")
    return Completed(message=f"{on}: as good as the policy asks")


def measure(rankings: Path) -> dict[str, Any]:
    """The report of the promoted model on the prompts of `rankings` that it was not made with."""
    if not rankings.exists():
        raise RewardGateError(
            f"{rankings}: no such file or folder; put fresh rankings there, or change the "
            "parameter `rankings` of the deployment"
        )
    settings = load_settings()
    promoted = load_promoted(PROMOTED, public_key(settings.promote))
    inputs = find_inputs(rankings)
    ingested = ingest(inputs.files, settings.ingest.max_quarantined_share)
    made_with = pd.concat([read_table(path)["prompt"] for path in SEEN])
    fresh = unseen(ingested.responses, made_with)
    found = reevaluation(
        score_table(promoted.model, fresh, "fresh rankings"),
        promoted.calibration["temperature"],
        settings.gate.checks,
        settings.gate.resamples,
        settings.seed,
    )
    return {
        "version": promoted.version,
        "rankings": str(rankings),
        "quarantined": ingested.counts["quarantined"],
        "left_out_prompts": ingested.counts["prompts"] - found["prompts"],
        "left_out_by": SEEN,
        "data_of_the_model": same_data(promoted.version),
        **found,
    }


def same_data(version: str) -> bool:
    """Whether the splits on disk are those that the promoted model was made with."""
    judged = read_manifest(PROMOTED / version).data
    return all(judged.get(path) == sha256_file(path) for path in SEEN)


def as_markdown(report: dict[str, Any]) -> str:
    """What was measured, on what, and what was left out."""
    rows = [
        f"| {check['what']} | {value_and_threshold(check)[0]} | {interval(check)} | "
        f"{required(check)} | {check['outcome']} |"
        for check in report["checks"]
    ]
    left_out = (
        f"{counted(report['left_out_prompts'], 'prompt')} left out, for they stand in data/split"
    )
    if not report["data_of_the_model"]:
        left_out += (
            "; **that split is not the one that this model was made with**, so others of its "
            "prompts may be among those judged"
        )
    return "\n".join(
        [
            f"# {report['version']} on fresh rankings: {report['outcome']}",
            f"{counted(report['prompts'], 'prompt')}, {counted(report['pairs'], 'pair')} of "
            f"{report['rankings']}; {left_out}; "
            f"{counted(report['quarantined'], 'record')} quarantined.",
            "",
            "| check | judged value | 95 % interval | required | outcome |",
            "|---|---|---|---|---|",
            *rows,
        ]
    )
