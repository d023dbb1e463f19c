"""The plots of the adversary's curve and of the probes, in the style of the report."""

from typing import Any

import pandas as pd
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from rewardgate.report.canvas import BAD, GOOD, INK, legend_above, named_rows, sheet, svg
from rewardgate.wording import name as words_of


def over_optimisation(curve: pd.DataFrame, kl: float) -> Markup:
    """What best-of-n gains over n = 1 in reward and in worth, against the KL divergence.

    curve: reports/adversary.csv; kl: where the gate judges the gold
    """
    panels = (
        ("proxy_gain", "reward gained\n(BT logits)", GOOD),
        ("gold_gain", "worth gained\n(of 1)", BAD),
    )
    with sheet(3.3) as figure:
        drawn = figure.subplots(2, sharex=True)
        for axes, (column, label, colour) in zip(drawn, panels, strict=True):
            if curve[f"{column}_low"].notna().all():
                axes.fill_between(
                    curve["kl"],
                    curve[f"{column}_low"].astype(float),
                    curve[f"{column}_high"].astype(float),
                    color=colour,
                    alpha=0.2,
                    lw=0,
                    label="95 % interval",
                )
            axes.plot(curve["kl"], curve[column], "o-", color=colour, lw=1.6, ms=4, label="mean")
            axes.axhline(0, color=INK, lw=0.7)
            axes.axvline(kl, color=INK, lw=1, ls=":", label="judged here")
            axes.set_ylabel(label)
            axes.yaxis.set_major_locator(MaxNLocator(4))
        figure.align_ylabels()
        drawn[1].set_xlabel("KL divergence of best-of-n (nats)")
        legend_above(drawn[0])
        last = curve.iloc[-1]
        return svg(
            figure,
            "adversary",
            f"Over-optimisation curve up to best of {int(last['n']):,}: there the reward has "
            f"gained {last['proxy_gain']:.2f} BT logits and the worth {last['gold_gain']:+.3f}.",
        )


def probe_effects(probes: dict[str, Any]) -> Markup:
    """Mean change of the score by family of transformations, in BT logits, with its interval.

    probes: reports/probes.json
    """
    kinds = (("preserving", GOOD, "content kept"), ("degrading", BAD, "content lost"))
    rows = [
        (family, figures["shift_bt_logits"], kind, colour)
        for kind, colour, _ in kinds
        for family, figures in probes[kind].items()
    ]
    with sheet(0.95 + 0.24 * len(rows)) as figure:
        axes = figure.subplots()
        for kind, colour, label in kinds:
            mine = [(row, shift) for row, (_, shift, of, _) in enumerate(rows) if of == kind]
            spans = [(row, one) for row, one in mine if one["low"] is not None]
            axes.hlines(
                [row for row, _ in spans],
                [one["low"] for _, one in spans],
                [one["high"] for _, one in spans],
                color=colour,
                lw=1.6,
            )
            axes.plot(
                [one["estimate"] for _, one in mine],
                [row for row, _ in mine],
                "o",
                color=colour,
                ms=4.5,
                label=label,
            )
        named_rows(axes, [family for family, *_ in rows], "change of the score (BT logits)")
        listed = "; ".join(
            f"{words_of(family)} {shift['estimate']:+.2f}" for family, shift, *_ in rows
        )
        return svg(figure, "probes", f"Change of the score in BT logits by probe: {listed}.")
