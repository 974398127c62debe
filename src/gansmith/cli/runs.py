"""`gansmith runs list`, `gansmith runs show` and `gansmith runs figures`."""

import json
import sys
from collections.abc import Sequence
from typing import Annotated

from gansmith.cli.options import Device, Json, Runs, WhichRun, call_one_of, option
from gansmith.runs import Run, default_root, find_run
from gansmith.runs import list_runs as runs_under


def main(arguments: Sequence[str]) -> None:
    """Read the options and list, show or draw."""
    call_one_of({"list": list_runs, "show": show, "figures": figures}, "gansmith runs", arguments)


def list_runs(runs: Runs = None, json_: Json = False) -> None:
    """List the runs, oldest first."""
    root = runs or default_root()
    found = [{"path": str(run.path), **run.info()} for run in runs_under(root)]
    if json_:
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
    elif not found:
        sys.stderr.write(f"no runs in {root}; start one with: gansmith train demo\n")
    for run in [] if json_ else found:
        sys.stdout.write(f"{run['name']:<28} {run['status']:<9} step {run.get('step', 0):>9,}  {run['started']}\n")


def show(
    run: WhichRun = "last",
    runs: Runs = None,
    json_: Json = False,
) -> None:
    """Show what a run is, how far it came and what its folder holds."""
    found = find_run(run, runs or default_root())
    info = {"path": str(found.path), **found.info()}
    if json_:
        sys.stdout.write(json.dumps(info, indent=1) + "\n")
        return
    for key, value in {**info, **_last_event(found)}.items():
        shown = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        sys.stdout.write(f"{key:<14} {shown}\n")


def figures(
    run: WhichRun = "last",
    checkpoint: Annotated[str, option("which state of the run makes the samples", metavar="last|STEP")] = "last",
    runs: Runs = None,
    device: Device = "auto",
    json_: Json = False,
) -> None:
    """Draw the figures of the run's article into the run's folder `figures`, with a page that shows them all."""
    from gansmith.figures import draw_figures

    files = draw_figures(find_run(run, runs or default_root()), checkpoint, device)
    folder = files[0].parent
    result = {"folder": str(folder), "files": [file.name for file in files]}
    sys.stdout.write((json.dumps(result, indent=1) if json_ else str(folder)) + "\n")


def _last_event(run: Run) -> dict[str, object]:
    events = run.events()
    return {"last event": events[-1]} if events else {}
