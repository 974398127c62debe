"""The files that `gansmith sample` writes: a grid, rows of an interpolation, an animation, an array, or a folder."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gansmith.data.archives.names import GRID_SOFTWARE, SAMPLE_SOFTWARE
from gansmith.errors import DiskError, UsageError
from gansmith.runs.run import write_atomically
from gansmith.viz.animation import ANIMATION_SIDE, MOST_PIXELS, SUFFIXES, animation
from gansmith.viz.grids import enlarged, enlargement, grid, png, to_pillow

if TYPE_CHECKING:
    from gansmith.generation.generator import Generator

FORMS = "FILE.png, FILE.npy or a folder's name, or with --interpolate FILE.gif or FILE.webp"
"""What --out can be."""
MOST_IN_A_GRID = 4096
"""Images of one grid, at most."""
FRAME_MILLISECONDS = 50
"""Time that a frame of an animation is shown."""
Writer = Callable[[Path, int, "Generator", Iterable[np.ndarray]], None]
"""`(out, num, generator, chunks)`, where the chunks uint8 (n, H, W, C) hold `num` images in all."""


def writer_for(out: str, num: int, frames: int | None, num_classes: int) -> Writer:
    """The writer for this --out, of an interpolation with so many `frames` per segment or of separate images.

    Raises UsageError for an unknown suffix, and for more images than fit.
    """
    if not out:
        raise UsageError(f"--out {out!r} names nothing; give {FORMS}.")
    path = Path(out)
    suffix = path.suffix.lower()
    if suffix == ".png":
        if num > MOST_IN_A_GRID:
            raise UsageError(
                f"{num:,} images do not fit one grid (limit {MOST_IN_A_GRID:,}); give a .npy file or a folder."
            )
        return partial(_write_segments, frames) if frames else partial(_write_grid, num_classes)
    if suffix == ".npy":
        return _write_array
    if suffix in SUFFIXES:
        if not frames:
            raise UsageError(f"--out {path}: an animation needs --interpolate with the numbers of images.")
        return _write_animation
    if path.suffix and not path.is_dir():
        raise UsageError(f"--out {path}: unknown suffix {path.suffix!r}; give {FORMS}.")
    return _write_folder


def report_sampling(
    chunks: Iterable[np.ndarray], num: int, progress: Callable[[str, int, int], None]
) -> Iterator[np.ndarray]:
    """The same chunks; calls `progress("sampling", done, num)` after each."""
    done = 0
    for chunk in chunks:
        yield chunk
        done += len(chunk)
        progress("sampling", done, num)


def _write_segments(frames: int, out: Path, num: int, generator: "Generator", chunks: Iterable[np.ndarray]) -> None:
    """One row per segment, which ends with the first image of the next one."""
    out.parent.mkdir(parents=True, exist_ok=True)
    order = [(start + frame) % num for start in range(0, num, frames) for frame in range(frames + 1)]
    write_atomically(out, png(grid(np.concatenate(list(chunks))[order], frames + 1), GRID_SOFTWARE))


def _write_animation(out: Path, num: int, generator: "Generator", chunks: Iterable[np.ndarray]) -> None:
    data = generator.recipe.data
    zoom = enlargement(data.height, data.width, ANIMATION_SIDE)
    height, width = data.height * zoom, data.width * zoom
    most = MOST_PIXELS // (height * width)
    if num > most:
        raise UsageError(
            f"--out {out}: {num:,} frames of {height}x{width} are too many for an animation (limit {most:,}); give a "
            "smaller --frames, a .npy file or a folder."
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    frames = [to_pillow(enlarged(pixels, zoom)) for chunk in chunks for pixels in chunk]
    write_atomically(out, animation(frames, [FRAME_MILLISECONDS] * num, out.suffix))


def _write_grid(num_classes: int, out: Path, num: int, generator: "Generator", chunks: Iterable[np.ndarray]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    in_turn = num_classes or (len(generator.classes.names) if generator.classes else 1)
    columns = _num_columns(num, in_turn, generator.recipe.grid.columns)
    write_atomically(out, png(grid(np.concatenate(list(chunks)), columns), GRID_SOFTWARE))


def _num_columns(num: int, in_turn: int, usual: int) -> int:
    """The usual number if it fills every row, else about a square; classes in turn keep their columns."""
    square = round(num**0.5) or 1
    if in_turn > 2 * square:
        in_turn = 1
    if num % usual == 0 and usual % in_turn == 0:
        return usual
    return in_turn * (round(square / in_turn) or 1)


def _write_array(out: Path, num: int, generator: "Generator", chunks: Iterable[np.ndarray]) -> None:
    data = generator.recipe.data
    shape = (num, data.height, data.width, data.channels)
    out.parent.mkdir(parents=True, exist_ok=True)
    size, free = num * data.height * data.width * data.channels, shutil.disk_usage(out.parent).free
    if size > free:
        raise DiskError(f"{out} needs {size:,} bytes and {free:,} are free there; ask for fewer images.")
    unfinished = out.with_name(f".{out.name}.unfinished")
    try:
        array = np.lib.format.open_memmap(unfinished, "w+", np.uint8, shape)
        start = 0
        for chunk in chunks:
            array[start : start + len(chunk)] = chunk
            start += len(chunk)
        array.flush()
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_folder(out: Path, num: int, generator: "Generator", chunks: Iterable[np.ndarray]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise UsageError(
            f"--out {out} is not empty, and new images would mix with those there; give a new folder, or empty this "
            "one first."
        )
    number = 0
    for chunk in chunks:
        for pixels in chunk:
            (out / f"{number:06}.png").write_bytes(png(to_pillow(pixels), SAMPLE_SOFTWARE))
            number += 1
