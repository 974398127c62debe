"""The animation of a run's sample grids."""

from pathlib import Path

from PIL import Image

from gansmith.errors import UsageError
from gansmith.recipe_file import recipe_of
from gansmith.report import read_grid, sample_grids
from gansmith.runs.run import Run
from gansmith.schema import Recipe
from gansmith.viz.animation import animation
from gansmith.viz.evolution import animation_steps, evolution_frame
from gansmith.viz.grids import grid_size

MOST_PIXELS = 1280
"""Longest side of a frame in pixels; larger grids lose their last rows and columns."""
TOTAL_MILLISECONDS = 8000
"""Time of all frames but the last, within the limits of a single frame."""
SHORTEST_FRAME = 120
"""Milliseconds that a frame is shown at least."""
LONGEST_FRAME = 500
"""Milliseconds that a frame is shown at most."""
LAST_FRAME = 2000
"""Milliseconds that the last frame is shown."""


def animation_of(run: Run, suffix: str) -> tuple[bytes, list[str]]:
    """The content of a GIF, WebP or MP4 file, and notes on what it leaves out. Raises UsageError without two grids."""
    grids = sample_grids(run)
    if len(grids) < 2:
        held = f"holds {'one' if grids else 'no'} sample grid"
        if run.info().get("status") == "imported":
            held = "was imported, so it has no sample grids of its training"
        raise UsageError(f"{run.path} {held}; an animation needs two.")
    steps, notes = animation_steps(grids), []
    if len(steps) < len(grids):
        notes.append(f"showing {len(steps)} of {len(grids)} grids, evenly spaced on a log scale")
    recipe = recipe_of(run)
    rows, columns = _size_that_fits(recipe)
    if (rows, columns) != (recipe.grid.rows, recipe.grid.columns):
        notes.append(
            f"showing {rows} of {recipe.grid.rows} rows and {columns} of {recipe.grid.columns} columns: the whole grid "
            f"is larger than {MOST_PIXELS} pixels"
        )
    frames = [_frame(step, grids[step], recipe, rows, columns) for step in steps]
    each = min(max(TOTAL_MILLISECONDS // len(frames), SHORTEST_FRAME), LONGEST_FRAME)
    return animation(frames, [each] * (len(frames) - 1) + [LAST_FRAME], suffix), notes


def _size_that_fits(recipe: Recipe) -> tuple[int, int]:
    """Rows and columns of images that fit into a frame."""
    size = recipe.data.height, recipe.data.width
    columns = [n for n in range(1, recipe.grid.columns + 1) if grid_size(n, n, *size)[0] <= MOST_PIXELS]
    rows = [n for n in range(1, recipe.grid.rows + 1) if grid_size(n, 1, *size)[1] <= MOST_PIXELS]
    return max(rows, default=1), max(columns, default=1)


def _frame(step: int, file: Path, recipe: Recipe, rows: int, columns: int) -> Image.Image:
    images = read_grid(file, recipe.grid.rows * recipe.grid.columns, recipe)
    as_grid = images.reshape(recipe.grid.rows, recipe.grid.columns, *images.shape[1:])
    shown = as_grid[:rows, :columns].reshape(-1, *images.shape[1:])
    return evolution_frame(step, recipe.steps, shown, columns)
