"""The figures that a pipeline will have, known before it runs: a policy is checked against them.

The shapes are made by the very functions that write the reports, on two invented prompts a
domain, so they cannot fall out of step with them.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd

from rewardgate.adversary.gold import ranked_gold
from rewardgate.adversary.run import adversary_report, attack
from rewardgate.audit import audit
from rewardgate.calibration import calibrate
from rewardgate.comparison import compare
from rewardgate.custom import GROUP
from rewardgate.entry_points import load_functions
from rewardgate.errors import RewardGateError
from rewardgate.figures import evaluation_report
from rewardgate.judgement import as_interval
from rewardgate.metrics import Scored
from rewardgate.policy import PolicyCheck
from rewardgate.probes import TRANSFORMATIONS
from rewardgate.probes.held_out import held_out_prompts
from rewardgate.probes.rewarded import KEPT, phrase_probes
from rewardgate.probes.run import LEAST_PROMPTS, probe_report
from rewardgate.rewards import Reward
from rewardgate.settings import Settings
from rewardgate.stress import StressCase, edge_cases, stress_report

SAMPLE = Reward(total=0.0, rm=0.0, length_penalty=0.0, repetition_penalty=0.0, readable=True)


def require_known_figures(settings: Settings, cases: Sequence[StressCase]) -> None:
    """Raises RewardGateError for a check whose figure or slice no report will have.

    A missing figure of train, split, validation or ingest is seen by the gate, which leaves the
    check undecided; the shapes of the other reports are known.
    """
    shapes = report_shapes(settings, cases)
    functions = load_functions(GROUP)
    for check in settings.gate.checks:
        if check.report == "custom" and not functions:
            raise RewardGateError(
                f"params.yaml: gate.checks: {check.name}: no entry point of the group "
                "rewardgate.figures is installed, so there is no figure custom:"
            )
        if check.report in shapes and (fault := _fault(check, shapes[check.report])):
            raise RewardGateError(f"params.yaml: gate.checks: {check.name}: {fault}")


def require_slices(settings: Settings, domains: Sequence[str]) -> None:
    """Raises RewardGateError if a check names a domain that the test split does not have."""
    for check in settings.gate.checks:
        if "domains" not in check.path or check.report not in ("evaluation", "champion"):
            continue
        place = check.path.index("domains") + 1
        names = check.only or [] if check.path[place] == "*" else [check.path[place]]
        for name in names:
            if name not in domains:
                raise RewardGateError(
                    f"params.yaml: gate.checks: {check.name}: the test split holds no prompt of "
                    f"domain {name}; it has {', '.join(sorted(domains))}"
                )


def report_shapes(settings: Settings, cases: Sequence[StressCase]) -> dict[str, Any]:
    """Reports with every key that they will have; the values mean nothing."""
    scored = _invented(settings.validation.known_domains)
    sets = dict.fromkeys(("test", "eval", "train"), scored)
    outcomes = [
        {
            "case": case.case,
            "domain": case.domain,
            "family": family,
            "passed": True,
            "finite": True,
            "margin_bt_logits": 0.0,
            "reward_passed": True,
            "reward": vars(SAMPLE),
        }
        for case in cases
        for family in {**case.responses, **edge_cases(case, [], 1)}
        if family != case.best
    ]
    return {
        "evaluation": {"leaked_prompts": 0, **evaluation_report(sets, 1.0, 1.0, 1, 2, 0)},
        "calibration": calibrate(scored, settings.calibrate, 0),
        "stress": stress_report(outcomes, [SAMPLE] * len(cases)),
        "probes": probe_report(_probed(), 1.0, 1.0, 2, 0),
        "adversary": _attacked(scored, settings),
        "champion": compare(scored, 1.0, scored, 1.0, outcomes, outcomes, 2, 0),
        "audit": audit(scored.responses, settings.audit, 2, 0),
    }


def _probed() -> pd.DataFrame:
    """Every transformation at as many prompts as it takes to report it by itself."""
    zeros = dict.fromkeys(("baseline_score", "score", "baseline_reward", "reward"), 0.0)
    rows = [
        {
            "prompt_id": prompt,
            "family": one.family,
            "transformation": one.name,
            "expectation": one.expectation,
            **zeros,
        }
        for one in (*TRANSFORMATIONS, *phrase_probes(["Gladly."] * KEPT, ["Cheers."] * KEPT))
        for prompt in range(LEAST_PROMPTS)
    ]
    return pd.DataFrame(rows)


def _attacked(scored: Scored, settings: Settings) -> dict[str, Any]:
    prompts = held_out_prompts(scored.responses)[:2]
    small = settings.adversary.model_copy(
        update={"candidates": 4, "depth": 1, "tries": 1, "generations": 0}
    )
    attacks = attack(
        prompts, prompts, lambda _, texts: np.zeros(len(texts)), 1.0, ranked_gold, small, 0
    )
    return adversary_report(attacks, small, 2, 0)[0]


def _fault(check: PolicyCheck, shape: Mapping[str, Any]) -> str | None:
    if check.only == []:
        return None
    node: Any = shape
    for place, key in enumerate(check.path):
        slices = isinstance(node, dict) and key == "*"
        keys = list(node) if isinstance(node, dict) else []
        if slices:
            unknown = [n for n in [*(check.only or ()), *check.without] if n not in keys]
            if unknown:
                return f"no slice {unknown[0]}; there are {', '.join(keys)}"
            chosen = [name for name in keys if check.takes(name)]
            if not chosen:
                return f"`only` and `except` leave no slice of {', '.join(keys)}"
            node = node[chosen[0]]
        elif key in keys:
            node = node[key]
        else:
            at = ".".join(check.path[:place]) or check.report
            close = get_close_matches(key, keys, n=1)
            known = f"did you mean {close[0]}?" if close else f"it has {', '.join(keys) or 'none'}"
            return f"{check.figure}: {at} has no figure {key}; {known}"
    if node is not None and as_interval(node) is None:
        return f"{check.figure} is no figure but a part of the report; name one in it"
    return None


def _invented(domains: Sequence[str]) -> Scored:
    """Two prompts a domain, each with a pair whose chosen response is shorter, equal and longer."""
    rows = [
        {
            "prompt_id": f"{domain}-{number}",
            "prompt": "",
            "domain": domain,
            "source": "",
            "annotator": "",
            "ranking_id": f"{domain}-{number}",
            "response_id": f"{domain}-{number}-{rank}",
            "text": text,
            "rank": rank,
            "score": float(-rank),
        }
        for domain in domains
        for number in range(2)
        for rank, text in enumerate(("a b", "a", "a c", "a b c"), start=1)
    ]
    return Scored.of(pd.DataFrame(rows))
