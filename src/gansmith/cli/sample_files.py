"""The files that `gansmith sample` writes: a grid, rows of an interpolation, an animation, an array, or a folder."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from gansmith.data.archives.names import GRID_SOFTWARE, SAMPLE_SOFTWARE
from gansmith.errors import DiskError, UsageError
from gansmith.runs.run import write_atomically
from gansmith.viz.animation import ANIMATION_SIDE, MOST_PIXELS, SUFFIXES, animation, check_animation
from gansmith.viz.grids import enlarged, enlargement, grid, jpeg, png, to_pillow
from gansmith.viz.numbered import numbered_grid

if TYPE_CHECKING:
    from gansmith.generation.generator import Generator

FORMS = "FILE.png, FILE.jpg, FILE.npy or a folder's name, or with --interpolate FILE.gif, FILE.webp or FILE.mp4"
"""What --out can be."""
MOST_IN_A_GRID = 4096
"""Images of one grid, at most."""
FRAME_MILLISECONDS = 50
"""Time that a frame of an animation is shown."""
STILLS = (".png", ".jpg", ".jpeg")
"""The file types of a grid."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Images:
    """The images that are written: their numbers, and what their places in a grid depend on."""

    numbers: Sequence[int]
    frames: int | None
    """Images per segment of an interpolation; None for separate images."""
    num_classes: int
    """Number of classes that were named, which take turns."""

    def __len__(self) -> int:
        return len(self.numbers)

    def chosen(self, chunks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """The images of these numbers, in their order, as one chunk; the chunks hold images 0, 1, 2, ..."""
        found, start = {}, 0
        for chunk in chunks:
            found |= {number: chunk[number - start] for number in self.numbers if 0 <= number - start < len(chunk)}
            start += len(chunk)
        yield np.stack([found[number] for number in self.numbers])


Writer = Callable[[Path, Images, "Generator", Iterable[np.ndarray]], None]
"""`(out, images, generator, chunks)`, where the chunks uint8 (n, H, W, C) hold all images."""


def writer_for(out: str, images: Images, numbered: bool) -> Writer:
    """The writer for this --out; `numbered` asks for the number of each image below it.

    Raises UsageError for an unknown suffix, for more images than fit, and for numbers where there is no place for them,
    and MissingExtraError when a package for the file type is not installed.
    """
    if not out:
        raise UsageError(f"--out {out!r} names nothing; give {FORMS}.")
    path, num = Path(out), len(images)
    suffix = path.suffix.lower()
    if numbered and (images.frames or suffix not in STILLS):
        raise UsageError("--numbers has an effect on a grid only, FILE.png or FILE.jpg without --interpolate.")
    if suffix in STILLS:
        if num > MOST_IN_A_GRID:
            raise UsageError(
                f"{num:,} images do not fit one grid (limit {MOST_IN_A_GRID:,}); give a .npy file or a folder."
            )
        return _write_segments if images.frames else _write_numbered_grid if numbered else _write_grid
    if suffix == ".npy":
        return _write_array
    if suffix in SUFFIXES:
        if not images.frames:
            raise UsageError(f"--out {path}: an animation needs --interpolate with the numbers of images.")
        check_animation(suffix)
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


def _write_still(out: Path, image: Image.Image) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, png(image, GRID_SOFTWARE) if out.suffix.lower() == ".png" else jpeg(image))


def _write_segments(out: Path, images: Images, generator: "Generator", chunks: Iterable[np.ndarray]) -> None:
    """One row per segment, which ends with the first image of the next one."""
    num, frames = len(images), images.frames or 1
    order = [(start + frame) % num for start in range(0, num, frames) for frame in range(frames + 1)]
    _write_still(out, grid(np.concatenate(list(chunks))[order], frames + 1))


def _write_animation(out: Path, images: Images, generator: "Generator", chunks: Iterable[np.ndarray]) -> None:
    data, num = generator.recipe.data, len(images)
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


def _write_grid(out: Path, images: Images, generator: "Generator", chunks: Iterable[np.ndarray]) -> None:
    _write_still(out, grid(np.concatenate(list(chunks)), _columns_for(images, generator)))


def _write_numbered_grid(out: Path, images: Images, generator: "Generator", chunks: Iterable[np.ndarray]) -> None:
    pixels, columns = np.concatenate(list(chunks)), _columns_for(images, generator)
    _write_still(out, numbered_grid(pixels, images.numbers, columns))


def _columns_for(images: Images, generator: "Generator") -> int:
    in_turn = images.num_classes or (len(generator.classes.names) if generator.classes else 1)
    return _num_columns(len(images), in_turn, generator.recipe.grid.columns)


def _num_columns(num: int, in_turn: int, usual: int) -> int:
    """The usual number if it fills every row, else about a square; classes in turn keep their columns."""
    square = round(num**0.5) or 1
    if in_turn > 2 * square:
        in_turn = 1
    if num % usual == 0 and usual % in_turn == 0:
        return usual
    return in_turn * (round(square / in_turn) or 1)


def _write_array(out: Path, images: Images, generator: "Generator", chunks: Iterable[np.ndarray]) -> None:
    data, num = generator.recipe.data, len(images)
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


def _write_folder(out: Path, images: Images, generator: "Generator", chunks: Iterable[np.ndarray]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise UsageError(
            f"--out {out} is not empty, and new images would mix with those there; give a new folder, or empty this "
            "one first."
        )
    numbers = iter(images.numbers)
    for chunk in chunks:
        for pixels in chunk:
            (out / f"{next(numbers):06}.png").write_bytes(png(to_pillow(pixels), SAMPLE_SOFTWARE))
