"""`gansmith runs figures`."""

import json
import sys
from typing import Annotated

from gansmith.cli.options import Device, Json, Runs, WhichRun, check_checkpoint_name, option
from gansmith.runs.run import default_root, find_run


def figures(
    run: WhichRun = "last",
    checkpoint: Annotated[str, option("checkpoint that makes the samples", metavar="last|best|STEP")] = "last",
    runs: Runs = None,
    device: Device = "auto",
    json_: Json = False,
) -> None:
    """Draw the figures of the article that the run's recipe is from, and a page with all of them."""
    found = find_run(run, runs or default_root())
    check_checkpoint_name(checkpoint)
    from gansmith.figures import draw_figures  # imports torch

    files = draw_figures(found, checkpoint, device)
    folder = str(files[0].parent)
    result = {"folder": folder, "files": [file.name for file in files]}
    sys.stdout.write((json.dumps(result, indent=1) if json_ else folder) + "\n")
