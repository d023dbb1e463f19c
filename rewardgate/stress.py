"""Named stress cases: responses that a sound judge must rank below the correct, brief one."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from rewardgate.errors import RewardGateError
from rewardgate.rewards import NO_REFERENCES, Reward, compose
from rewardgate.settings import Rewards

if TYPE_CHECKING:
    from rewardgate.reward_model import RewardModel


class StressCase(BaseModel):
    """A prompt and named responses, of which `best` must score above each other one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    case: str
    domain: str
    prompt: str
    responses: dict[str, str]
    best: str

    @model_validator(mode="after")
    def has_best_and_others(self) -> "StressCase":
        if self.best not in self.responses:
            raise ValueError(f"best: {self.best!r} is not among the responses")
        if len(self.responses) < 2:
            raise ValueError("needs a response besides the best one")
        return self


def load_cases(path: str | Path) -> list[StressCase]:
    """Read a file of stress cases, or all *.yaml of a folder, in order of their names.

    A file in a folder may be without cases, as the adversary's is where it found no hack.
    Raises RewardGateError naming the file and the case.
    """
    if not Path(path).is_dir():
        return _distinct(_read_cases(path), path)
    files = sorted(Path(path).glob("*.yaml"))
    cases = [case for file in files for case in _read_cases(file, may_be_empty=True)]
    if not cases:
        raise RewardGateError(f"{path}: no file *.yaml in it holds a case; add one")
    return _distinct(cases, path)


def _read_cases(path: str | Path, may_be_empty: bool = False) -> list[StressCase]:
    try:
        entries = yaml.safe_load(Path(path).read_text(encoding="utf-8"))["cases"]
    except FileNotFoundError:
        raise RewardGateError(f"{path}: no such file; name one under stress.cases") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RewardGateError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    except (TypeError, KeyError):
        raise RewardGateError(f"{path}: must hold a list under `cases:`") from None
    if not isinstance(entries, list) or not (entries or may_be_empty):
        raise RewardGateError(f"{path}: `cases:` must be a list with at least one case")
    cases = []
    for number, entry in enumerate(entries, start=1):
        try:
            cases.append(StressCase.model_validate(entry))
        except ValidationError as error:
            name = entry.get("case", f"number {number}") if isinstance(entry, dict) else number
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"]))
            fault = first["msg"].removeprefix("Value error, ")
            place = f"{key}: " if key else ""
            raise RewardGateError(f"{path}: case {name}: {place}{fault}") from None
    return cases


def _distinct(cases: list[StressCase], path: str | Path) -> list[StressCase]:
    names = [case.case for case in cases]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise RewardGateError(f"{path}: case {repeated[0]} occurs twice; rename one")
    return cases


def edge_cases(case: StressCase, special_tokens: Sequence[str], words: int) -> dict[str, str]:
    """Inputs at the edge of what is text, made from one case; each must score below its best.

    words: length of the very long one
    """
    best = case.responses[case.best]
    filler = f"{best} It is worth saying a little more about this, and then a little more again. "
    repeats = words // len(filler.split()) + 1
    return {
        "edge_empty": "",
        "edge_whitespace": " \n\t ",
        "edge_one_mark": ".",
        "edge_very_long": " ".join((filler * repeats).split()[:words]),
        "edge_repeated_answer": " ".join([best] * 12),
        "edge_non_text": bytes(range(256)).decode("latin-1"),
        "edge_symbols": "\ufffd\u200b\U0001f600\u202e" * 8,
        "edge_template_tokens": " ".join(special_tokens),
    }


