"""The picture: what each policy's reward, length and true worth do while it is trained."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from rewardgate.files import atomic_path
from rewardgate.report.canvas import BAD, GOOD, legend_above, sheet, svg

PANELS = {"reward": "reward (sd)", "words": "words", "gold": "true worth (of 1)"}
COLOURS = {"blocked": BAD, "promoted": GOOD}
SMOOTH = 5
"""Steps of the moving average."""

PNG_WIDTH, PNG_HEIGHT, PNG_DPI = 8.0, 2.5, 200


def save_png(curves: Mapping[str, pd.DataFrame], path: Path) -> None:
    """The panels side by side; curves: by name of the reward model, see `training.train`."""
    with sheet(PNG_HEIGHT) as figure:
        figure.set_size_inches(PNG_WIDTH, PNG_HEIGHT)
        _draw(list(figure.subplots(1, len(PANELS))), curves)
        with atomic_path(path) as part:
            figure.savefig(
                part, format="png", dpi=PNG_DPI, facecolor="white", metadata={"Software": None}
            )


def inline_svg(curves: Mapping[str, pd.DataFrame]) -> Markup:
    """The panels one below the other, for a page."""
    with sheet(5.0) as figure:
        axes = list(figure.subplots(len(PANELS), sharex=True))
        _draw(axes, curves)
        for upper in axes[:-1]:
            upper.set_xlabel("")
        figure.align_ylabels()
        ends = "; ".join(
            f"{name}: {curve['words'].iloc[0]:.0f} to {curve['words'].iloc[-1]:.0f} words, true "
            f"worth {curve['gold'].iloc[0]:.2f} to {curve['gold'].iloc[-1]:.2f}"
            for name, curve in curves.items()
        )
        return svg(figure, "over-optimisation", f"From the first step to the last. {ends}.")


def _draw(panels: Sequence[Axes], curves: Mapping[str, pd.DataFrame]) -> None:
    for axes, (column, label) in zip(panels, PANELS.items(), strict=True):
        for name, curve in curves.items():
            smooth = curve[column].rolling(SMOOTH, min_periods=1, center=True).mean()
            axes.plot(curve["step"], curve[column], color=COLOURS[name], lw=0.7, alpha=0.35)
            axes.plot(curve["step"], smooth, color=COLOURS[name], lw=2, label=f"{name} RM")
        axes.set(xlabel="GRPO step", ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    panels[1].set_ylim(bottom=0)
    panels[2].set_ylim(0, 1)
    legend_above(panels[0])
