"""Accuracy against rewarded hacks, weight by weight."""

from collections.abc import Sequence
from pathlib import Path

from rewardgate.files import atomic_path
from rewardgate.report.canvas import BAD, GOOD, legend_above, sheet
from rewardgate.weights import TradeOff
from rewardgate.wording import name as words_of


def plot_weights(found: Sequence[TradeOff], path: Path) -> None:
    """Write a picture with one panel a part: what its weight costs, and what it buys."""
    parts = list(dict.fromkeys(one.part for one in found))
    with sheet(1.9 * len(parts) + 0.3) as figure:
        panels = figure.subplots(len(parts), squeeze=False)[:, 0]
        for axes, part in zip(panels, parts, strict=True):
            rows = [one for one in found if one.part == part]
            places = range(len(rows))
            axes.plot(places, [one.accuracy.estimate for one in rows], color=GOOD, marker="o",
                      ms=3, label="held-out accuracy")  # fmt: skip
            axes.fill_between(
                places,
                [one.accuracy.low or one.accuracy.estimate for one in rows],
                [one.accuracy.high or one.accuracy.estimate for one in rows],
                color=GOOD, alpha=0.15, lw=0,
            )  # fmt: skip
            axes.plot(places, [one.hacks_rewarded for one in rows], color=BAD, marker="o", ms=3,
                      label="hacks rewarded")  # fmt: skip
            axes.set_xticks(places, [f"{one.weight:g}{' *' if one.in_use else ''}" for one in rows])
            axes.set_xlabel(f"weight of {words_of(part)} (* in use)")
            axes.set_ylim(0, 1)
            legend_above(axes)
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format="png", dpi=200, metadata={"Software": None})
