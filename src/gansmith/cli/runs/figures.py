"""`gansmith runs figures`."""

from typing import Annotated

from gansmith.cli.options import Device, Json, Runs, WhichRun, check_checkpoint_name, option
from gansmith.cli.output import print_json, print_lines
from gansmith.runs.run import find_run


def figures(
    run: WhichRun = "last",
    checkpoint: Annotated[str, option("checkpoint that makes the samples", metavar="last|best|STEP")] = "last",
    runs: Runs = None,
    device: Device = "auto",
    json_: Json = False,
) -> None:
    """Draw the figures of the article that the run's recipe is from, and a page with all of them."""
    found = find_run(run, runs)
    check_checkpoint_name(checkpoint)
    from gansmith.figures import draw_figures  # imports numpy

    files = draw_figures(found, checkpoint, device)
    folder = str(files[0].parent)
    if json_:
        print_json({"folder": folder, "files": [file.name for file in files]})
    else:
        print_lines([folder])
