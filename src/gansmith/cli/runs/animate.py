"""`gansmith runs animate`."""

import sys
from pathlib import Path
from typing import Annotated

from gansmith.cli.options import Runs, WhichRun, option
from gansmith.errors import DiskError, UsageError
from gansmith.runs.run import default_root, find_run, write_atomically
from gansmith.viz.animation import SUFFIXES


def animate(
    run: WhichRun = "last",
    *,
    out: Annotated[Path, option("file to write; .webp is lossless", metavar="FILE.gif|FILE.webp")],
    runs: Runs = None,
) -> None:
    """Animate a run's sample grids, which show the same latents throughout the training.

    Early grids follow each other closely, late ones at longer intervals, and the last one is shown longest.
    """
    if out.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--out {out}: unknown suffix {out.suffix!r}; give FILE.gif or FILE.webp.")
    found = find_run(run, runs or default_root())
    from gansmith.cli.runs.frames import animation_of  # imports torch

    content, notes = animation_of(found, out.suffix)
    sys.stderr.write("".join(f"{note}\n" for note in notes))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(out, content)
    except OSError as error:
        raise DiskError(f"{out} cannot be written: {error.strerror or error}.") from error
    sys.stdout.write(f"{out}\n")
