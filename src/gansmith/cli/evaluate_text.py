"""The numbers of `gansmith evaluate` on a terminal."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table as RichTable

from gansmith.evaluation.measure import Measured
from gansmith.evaluation.reference import Reference
from gansmith.evaluation.reference_scores import ReferenceScores
from gansmith.evaluation.text import MetricTable, class_lines, legend, tables

NARROW = 100
"""Columns from which on there is room for what each number tells."""


def print_evaluation(
    title: str, measured: Measured, found: ReferenceScores, reference: Reference, notes: Sequence[str]
) -> None:
    """Write tables, classes, what the columns are, remarks and the protocol to standard output."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    protocol = measured.protocol
    against = f"{protocol.real:,} of {protocol.reference}, {protocol.split}"
    console.print(f"{title}: {protocol.fake:,} images against {against}", markup=False, soft_wrap=True, style="bold")
    for table in tables(measured, found):
        console.print()
        console.print(_drawn(table, console.width))
    for lines in (class_lines(measured), legend(measured, reference, found), (f"note: {one}" for one in notes)):
        _print_lines(console, list(lines))


def _drawn(table: MetricTable, width: int) -> RichTable:
    shown = len(table.headings) if width >= NARROW else len(table.headings) - 1
    drawn = RichTable(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for column, heading in enumerate(table.headings[:shown]):
        about = column == len(table.headings) - 1  # gives way where there is too little room
        justify = "left" if about or column < 2 else "right"
        style = "bold" if heading == "value" else "dim" if column >= 4 else None
        drawn.add_column(heading, justify=justify, no_wrap=not about, style=style)
    for row in table.rows:
        drawn.add_row(*row[:shown])
    return drawn


def _print_lines(console: Console, lines: Sequence[str]) -> None:
    if lines:
        console.print()
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
