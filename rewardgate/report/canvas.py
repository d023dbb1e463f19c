"""What the plots share: one style, and inline SVG that has the same bytes for the same input."""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib.style
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from rewardgate.wording import name as words_of

WIDTH = 4.0
"""Inches; 9 pt text in it is 11 pixels high on a phone and 15 in a column of a wide screen."""

INK, MUTED, RULE = "#20262d", "#5a6470", "#d5dae0"
GOOD, BAD = "#2f5f8f", "#c2571a"
OUTCOMES = {"pass": GOOD, "fail": BAD, "undecided": "#8d97a3"}
DENSITY = LinearSegmentedColormap.from_list("density", ["#dbe6f1", GOOD, "#12293f"])

STYLE: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "svg.fonttype": "none",
    "svg.hashsalt": "rewardgate",
}


@contextmanager
def sheet(height: float) -> Iterator[Figure]:
    """A figure of the report's width and a height in inches, in the report's style alone."""
    with matplotlib.style.context(STYLE, after_reset=True):
        yield Figure(figsize=(WIDTH, height), layout="constrained")


def svg(figure: Figure, name: str, title: str) -> Markup:
    """The figure as an `svg` element; its ids start with `plot-name`, its title is read aloud."""
    buffer = io.StringIO()
    absent = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=absent)
    drawn = buffer.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>plot-{name}-", drawn)
    drawn = re.sub(r"<style.*?</style>", "", drawn, flags=re.DOTALL)  # or it styles the whole page
    opening, rest = drawn.split(">", 1)
    label = f' role="img" aria-labelledby="plot-{name}-title"><title id="plot-{name}-title">'
    return Markup(f"{opening}{label}{escape(title)}</title>{rest.strip()}")


def legend_above(axes: Axes) -> None:
    axes.legend(
        loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=3, borderaxespad=0, handlelength=1.3,
        handletextpad=0.5, columnspacing=1.2,
    )  # fmt: skip


def named_rows(axes: Axes, names: Sequence[str], xlabel: str) -> None:
    """One row a name from the top down, ruled, about a line at zero."""
    axes.axvline(0, color=INK, lw=1)
    axes.set_yticks(range(len(names)), [words_of(name) for name in names])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(xlabel, x=0.35)
    axes.grid(axis="y", color=RULE, lw=0.6)
    axes.set_axisbelow(True)
    legend_above(axes)
