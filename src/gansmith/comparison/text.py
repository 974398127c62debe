"""A comparison as lines for a terminal."""

from collections.abc import Iterator

from gansmith.comparison.compare import Comparison
from gansmith.comparison.groups import differences
from gansmith.comparison.page import better, cells


def comparison_lines(comparison: Comparison) -> Iterator[str]:
    """The groups, what differs between them, a table for each moment, the verdict and the notes."""
    groups = comparison.groups
    for group in groups:
        runs = [f"{one.run.path.name} (seed {one.recipe.seed}, {one.seen:,} images)" for one in group.runs]
        yield f"{group.letter}  {', '.join(runs)}"
    for name, values in differences(groups).items():
        yield f"   {name}: {' | '.join('–' if value is None else str(value) for value in values)}"
    for moment in comparison.moments:
        yield ""
        yield f"{moment.title}: {moment.why_not}" if moment.why_not else moment.title
        if moment.rows:
            head = ["", *(group.letter for group in groups), "better"]
            yield from _columns(
                [head, *([name, *cells(row), better(comparison, name, row)] for name, row in moment.rows.items())]
            )
    yield ""
    for pair, verdict in comparison.verdicts.items():
        which = f"{pair}: " if len(comparison.verdicts) > 1 else ""
        yield f"{which}{verdict}, by {comparison.decides}"
    for note in comparison.notes:
        yield f"note: {note}"


def _columns(rows: list[list[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        line = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        yield f"  {line}".rstrip()
