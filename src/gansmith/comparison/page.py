"""The page of a comparison: verdict, table, what differs, curves and the newest images of each group."""

from pathlib import Path

from gansmith.comparison.compare import ARROWS, Comparison, better, cells, describe_value
from gansmith.comparison.groups import Group, differences
from gansmith.comparison.moments import seconds_at
from gansmith.evaluation.table import METRICS
from gansmith.runs.history import evaluations
from gansmith.runs.run import write_atomically
from gansmith.viz.group_curves import LossLine, RunLine, group_curves, group_losses
from gansmith.viz.page import render_page


def write_page(found: Comparison, file: Path) -> None:
    """Write the self-contained page to `file`. Raises OSError."""
    recipes = dict.fromkeys(group.recipe.name for group in found.groups)
    first = [(group.name, group.runs[0].run) for group in found.groups]
    samples = {name: sorted(run.samples.glob("*.png")) for name, run in first}
    page = render_page(
        "comparison.html",
        title=f"{' and '.join(recipes)} compared",
        about="; ".join(f"{group.name}: {_run_names(group)}" for group in found.groups),
        comparison=found,
        differences=differences(found.groups),
        protocol=found.groups[0].runs[0].measured.protocol.to_dict(),
        curves=_curves(found),
        losses=_losses(found),
        ARROWS=ARROWS,
        grids=[(name, run.path.name, samples[name][-1].read_bytes()) for name, run in first if samples[name]],
        cells=cells,
        better=better,
        describe_value=describe_value,
        METRICS=METRICS,
    )
    write_atomically(file, page)


def _curves(found: Comparison) -> list[bytes]:
    """The plots of all evaluations during training; none where there are no evaluations."""
    lines = [
        RunLine(
            group=number,
            label=group.name,
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
    return group_curves(lines, "Fréchet distance") if lines else []


def _losses(found: Comparison) -> list[bytes]:
    """The plots of both networks' losses; none where no run logged two steps."""
    lines = []
    for number, group in enumerate(found.groups):
        for one in group.runs:
            events = [event for event in one.run.events() if all(_is_number(event.get(name)) for name in LOSSES)]
            if len(events) > 1:
                seen, d, g = ([event[name] for event in events] for name in LOSSES)
                lines.append(LossLine(group=number, label=group.name, images=seen, d=d, g=g))
    return group_losses(lines) if lines else []


LOSSES = ("seen", "loss/d", "loss/g")
"""Keys of an event with the clock and the losses."""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _run_names(group: Group) -> str:
    seeds = f", {len(group.runs)} seeds" if len(group.runs) > 1 else ""
    return f"{', '.join(one.run.path.name for one in group.runs)}{seeds}"
