"""`gansmith runs figures` and `diff`; the other verbs of runs are in `runs_...` beside it."""

import json
import re
import sys
import textwrap
from collections.abc import Sequence
from itertools import zip_longest
from typing import Annotated

from tyro.conf import Positional, arg

from gansmith.cli.options import Device, Json, Runs, WhichRun, call_one_of, check_has_checkpoint, option
from gansmith.cli.runs_animate import animate
from gansmith.cli.runs_compare import compare
from gansmith.cli.runs_keep import prune, remove, verify
from gansmith.cli.runs_shown import list_runs, show, text_width
from gansmith.runs.run import Run, default_root, find_run

_NOT_COMPARED = ("images.remarks",)
"""Said of images for the user's sake."""


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


def figures(
    run: WhichRun = "last",
    checkpoint: Annotated[str, option("which state of the run makes the samples", metavar="last|best|STEP")] = "last",
    runs: Runs = None,
    device: Device = "auto",
    json_: Json = False,
) -> None:
    """Draw the figures of the run's article into the run's folder `figures`, with a page that shows them all."""
    found = find_run(run, runs or default_root())
    check_has_checkpoint(checkpoint)
    from gansmith.figures import draw_figures

    files = draw_figures(found, checkpoint, device)
    folder = files[0].parent
    result = {"folder": str(folder), "files": [file.name for file in files]}
    sys.stdout.write((json.dumps(result, indent=1) if json_ else str(folder)) + "\n")


def diff(
    first: Annotated[Positional[str], arg(metavar="A", help="a run's path, number or name, or last")],
    second: Annotated[Positional[str], arg(metavar="B", help="another one")],
    runs: Runs = None,
    json_: Json = False,
) -> None:
    """Tell what differs between two runs: the recipe's fields, the images, the machine and the versions."""
    both = [find_run(wanted, runs or default_root()) for wanted in (first, second)]
    here, there = (_facts(run) for run in both)
    differ = {key: [here.get(key), there.get(key)] for key in here | there if here.get(key) != there.get(key)}
    if json_:
        sys.stdout.write(json.dumps(differ, indent=1) + "\n")
        return
    if not differ:
        sys.stdout.write("the same recipe, images, machine and versions\n")
        return
    rows = [["", *(run.path.name for run in both)]]
    rows += [[key, *map(_short, values)] for key, values in differ.items()]
    wide = max(len(row[0]) for row in rows)
    room = max(20, (text_width() - wide - 4) // 2)
    most = min(room, max(len(row[1]) for row in rows))
    for key, *values in rows:
        if values[0] == values[1]:  # an empty text, and none
            continue
        left, right = (textwrap.wrap(value, room) for value in values)
        for name, one, other in zip_longest([key], left, right, fillvalue=""):
            sys.stdout.write(f"{name:<{wide}}  {one:<{most}}  {other}".rstrip() + "\n")


def _short(value: object) -> str:
    """A value as text, of a hash its beginning: two that differ do so there."""
    text = "" if value is None else str(value)
    return text[:12] if re.fullmatch(r"[0-9a-f]{32,}", text) else text


def _facts(run: Run) -> dict[str, object]:
    """What a run is, flat: "generator_optimizer.lr", "data.sha256.images", "machine.torch" and so on."""
    from gansmith.recipe_file import flat, recipe_of

    info = run.info()
    images = {f"images.{key}": value for key, value in flat(info.get("data", {})).items()}
    made_on = {key: info.get(key) for key in ("device", "precision")} | {"machine": info.get("machine", {})}
    facts = flat(recipe_of(run).model_dump(mode="json")) | images | flat(made_on)
    return {key: value for key, value in facts.items() if key not in _NOT_COMPARED}
