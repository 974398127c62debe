"""`gansmith runs animate`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from gansmith.cli.options import Runs, WhichRun, option
from gansmith.errors import DiskError, UsageError
from gansmith.runs.run import Run, default_root, find_run, write_atomically

if TYPE_CHECKING:
    from PIL import Image

    from gansmith.schema import Recipe

MOST_SIDE = 1280
"""Pixels of a sheet's sides, at most: of a larger one the first rows and columns are shown."""

ALL, SHORTEST, LONGEST, HELD = 8000, 120, 500, 2000
"""Milliseconds of the frames together, of each at least and at most, and of the last one."""


def animate(
    run: WhichRun = "last",
    *,
    out: Annotated[Path, option("where it goes; .webp loses nothing", metavar="FILE.gif|FILE.webp")],
    runs: Runs = None,
) -> None:
    """Show how the same latents looked as training went on: the run's sample grids as one image that moves.

    The frames lie near each other in the beginning and far later, and the last one is held.
    """
    from gansmith.viz.animation import SUFFIXES, animation

    if out.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--out {out}: unknown suffix {out.suffix!r}; give FILE.gif or FILE.webp.")
    found = find_run(run, runs or default_root())
    from gansmith.recipe_file import recipe_of
    from gansmith.report import sample_grids
    from gansmith.viz.evolution import animation_steps

    grids = sample_grids(found)
    if len(grids) < 2:
        raise UsageError(f"{_why_still(found, len(grids))}; what moves takes two.")
    steps = animation_steps(grids)
    if len(steps) < len(grids):
        sys.stderr.write(f"{len(steps)} of the {len(grids)} sample grids are shown, fewer and fewer towards the end\n")
    frames = _frames({step: grids[step] for step in steps}, recipe_of(found))
    each = min(max(ALL // len(frames), SHORTEST), LONGEST)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(out, animation(frames, [each] * (len(frames) - 1) + [HELD], out.suffix))
    except OSError as error:
        raise DiskError(f"{out} cannot be written: {error.strerror or error}.") from error
    sys.stdout.write(f"{out}\n")


def _why_still(run: Run, num: int) -> str:
    if run.info().get("status") == "imported":
        return f"{run.path} was imported, and of its training there is no sample grid"
    return f"{run.path} holds {'one sample grid' if num else 'no sample grid'}"


def _frames(grids: dict[int, Path], recipe: "Recipe") -> "list[Image.Image]":
    """A frame of each sheet, of the rows and columns that have room. Says so if these are not all."""
    from gansmith.report import read_grid
    from gansmith.viz.evolution import evolution_frame
    from gansmith.viz.grids import grid_size

    rows, columns = recipe.grid.rows, recipe.grid.columns
    size = recipe.data.height, recipe.data.width
    seen_columns = max((n for n in range(1, columns + 1) if grid_size(n, n, *size)[0] <= MOST_SIDE), default=1)
    seen_rows = max((n for n in range(1, rows + 1) if grid_size(n, 1, *size)[1] <= MOST_SIDE), default=1)
    if (seen_rows, seen_columns) != (rows, columns):
        sys.stderr.write(
            f"of {rows} rows and {columns} columns of images the first {seen_rows} and {seen_columns} are shown: "
            f"more would be larger than {MOST_SIDE} pixels\n"
        )
    frames = []
    for step, file in grids.items():
        images = read_grid(file, rows * columns, recipe)
        seen = images.reshape(rows, columns, *images.shape[1:])[:seen_rows, :seen_columns]
        frames.append(evolution_frame(step, recipe.steps, seen.reshape(-1, *images.shape[1:]), seen_columns))
    return frames
