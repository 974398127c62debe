"""`gansmith runs list`."""

from gansmith.cli.options import Json, Runs
from gansmith.cli.output import print_json, print_lines, print_notes
from gansmith.cli.runs.text import time_of_day
from gansmith.runs.run import default_root
from gansmith.runs.run import list_runs as find_runs
from gansmith.runs.summary import RunSummary, summary_or_unreadable
from gansmith.text import columns, duration

HEADINGS = ("run", "status", "step", "dataset", "best fd", "time", "started (UTC)")
"""Columns of the table."""


def list_runs(runs: Runs = None, json_: Json = False) -> None:
    """List the runs, oldest first: status, step, dataset, best Fréchet distance and training time."""
    root = runs or default_root()
    found = [summary_or_unreadable(run) for run in find_runs(root)]
    if json_:
        print_json([one.to_dict() for one in found])
    elif not found:
        print_notes([f"no runs in {root}; start one with: gansmith train demo"])
    else:
        print_lines(columns([HEADINGS, *map(_row, found)], right_aligned={2, 4, 5}))


def _row(one: RunSummary) -> tuple[str, ...]:
    step = f"{one.step:,}/{one.steps:,}" if one.steps else f"{one.step:,}"
    return (
        one.run.path.name,
        one.status,
        step if one.info else "",
        one.dataset,
        f"{one.best.value:.4g}" if one.best else "",
        duration(one.seconds) if one.seconds else "",
        time_of_day(one.info.get("started")),
    )
