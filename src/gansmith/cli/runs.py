"""`gansmith runs list`, `show`, `figures` and `diff`; the other verbs of runs are in `runs_...` beside it."""

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any

from tyro.conf import Positional, arg

from gansmith.cli.options import Device, Json, Runs, WhichRun, call_one_of, option
from gansmith.cli.runs_animate import animate
from gansmith.cli.runs_compare import compare
from gansmith.cli.runs_keep import prune, remove, verify
from gansmith.errors import UsageError
from gansmith.evaluation.history import DECIDES, best_of, evaluations
from gansmith.runs import Run, default_root, find_run
from gansmith.runs import list_runs as runs_under

_NOT_COMPARED = ("pictures.remarks",)
"""Said of pictures for the user's sake."""


def main(arguments: Sequence[str]) -> None:
    """Read the options and do one of these."""
    verbs = {
        "list": list_runs,
        "show": show,
        "figures": figures,
        "animate": animate,
        "diff": diff,
        "compare": compare,
        "verify": verify,
        "prune": prune,
        "rm": remove,
    }
    call_one_of(verbs, "gansmith runs", arguments)


def list_runs(runs: Runs = None, json_: Json = False) -> None:
    """List the runs, oldest first."""
    root = runs or default_root()
    found = [{"path": str(run.path), "name": run.path.name, **_info(run)} for run in runs_under(root)]
    if json_:
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
    elif not found:
        sys.stderr.write(f"no runs in {root}; start one with: gansmith train demo\n")
    for run in [] if json_ else found:
        step = run.get("step", 0)
        said = f"{step:>9,}" if type(step) is int else str(step)
        sys.stdout.write(f"{run['name']!s:<28} {run.get('status')!s:<9} step {said}  {run.get('started', '')}\n")


def _info(run: Run) -> dict[str, Any]:
    """What run.json says; one run whose file is damaged does not hide the others."""
    try:
        return run.info()
    except UsageError:
        return {"status": "unreadable"}


def show(
    run: WhichRun = "last",
    runs: Runs = None,
    json_: Json = False,
) -> None:
    """Show what a run is, how far it came and what its folder holds."""
    found = find_run(run, runs or default_root())
    info = {"path": str(found.path), **found.info(), **_best(found)}
    if json_:
        sys.stdout.write(json.dumps(info, indent=1) + "\n")
        return
    for key, value in {**info, "recipe": found.recipe_file, **_last_event(found)}.items():
        if said := _in_words(value):
            sys.stdout.write(f"{key:<14} {said}\n")


def _in_words(value: object) -> str:
    """A table has an entry a line, what is within it by dotted names; so has a list, unless of single words."""
    from gansmith.recipe_file import flat

    if isinstance(value, dict):
        lines = [f"{key} {said}" for key, one in flat(value).items() if (said := _in_words(one))]
    elif isinstance(value, list):
        lines = [str(one) for one in value]
        if not any(" " in line for line in lines):
            return " ".join(lines)
    else:
        return str(value)
    return f"\n{' ' * 15}".join(lines)


def figures(
    run: WhichRun = "last",
    checkpoint: Annotated[str, option("which state of the run makes the samples", metavar="last|best|STEP")] = "last",
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


def diff(
    first: Annotated[Positional[str], arg(metavar="A", help="a run's path, number or name, or last")],
    second: Annotated[Positional[str], arg(metavar="B", help="another one")],
    runs: Runs = None,
    json_: Json = False,
) -> None:
    """Tell what differs between two runs: the recipe's fields, the pictures, the machine and the versions."""
    both = [find_run(wanted, runs or default_root()) for wanted in (first, second)]
    here, there = (_facts(run) for run in both)
    differ = {key: [here.get(key), there.get(key)] for key in here | there if here.get(key) != there.get(key)}
    if json_:
        sys.stdout.write(json.dumps(differ, indent=1) + "\n")
        return
    if not differ:
        sys.stdout.write("the same recipe, pictures, machine and versions\n")
        return
    rows = [["", *(run.path.name for run in both)]]
    rows += [[key, *("" if value is None else str(value) for value in values)] for key, values in differ.items()]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for key, left, right in rows:
        sys.stdout.write(f"{key:<{widths[0]}}  {left:<{widths[1]}}  {right}".rstrip() + "\n")


def _facts(run: Run) -> dict[str, object]:
    """What a run is, flat: "generator_optimizer.lr", "data.sha256.images", "machine.torch" and so on."""
    from gansmith.recipe_file import flat, recipe_of

    info = run.info()
    pictures = {f"pictures.{key}": value for key, value in flat(info.get("data", {})).items()}
    made_on = {key: info.get(key) for key in ("device", "precision")} | {"machine": info.get("machine", {})}
    facts = flat(recipe_of(run).model_dump(mode="json")) | pictures | flat(made_on)
    return {key: value for key, value in facts.items() if key not in _NOT_COMPARED}


def _best(run: Run) -> dict[str, object]:
    """The step whose evaluation was the lowest, with its Fréchet distance and the interval."""
    best = best_of(evaluations(run))
    return {"best": {"step": best.step, DECIDES: best.value, "low": best.low, "high": best.high}} if best else {}


def _last_event(run: Run) -> dict[str, object]:
    events = run.events()
    return {"last event": events[-1]} if events else {}