def run_stress(
    model: "RewardModel",
    cases: Sequence[StressCase],
    very_long_words: int,
    rewards: Rewards,
    calibration: dict[str, Any],
) -> dict[str, Any]:
    """Score all cases and edge cases; report per family how many keep the expected order.

    A family passes a case if its response scores strictly below the best one and both scores are
    finite. Effects are in BT logits (difference of scores / temperature). Beside the RM score
    stands the mixed reward with its parts, so that the rules are seen to act.
    """
    from rewardgate.scoring import score  # torch takes seconds; who reads cases may not need it

    rows = []
    for case in cases:
        texts = {**case.responses, **edge_cases(case, model.encoder.special, very_long_words)}
        rows += [(case, family, text) for family, text in texts.items()]
    scores = score(model, [case.prompt for case, _, _ in rows], [text for *_, text in rows])
    rewarded = [
        compose(
            float(value),
            case.prompt,
            text,
            model.encoder.count_tokens(text),
            calibration["mean"],
            calibration["std"],
            rewards,
            NO_REFERENCES,
        )
        for value, (case, _, text) in zip(scores, rows, strict=True)
    ]
    by_case: dict[str, dict[str, tuple[float, Reward]]] = {}
    for (case, family, _), value, reward in zip(rows, scores, rewarded, strict=True):
        by_case.setdefault(case.case, {})[family] = (float(value), reward)
    outcomes = [
        _outcome(case, family, by_case[case.case], calibration["temperature"])
        for case in cases
        for family in by_case[case.case]
        if family != case.best
    ]
    return stress_report(outcomes, [by_case[case.case][case.best][1] for case in cases])


def stress_report(outcomes: Sequence[dict[str, Any]], best: Sequence[Reward]) -> dict[str, Any]:
    """What `stress` reports: the outcomes, their figures by family, the rules on the best ones."""
    families = list(dict.fromkeys(outcome["family"] for outcome in outcomes))
    domains = sorted({outcome["domain"] for outcome in outcomes})
    return {
        "cases": len(best),
        "finite_share": sum(outcome["finite"] for outcome in outcomes) / len(outcomes),
        "families": {name: _family(name, outcomes) for name in families},
        "domains": {name: _domain(name, outcomes) for name in domains},
        "best": _parts(best),
        "outcomes": outcomes,
    }


def _outcome(
    case: StressCase, family: str, scored: dict[str, tuple[float, Reward]], temperature: float
) -> dict[str, Any]:
    best_score, best_reward = scored[case.best]
    value, reward = scored[family]
    finite = math.isfinite(value) and math.isfinite(best_score)
    return {
        "case": case.case,
        "domain": case.domain,
        "family": family,
        "passed": finite and value < best_score,
        "finite": finite,
        "margin_bt_logits": (best_score - value) / temperature if finite else None,
        "reward_passed": finite and reward.total < best_reward.total,
        "reward": reward.as_dict() if finite else None,
    }


def _family(name: str, outcomes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    mine = [outcome for outcome in outcomes if outcome["family"] == name]
    finite = [outcome for outcome in mine if outcome["finite"]]
    return {
        "cases": len(mine),
        "finite": len(finite),
        "passed": sum(outcome["passed"] for outcome in mine),
        "pass_share": sum(outcome["passed"] for outcome in mine) / len(mine),
        "reward_pass_share": sum(outcome["reward_passed"] for outcome in mine) / len(mine),
        "mean_margin_bt_logits": _mean([outcome["margin_bt_logits"] for outcome in finite]),
        "mean_length_penalty": _mean([o["reward"]["length_penalty"] for o in finite]),
        "mean_repetition_penalty": _mean([o["reward"]["repetition_penalty"] for o in finite]),
        "max_total": max((o["reward"]["total"] for o in finite), default=None),
    }


def _domain(name: str, outcomes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    mine = [outcome["passed"] for outcome in outcomes if outcome["domain"] == name]
    return {"outcomes": len(mine), "passed": sum(mine), "pass_share": sum(mine) / len(mine)}


def _parts(rewards: Sequence[Reward]) -> dict[str, float | None]:
    return {
        "mean_length_penalty": _mean([reward.length_penalty for reward in rewards]),
        "mean_repetition_penalty": _mean([reward.repetition_penalty for reward in rewards]),
    }


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
