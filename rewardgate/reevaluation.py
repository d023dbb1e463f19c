"""The promoted model on fresh rankings: is it still as good as the gate asked it to be?"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from rewardgate.checklist import as_row
from rewardgate.errors import RewardGateError
from rewardgate.figures import held_out_figures
from rewardgate.judgement import FAIL, PASS, UNDECIDED, Check, judge_check
from rewardgate.metrics import Scored
from rewardgate.normalise import matching_form
from rewardgate.policy import PolicyCheck
from rewardgate.wording import explain

FIGURES = ("test", "figures")
"""Where the figures of held-out rankings stand in the report `evaluation`, which checks name."""


def unseen(responses: pd.DataFrame, seen: Iterable[str]) -> pd.DataFrame:
    """The rows of a canonical table whose prompts are not in `seen`, by their matching form.

    Raises RewardGateError if none is left.
    """
    known = {matching_form(prompt) for prompt in set(seen)}
    left = responses[[matching_form(prompt) not in known for prompt in responses["prompt"]]]
    if left.empty:
        raise RewardGateError(
            f"all {responses['prompt_id'].nunique()} prompts are among those that the model was "
            "made with, so they tell nothing of it; give rankings of other prompts"
        )
    return left.reset_index(drop=True)


def reevaluation(
    responses: pd.DataFrame,
    temperature: float,
    checks: Sequence[PolicyCheck],
    resamples: int,
    seed: int,
) -> dict[str, Any]:
    """Figures of fresh rankings with their intervals, judged by the checks of the gate's policy.

    responses: canonical table with a column `score`, of prompts that the model has not seen
    checks: those are judged that name one figure of held-out rankings, such as accuracy, mean
        margin and accuracy where the chosen response is shorter; a night's domains are too small
    Raises RewardGateError if no response is better than another, or no check can be judged.
    """
    scored = Scored.of(responses)
    if scored.pairs.empty:
        raise RewardGateError("no ranking says that a response is better than another")
    figures = held_out_figures(scored, temperature, resamples, seed)
    rows = judge(figures, checks)
    if not rows:
        raise RewardGateError(
            "params.yaml: gate.checks has no blocking check of evaluation:test.figures.accuracy "
            "or another figure of held-out rankings; add one"
        )
    return {
        "outcome": next(
            outcome
            for outcome in (FAIL, UNDECIDED, PASS)
            if outcome in {row.outcome for row in rows}
        ),
        "failures": [explain(as_row(row)) for row in rows if row.blocks],
        "checks": [as_row(row) for row in rows],
        "prompts": int(responses["prompt_id"].nunique()),
        "responses": len(responses),
        "pairs": len(scored.pairs),
        "figures": figures,
    }


def judge(figures: dict[str, Any], checks: Sequence[PolicyCheck]) -> list[Check]:
    """One row for each blocking check of a single figure that is among `figures`."""
    report = {"evaluation": {"test": {"figures": figures}}}
    return [
        replace(row, evidence=f"reports/reevaluation.json:{'.'.join(check.path[1:])}")
        for check in checks
        if check.severity == "block"
        and check.report == "evaluation"
        and tuple(check.path[:2]) == FIGURES
        and "*" not in check.path
        and check.path[2] in figures
        for row in judge_check(check, report)
    ]
