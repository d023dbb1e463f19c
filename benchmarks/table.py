"""Tables in Markdown, to read in a terminal and to paste into a README."""

from collections.abc import Sequence


def markdown(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of rows with as many cells as there are titles; cells stand on the right."""
    widths = [max(2, *map(len, column)) for column in zip(titles, *rows, strict=True)]
    lines = [titles, ["-" * (width - 1) + ":" for width in widths], *rows]
    return "\n".join(
        f"| {' | '.join(c.rjust(w) for c, w in zip(cells, widths, strict=True))} |"
        for cells in lines
    )
