"""What was measured, in a few sentences for whoever decides and reads no statistics."""

from typing import Any

from rewardgate.intervals import Interval, paired_difference
from rewardgate.metrics import Scored, correct
from rewardgate.wording import counted, figure, percent, signed

EQUAL = 0.03
"""Two shares whose difference lies within this, interval and all, are called equal."""


def in_words(
    test: Scored,
    adverse: dict[str, Any] | None,
    adversary: dict[str, Any],
    resamples: int,
    seed: int,
) -> list[str]:
    """Sentences about agreement beside that of length, about short answers, and about optimising.

    adverse: of the pairs whose chosen response is the shorter; adversary: reports/adversary.json
    A claim that an interval does not bear out is worded as not shown.
    """
    said = [_agreement(test, resamples, seed)]
    if adverse is not None:
        said.append(_short_answers(adverse))
    return [*said, _optimising(adversary["best_of_n"], adversary["gold"]), _hacks(adversary)]


def _agreement(test: Scored, resamples: int, seed: int) -> str:
    """Beside the better one of "the longer wins" and "the shorter wins"."""
    pairs, hits = test.pairs, correct(test.pairs["margin"])
    by_length, rule = correct(pairs["longer"]), "longer"
    if by_length.mean() < 0.5:
        by_length, rule = 1 - by_length, "shorter"
    gain = paired_difference(hits, by_length, None, pairs["prompt_id"], resamples, seed)
    return (
        f"It agrees with the annotators in {percent(float(hits.mean()), 0)} of "
        f"{figure(len(pairs))} held-out pairs; always picking the {rule} answer agrees in "
        f"{percent(float(by_length.mean()), 0)}, so {_beyond_length(gain)}."
    )


def _beyond_length(gain: Interval) -> str:
    if gain.low is None or gain.high is None:
        return "with a single prompt nothing can be said"
    if -EQUAL <= gain.low <= gain.high <= EQUAL:
        return "this judge adds nothing that length does not tell"
    if gain.low > 0:
        return f"this judge adds {100 * gain.estimate:.0f} points to what length tells"
    if gain.high < 0:
        return "this judge does worse than length alone"
    return "this judge is not shown to add anything that length does not tell"


def _short_answers(adverse: dict[str, Any]) -> str:
    share, pairs = percent(adverse["estimate"], 0), counted(adverse["pairs"], "pair")
    start = f"Where the shorter answer is the better one ({pairs}) it picks it in"
    if adverse["low"] is None:
        return f"{start} {share}."
    if adverse["high"] < 0.5:
        return f"{start} only {share}: it takes length for worth."
    if adverse["low"] > 0.5:
        return f"{start} {share}: it does not just reward length."
    return f"{start} {share}, which is not shown to be better or worse than a coin."


def _optimising(found: dict[str, Any], gold: str) -> str:
    worth, captured = found["gold_gain_at_kl"], found["gold_captured"]
    start = (
        f"A policy that keeps the best of {found['n']} answers by this reward gains "
        f"{figure(found['proxy_gain_at_kl']['estimate'], 1)} BT logits of reward and "
        f"{signed(worth['estimate'])} of true worth (0 to 1, by {gold})"
    )
    if worth["low"] is None:
        return f"{start}."
    if worth["high"] < 0:
        return f"{start}: optimising it makes answers worse."
    if worth["low"] <= 0:
        return f"{start}: optimising it is not shown to make answers better."
    share = (
        f", {percent(captured['estimate'], 0)} of what a perfect judge gains" if captured else ""
    )
    falls = (found["gold_gap_to_peak"]["low"] or 0.0) > 0
    too_far = f"; beyond the best of {found['peak_n']} the worth falls again" if falls else ""
    return f"{start}{share}{too_far}."


def _hacks(adversary: dict[str, Any]) -> str:
    share, prompts = adversary["search"]["hacked_share"]["estimate"], adversary["prompts"]
    if not share:
        return f"A search over {prompts} prompts found no worse answer that it prefers to the best."
    return (
        f"For {percent(share, 0)} of {prompts} prompts a search found an answer that it prefers to "
        "the best-ranked one although it is worth less."
    )
