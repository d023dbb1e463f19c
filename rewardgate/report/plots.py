"""The report's plots as inline SVG, drawn for a phone's width."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator, PercentFormatter
from matplotlib.transforms import blended_transform_factory
from numpy.typing import NDArray

from rewardgate.report.canvas import (
    BAD,
    DENSITY,
    GOOD,
    INK,
    MUTED,
    OUTCOMES,
    RULE,
    legend_above,
    named_rows,
    sheet,
    svg,
)
from rewardgate.wording import name as words_of

Floats = NDArray[np.float64]


def margin_histogram(margins: Floats, threshold: float | None) -> Markup:
    """Histogram of margins (p,) in BT logits, with their mean and the mean that is asked for.

    The outermost bars also hold what lies beyond them, at most 1 % of the pairs.
    """
    limit = max(float(np.quantile(np.abs(margins), 0.99)), 1.2 * abs(threshold or 0.0), 1e-6)
    width = limit / 14
    left = -width * int(np.ceil(min(limit, max(-float(margins.min()), width)) / width))
    edges = np.arange(round(left / width), 15) * width
    counts, _ = np.histogram(np.clip(margins, edges[0], edges[-1]), edges)
    mean = float(margins.mean())
    with sheet(2.7) as figure:
        axes = figure.subplots()
        centres = (edges[:-1] + edges[1:]) / 2
        colours = [BAD if centre < 0 else GOOD for centre in centres]
        axes.bar(centres, counts, width=0.92 * width, color=colours)
        axes.axvline(mean, color=INK, lw=1.4, label=f"mean {mean:.2f}")
        if threshold is not None:
            axes.axvline(threshold, color=INK, lw=1, ls=":", label=f"must be above {threshold:g}")
        axes.set(xlabel="margin (BT logits)", ylabel="pairs")
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        legend_above(axes)
        return svg(
            figure,
            "margins",
            f"Histogram of {len(margins):,} margins in BT logits: mean {mean:.2f}, "
            f"{np.mean(margins < 0):.1%} below zero, where the model disagrees with the annotator.",
        )


def margins_by_rank_distance(rows: Sequence[dict[str, Any]]) -> Markup:
    """Mean margin against the difference of ranks; rows of `breakdown.by_rank_distance`."""
    at = range(len(rows))
    with sheet(2.7) as figure:
        axes = figure.subplots()
        axes.axhline(0, color=INK, lw=0.7)
        spans = [(x, one["margin"]) for x, one in zip(at, rows, strict=True)]
        spans = [(x, one) for x, one in spans if one["low"] is not None]
        axes.vlines(
            [x for x, _ in spans],
            [one["low"] for _, one in spans],
            [one["high"] for _, one in spans],
            color=GOOD, lw=1.6, label="95 % interval",
        )  # fmt: skip
        means = [one["margin"]["estimate"] for one in rows]
        axes.plot(at, means, "o-", color=GOOD, lw=1, ms=4.5, label="mean margin")
        axes.set_xticks(at, [f"{one['distance']}\n{_compact(one['pairs'])}" for one in rows])
        axes.set(xlabel="difference of ranks, and pairs", ylabel="margin (BT logits)")
        axes.set_xlim(-0.5, len(rows) - 0.5)
        legend_above(axes)
        listed = "; ".join(
            f"{one['distance']}: {mean:.2f} over {one['pairs']:,} pairs"
            for one, mean in zip(rows, means, strict=True)
        )
        return svg(figure, "ranks", f"Mean margin in BT logits by difference of ranks. {listed}.")


def reward_against_length(rewards: Floats, words: Floats) -> Markup:
    """Density of standardised rewards (n,) against length in words, and their mean by length."""
    words = np.maximum(words, 1.0)
    frame = pd.DataFrame({"words": words, "reward": rewards})
    frame["tenth"] = pd.qcut(frame["words"], 10, duplicates="drop") if np.ptp(words) else 0
    means = frame.groupby("tenth", observed=True).mean()
    with sheet(2.8) as figure:
        axes = figure.subplots()
        axes.hexbin(
            words, rewards, gridsize=(26, 15), mincnt=1, bins="log", cmap=DENSITY, lw=0.2,
            xscale="log" if np.ptp(words) else "linear",
        )  # fmt: skip
        axes.plot(
            means["words"], means["reward"], "o-", color=BAD, lw=1.6, ms=4, mec="white", mew=0.8,
            label="mean of each tenth by length",
        )  # fmt: skip
        axes.set(xlabel="length (words)", ylabel="reward (sd)")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        if np.ptp(words):
            _plain_log_ticks(axes, words)
        legend_above(axes)
        first, last = means["reward"].iloc[0], means["reward"].iloc[-1]
        return svg(
            figure,
            "length",
            f"Reward against length of {len(words):,} responses. The mean reward is {first:.2f} "
            f"standard deviations for the shortest tenth and {last:.2f} for the longest.",
        )


def reliability_diagram(diagram: Sequence[dict[str, float]]) -> Markup:
    """Accuracy against confidence per bin, and how many pairs each bin holds."""
    confidence, accuracy, pairs = (
        np.array([row[key] for row in diagram]) for key in ("confidence", "accuracy", "pairs")
    )
    with sheet(3.3) as figure:
        upper, lower = figure.subplots(2, sharex=True, height_ratios=[3.2, 1])
        upper.plot([0.5, 1], [0.5, 1], color=MUTED, lw=1, ls=":", label="perfectly calibrated")
        upper.plot(confidence, accuracy, "o-", color=GOOD, lw=1.6, ms=5, label="measured")
        upper.set(ylabel="accuracy", xlim=(0.485, 1.015))
        upper.set_ylim(min(0.45, float(accuracy.min()) - 0.05), 1.04)
        upper.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        legend_above(upper)
        lower.bar(confidence, pairs, width=0.032, color=GOOD)
        for x, count in zip(confidence, pairs, strict=True):
            lower.annotate(
                _compact(count), (x, count), (0, 2), textcoords="offset points", ha="center",
                size=7.5,
            )  # fmt: skip
        lower.set(ylabel="pairs", xlabel="confidence of the model's preference", yticks=[])
        lower.set_ylim(0, 1.45 * pairs.max())
        lower.spines["left"].set_visible(False)
        lower.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        bins = "; ".join(
            f"{c:.0%} confident, {a:.0%} right, {n:,} pairs"
            for c, a, n in zip(confidence, accuracy, pairs, strict=True)
        )
        return svg(figure, "reliability", f"Reliability diagram. {bins}.")


def domain_bars(domains: Sequence[dict[str, Any]]) -> Markup:
    """Accuracy per domain against its threshold and the longest-wins rule.

    A domain is {name, pairs, accuracy, threshold (or None), judged, failed, longest_wins}.
    """
    rows = range(len(domains))
    with sheet(1.05 + 0.42 * len(domains)) as figure:
        axes = figure.subplots()
        axes.barh(
            rows, [one["accuracy"] for one in domains], height=0.62,
            color=[_domain_colour(one) for one in domains],
        )  # fmt: skip
        asked = [(row, one) for row, one in enumerate(domains) if one["threshold"] is not None]
        axes.vlines(
            [one["threshold"] for _, one in asked],
            [row - 0.4 for row, _ in asked], [row + 0.4 for row, _ in asked],
            color=INK, lw=1.6, label="threshold",
        )  # fmt: skip
        axes.plot(
            [one["longest_wins"] for one in domains], rows, "D", color="white", mec=INK, ms=5,
            label="longest wins",
        )  # fmt: skip
        for row, one in enumerate(domains):
            counts = f"{one['accuracy']:.0%} of {one['pairs']:,}"
            axes.text(1.03, row, counts, va="center", color=INK if one["judged"] else MUTED)
        axes.set_yticks(rows, [one["name"] for one in domains])
        axes.tick_params(axis="y", length=0)
        axes.invert_yaxis()
        axes.set(xlim=(0, 1), xlabel="accuracy")
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        legend_above(axes)
        listed = "; ".join(f"{d['name']} {d['accuracy']:.1%} of {d['pairs']:,}" for d in domains)
        return svg(figure, "domains", f"Pairwise accuracy by domain: {listed} pairs.")


def forest(checks: Sequence[dict[str, Any]]) -> Markup:
    """Every check that has an interval: its estimate, its 95 % interval and its threshold.

    Checks of one title share a panel; the rows are their slices.
    """
    panels: dict[str, list[dict[str, Any]]] = {}
    for check in checks:
        if check["low"] is not None and check["threshold"] is not None:
            title = check["what"].removeprefix(f"{check['slice']}: ")
            panels.setdefault(words_of(title), []).append(check)
    if not panels:
        return Markup("")
    shown = [check for panel in panels.values() for check in panel]
    outcomes = {check["outcome"] for check in shown}
    with sheet(0.35 + 0.24 * len(shown) + 0.55 * len(panels)) as figure:
        heights = [len(panel) + 0.6 for panel in panels.values()]
        drawn = figure.subplots(len(panels), squeeze=False, height_ratios=heights)[:, 0]
        for axes, (title, panel) in zip(drawn, panels.items(), strict=True):
            _forest_panel(axes, panel)
            from_the_left = blended_transform_factory(figure.transFigure, axes.transAxes)
            axes.set_title(" ", size=9, pad=4)  # keeps the height of the text below free
            axes.text(0.02, 1.0, _short(title, 50), transform=from_the_left, va="bottom")
        handles = [
            Line2D([], [], color=colour, marker="o", ms=4.5, lw=1.6, label=outcome)
            for outcome, colour in OUTCOMES.items()
            if outcome in outcomes
        ]
        handles.append(
            Line2D([], [], color=INK, marker="|", ms=9, mew=1.6, lw=0, label="threshold")
        )
        figure.legend(handles=handles, loc="outside upper left", ncols=4, handlelength=1.3)
        listed = "; ".join(
            f"{words_of(check['what'])} {check['value']:.3f} ({check['low']:.3f} to "
            f"{check['high']:.3f}), threshold {check['threshold']:g}, {check['outcome']}"
            for check in shown
        )
        return svg(figure, "forest", f"Checks with their 95 % intervals: {listed}.")


def _forest_panel(axes: Axes, checks: Sequence[dict[str, Any]]) -> None:
    for row, check in enumerate(checks):
        colour = OUTCOMES[check["outcome"]]
        axes.plot([check["low"], check["high"]], [row, row], color=colour, lw=1.6)
        axes.plot(check["value"], row, "o", color=colour, ms=4.5)
        axes.plot(check["threshold"], row, "|", color=INK, ms=9, mew=1.6)
    names = ["all" if check["slice"] is None else words_of(check["slice"]) for check in checks]
    axes.set_yticks(range(len(checks)), [_short(name, 20) for name in names])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(checks) - 0.4, -0.6)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.margins(x=0.04)


def training_curve(steps: pd.DataFrame, evals: pd.DataFrame) -> Markup:
    """Loss, accuracy and gradient norm by step, with the held-out points."""
    panels = [
        ("loss", "loss", "eval_loss", float(np.log(2))),
        ("accuracy", "accuracy", "eval_accuracy", 0.5),
        ("grad_norm", "gradient norm", None, None),
    ]
    window = max(1, len(steps) // 15)
    with sheet(4.3) as figure:
        for axes, (column, label, held_out, chance) in zip(
            figure.subplots(3, sharex=True, height_ratios=[1.3, 1.3, 1]), panels, strict=True
        ):
            smooth = steps[column].rolling(window, min_periods=1, center=True).mean()
            axes.plot(steps["step"], steps[column], color=GOOD, lw=0.7, alpha=0.4)
            axes.plot(steps["step"], smooth, color=GOOD, lw=1.6, label="training")
            if chance is not None:
                axes.axhline(chance, color=MUTED, lw=1, ls=":", label="coin flip")
            if held_out in evals:
                axes.plot(
                    evals["step"], evals[held_out], "o-", color=BAD, lw=1.2, ms=4.5,
                    label="held-out",
                )  # fmt: skip
            if column == "accuracy":
                axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
            axes.set_ylabel(label)
            axes.yaxis.set_major_locator(MaxNLocator(4))
        figure.align_ylabels()
        axes.set_xlabel("step")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        legend_above(figure.axes[0])
        last = steps.iloc[-1]
        return svg(
            figure,
            "training",
            f"Training curve over {len(steps):,} steps; at the last one the loss is "
            f"{last['loss']:.3f} and the accuracy {last['accuracy']:.1%}.",
        )


def stress_margins(outcomes: Sequence[dict[str, Any]]) -> Markup:
    """One mark a stress case: how far its response scores below the correct, brief one."""
    families = list(dict.fromkeys(outcome["family"] for outcome in outcomes))
    finite = [one for one in outcomes if one["margin_bt_logits"] is not None]
    with sheet(0.95 + 0.24 * len(families)) as figure:
        axes = figure.subplots()
        for passed, marker, colour, label in (
            (True, "o", GOOD, "below the best"),
            (False, "X", BAD, "not below"),
        ):
            marks = [one for one in finite if one["passed"] is passed]
            axes.plot(
                [one["margin_bt_logits"] for one in marks],
                [families.index(one["family"]) for one in marks],
                marker, color=colour, ms=5.5, alpha=0.65, mew=0, label=label,
            )  # fmt: skip
        named_rows(axes, families, "margin to the correct, brief response (BT logits)")
        kept = sum(one["passed"] for one in outcomes)
        return svg(
            figure,
            "stress",
            f"Margins of the stress cases by family: {kept:,} of {len(outcomes):,} responses "
            "score below the correct, brief one.",
        )


def _plain_log_ticks(axes: Axes, words: Floats) -> None:
    steps = [base * 10**power for power in range(7) for base in (1, 2, 5)]
    axes.set_xticks([tick for tick in steps if words.min() <= tick <= words.max()])
    axes.xaxis.set_minor_locator(NullLocator())


def _domain_colour(domain: dict[str, Any]) -> str:
    if not domain["judged"]:
        return RULE
    return BAD if domain["failed"] else GOOD


def _short(label: str, most: int) -> str:
    """A label for a narrow plot, of at most so many characters."""
    return label if len(label) <= most else f"{label[: most - 1].rstrip()}…"


def _compact(count: float) -> str:
    return f"{count:.0f}" if count < 10_000 else f"{count / 1000:.0f}k"
