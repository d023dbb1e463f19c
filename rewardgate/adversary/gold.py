"""The gold score of a candidate in [0, 1]: what it is truly worth, whatever the RM says.

A transformed text has the content of the response it was made of, times the share that each of its
transformations keeps (`Transformation.keeps`). Dress is worth nothing and length costs.
"""

from collections.abc import Callable
from typing import Any

import pandas as pd

from rewardgate.adversary.candidates import Candidate
from rewardgate.errors import RewardGateError
from rewardgate.probes.held_out import Prompt
from rewardgate.simulate.aspects import WEIGHTS, brevity

Gold = Callable[[Prompt, Candidate], float]

PADDING_COST = 0.2
"""Worth that a text loses in full once it has twice the words that its content needs."""

_CONTENT = ("correctness", "relevance", "completeness")


def simulated_gold(utilities: pd.DataFrame, source: str) -> Gold:
    """The simulator's true utility over its maximum.

    The aspects of the content are those of the response; brevity is that of the text itself, and
    counts only where content is left; politeness that was put on afterwards counts for nothing.
    A response to another prompt has no content.

    source: the file of the utilities, for the message
    Raises RewardGateError, when called, for a response whose utility is not in the file.
    """
    aspects: dict[Any, Any] = utilities.set_index(["prompt_id", "response_id"]).to_dict("index")

    def gold(prompt: Prompt, candidate: Candidate) -> float:
        if candidate.borrowed:
            return 0.0
        known = aspects.get((prompt.prompt_id, candidate.source.response_id))
        if known is None:
            raise RewardGateError(
                f"{source}: holds no utility of response {candidate.source.response_id}; set "
                "adversary.gold to data/split/test.parquet to go by the ranks"
            )
        content = candidate.keeps * sum(WEIGHTS[name] * known[name] for name in _CONTENT)
        brief = WEIGHTS["brevity"] * brevity(candidate.text) * min(1.0, candidate.keeps)
        brief = brief if known["completeness"] else 0.0
        polite = WEIGHTS["politeness"] * known["politeness"] * candidate.keeps
        return float((content + brief + polite) / sum(WEIGHTS.values()))

    return gold


def ranked_gold(prompt: Prompt, candidate: Candidate) -> float:
    """A rule reward for real data: the worth by the annotators' ranks, less what padding costs.

    Padding are the words beyond those of the response that the text was made of, or of the
    best-ranked response if that is longer. A response to another prompt is worth nothing.
    """
    if candidate.borrowed:
        return 0.0
    needed = max(len(candidate.source.text.split()), len(prompt.best.text.split()), 1)
    excess = min(max(len(candidate.text.split()) / needed - 1, 0.0), 1.0)
    return max(0.0, candidate.source.worth * candidate.keeps - PADDING_COST * excess)


def gold_from(table: pd.DataFrame, source: str, held_out: pd.DataFrame) -> tuple[str, Gold]:
    """The gold that a table allows for the responses `held_out`, with its name.

    True utilities; the ranks, if that is what the table has or if its utilities are of other
    responses altogether, as on real data. Raises RewardGateError if it has neither.
    """
    if {"utility", *_CONTENT, "politeness"} <= set(table.columns):
        if not table["response_id"].isin(held_out["response_id"]).any():
            return "annotators' ranks", ranked_gold
        return "simulated utility", simulated_gold(table, source)
    if "rank" in table.columns:
        return "annotators' ranks", ranked_gold
    raise RewardGateError(
        f"{source}: has neither utilities nor ranks; name data/simulated_utilities.parquet or "
        "data/split/test.parquet under adversary.gold"
    )
