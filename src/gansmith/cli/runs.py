"""`gansmith runs list` and `gansmith runs show`."""

import json
import sys
from collections.abc import Sequence

from gansmith.cli.options import Json, Runs, WhichRun, call_one_of
from gansmith.runs import Run, default_root, find_run
from gansmith.runs import list_runs as runs_under


def main(arguments: Sequence[str]) -> None:
    """Read the options and list or show."""
    call_one_of({"list": list_runs, "show": show}, "gansmith runs", arguments)


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


def _last_event(run: Run) -> dict[str, object]:
    events = run.events()
    return {"last event": events[-1]} if events else {}
