"""Tables in Markdown, to read in a terminal and to paste into a README."""

from collections.abc import Iterable, Sequence

from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows of as many cells as there are columns; figures stand on the right."""
    table = Table(box=MARKDOWN)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    Console(width=10 + sum(40 for _ in columns), soft_wrap=True).print(table)
