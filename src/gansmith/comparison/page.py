"""The page of a comparison: verdict, table, what differs, curves and the newest images of each group."""

from pathlib import Path
from typing import TYPE_CHECKING

from gansmith.runs.history import evaluations
from gansmith.runs.run import write_atomically
from gansmith.viz.group_curves import RunLine, group_curves
from gansmith.viz.page import render_page

if TYPE_CHECKING:
    from gansmith.comparison.compare import Comparison
    from gansmith.comparison.groups import Group
    from gansmith.evaluation.seeds import SeedSummary


def write_page(found: "Comparison", file: Path) -> None:
    """Write the self-contained page to `file`. Raises OSError."""
    from gansmith.comparison.groups import differences
    from gansmith.evaluation.table import METRICS

    recipes = dict.fromkeys(group.recipe.name for group in found.groups)
    first = [(group.letter, group.runs[0].run) for group in found.groups]
    samples = {letter: sorted(run.samples.glob("*.png")) for letter, run in first}
    page = render_page(
        "comparison.html",
        title=f"{' and '.join(recipes)} compared",
        about="; ".join(f"{group.letter}: {_run_names(group)}" for group in found.groups),
        comparison=found,
        differences=differences(found.groups),
        protocol=found.groups[0].runs[0].measured.protocol.to_dict(),
        curves=_curves(found),
        grids=[(letter, run.path.name, samples[letter][-1].read_bytes()) for letter, run in first if samples[letter]],
        cells=cells,
        better=better,
        describe_value=describe_value,
        METRICS=METRICS,
    )
    write_atomically(file, page)


def cells(row: "tuple[SeedSummary, ...]") -> list[str]:
    """Each summary as "12.3 (11.9 to 12.8)", all with the decimals of the least exact one."""
    from gansmith.evaluation.text import decimals, number
    from gansmith.metrics.intervals import Estimate

    places = min(decimals(Estimate(one.median, one.low, one.high, "")) for one in row)
    return [f"{number(one.median, places)} ({number(one.low, places)} to {number(one.high, places)})" for one in row]


def better(found: "Comparison", name: str, row: "tuple[SeedSummary, ...]") -> str:
    """The letter of the group that is better than every other one by this measure, or a dash."""
    from gansmith.evaluation.seeds import verdict

    for group, one in zip(found.groups, row, strict=True):
        others = [other for other in row if other is not one]
        if all(verdict(name, one, other) == "A better" for other in others):
            return group.letter
    return "–"


def describe_value(value: object) -> str:
    """A recipe's value as text; a dash where a group's recipe has no such field."""
    return "–" if value is None else str(value)


def _curves(found: "Comparison") -> bytes | None:
    """The plot of all evaluations during training; None where there are none."""
    from gansmith.comparison.compare import seconds_at

    lines = [
        RunLine(
            group=number,
            label=group.letter,
            images=[state.seen for state in history],
            seconds=seconds_at(one.run, history),
            values=[state.value for state in history],
            lows=[state.low for state in history],
            highs=[state.high for state in history],
        )
        for number, group in enumerate(found.groups)
        for one in group.runs
        if (history := evaluations(one.run))
    ]
    return group_curves(lines, "Fréchet distance") if lines else None


def _run_names(group: "Group") -> str:
    seeds = f", {len(group.runs)} seeds" if len(group.runs) > 1 else ""
    return f"{', '.join(one.run.path.name for one in group.runs)}{seeds}"
