"""`gansmith runs animate`."""

from pathlib import Path
from typing import Annotated

from gansmith.cli.options import Runs, WhichRun, option
from gansmith.cli.output import free_file, print_lines, print_notes, write_error
from gansmith.errors import UsageError
from gansmith.runs.run import find_run, write_atomically
from gansmith.viz.animation import SUFFIXES, check_animation


def animate(
    run: WhichRun = "last",
    *,
    out: Annotated[
        Path | None,
        option(
            "file to write; .webp is lossless, .mp4 needs the extra video; default: RUN-evolution.gif in the current "
            "folder",
            metavar="FILE.gif|.webp|.mp4",
        ),
    ] = None,
    runs: Runs = None,
) -> None:
    """Animate a run's sample grids, which show the same latents throughout the training.

    Early grids follow each other closely, late ones at longer intervals, and the last one is shown longest.
    """
    if out and out.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--out {out}: unknown suffix {out.suffix!r}; give FILE.gif, FILE.webp or FILE.mp4.")
    found = find_run(run, runs)
    out = out or Path(free_file(found, "evolution", ".gif"))
    check_animation(out.suffix)
    from gansmith.cli.runs.frames import animation_of  # imports numpy

    content, notes = animation_of(found, out.suffix)
    print_notes(notes)
    with write_error(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(out, content)
    print_lines([str(out)])
