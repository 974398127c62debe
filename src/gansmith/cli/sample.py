"""`gansmith sample`."""

import re
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import UseAppendAction

from gansmith.cli.options import Device, Runs, WhichRun, call, check_has_checkpoint, option
from gansmith.errors import DiskError, UsageError
from gansmith.runs.run import default_root, find_run, write_atomically

if TYPE_CHECKING:
    import numpy as np

    from gansmith.generation.generator import TrainedGenerator

NUM = 64
"""Images unless something else is asked for."""

FRAMES, MILLISECONDS = 24, 50
"""Of a walk: images from one to the next unless something else is asked for, and how long each is shown."""

FORMS = "FILE.png, FILE.npy or a folder's name, or for a walk FILE.gif or FILE.webp"
"""What --out may be."""

GRID_LIMIT = 4096
"""Images on one sheet, at most: more belong into a .npy file or a folder."""


def main(arguments: Sequence[str]) -> None:
    """Read the options and make images."""
    call(sample, "gansmith sample", arguments)


def sample(
    run: WhichRun,
    out: Annotated[str, option("where the images go, and in which form", metavar="FILE.png|.npy|.gif|.webp|FOLDER")],
    num: Annotated[int | None, option(f"number of images; default {NUM}", aliases=["-n"], metavar="N")] = None,
    seed: Annotated[int, option("image i depends on the seed and on i only", metavar="S")] = 0,
    truncation: Annotated[
        float, option("multiply the latents: below 1 fewer kinds of images, and fewer odd ones", metavar="PSI")
    ] = 1.0,
    interpolate: Annotated[
        str | None,
        option(
            "walk from image to image of this seed and back to the first; moving, or a row a leg", metavar="I,J,..."
        ),
    ] = None,
    frames: Annotated[
        int | None, option(f"images from one to the next of the walk; default {FRAMES}", metavar="N")
    ] = None,
    checkpoint: Annotated[str, option("which state of the run", metavar="last|best|STEP")] = "last",
    classes: Annotated[
        UseAppendAction[tuple[str, ...]],
        option(
            "which class, of a run trained with labels; may be repeated, then they come in turn; default all of "
            "them, in the shares of the training images",
            name="class",
            metavar="NAME",
        ),
    ] = (),
    runs: Runs = None,
    device: Device = "auto",
) -> None:
    """Make images with a run's generator: one sheet, an array uint8 (N, H, W, C), or a PNG file each.

    With --interpolate they are the frames of a walk, and may be one that moves: .gif, or .webp, which loses nothing.
    """
    if seed < 0:
        raise UsageError(f"--seed {seed}: seeds are 0 or more.")
    if not 0 < truncation <= 1:
        raise UsageError(
            f"--truncation {truncation}: it is above 0 and at most 1, which leaves the latents as they are."
        )
    walk = _walk(interpolate, num, frames)
    total = len(walk.numbers) * walk.frames if walk else NUM if num is None else num
    if total < 1:
        raise UsageError(f"-n {num}: at least one image must be asked for.")
    if not out:
        raise UsageError(f"--out {out!r} names nothing; give {FORMS}.")
    place = Path(out)
    write = _writer(place, total, walk, len(classes))
    found = find_run(run, runs or default_root())
    check_has_checkpoint(checkpoint)
    from gansmith.cli.console import progress_bar
    from gansmith.generation.generator import load

    generator = load(found, checkpoint, device)
    for note in generator.checkpoint.notes():
        sys.stderr.write(f"{note}\n")
    if walk:
        images = generator.walk(walk.numbers, walk.frames, seed, truncation, generator.only_class(classes))
    else:
        labels = generator.labels(total, classes)
        if labels is not None and generator.classes:
            sys.stderr.write(f"classes: {generator.classes.describe(labels)}\n")
        images = generator.chunks(total, seed, truncation, labels)
    with progress_bar("sampling", total) as bar:

        def counted() -> Iterable["np.ndarray"]:
            for chunk in images:
                yield chunk
                bar.advance(bar.task_ids[0], len(chunk))

        try:
            write(place, total, generator, counted())
        except OSError as error:
            raise DiskError(f"{place} cannot be written: {error.strerror or error}.") from error
    sys.stdout.write(f"{place}\n")


@dataclass(frozen=True, kw_only=True, slots=True)
class Walk:
    """What --interpolate and --frames ask for."""

    numbers: tuple[int, ...]
    frames: int


def _walk(interpolate: str | None, num: int | None, frames: int | None) -> Walk | None:
    """The walk that is asked for, if one is. Raises UsageError for one that cannot be, and for what has no effect."""
    if interpolate is None:
        if frames is not None:
            raise UsageError(f"--frames {frames} has no effect without --interpolate, which names the images.")
        return None
    if num is not None:
        raise UsageError(f"-n {num} has no effect with --interpolate; --frames is the number of images for each leg.")
    if not re.fullmatch(r"[0-9]{1,15}(,[0-9]{1,15})+", interpolate):
        raise UsageError(
            f"--interpolate {interpolate[:80]!r}: give the numbers of two images or more, from 0 to "
            "999,999,999,999,999, such as 0,7,12."
        )
    numbers = tuple(int(number) for number in interpolate.split(","))
    for number, following in zip(numbers, numbers[1:] + numbers[:1], strict=True):
        if number == following:
            raise UsageError(
                f"--interpolate {interpolate[:80]}: from image {number} to itself there is no way; "
                "name neighbours that differ, and the first not again at the end: the walk returns to it."
            )
    frames = FRAMES if frames is None else frames
    if frames < 1:
        raise UsageError(f"--frames {frames}: at least one image must be asked for.")
    return Walk(numbers=numbers, frames=frames)


Writer = Callable[[Path, int, "TrainedGenerator", Iterable["np.ndarray"]], None]


def _writer(out: Path, num: int, walk: Walk | None, num_classes: int) -> Writer:
    """How to write what `out` names, with so many classes asked for. Raises UsageError for a suffix without meaning."""
    from gansmith.viz.animation import SUFFIXES

    suffix = out.suffix.lower()
    if suffix == ".png":
        if num > GRID_LIMIT:
            raise UsageError(
                f"{num:,} images do not fit one sheet (limit {GRID_LIMIT:,}); give a .npy file or a folder."
            )
        return partial(_write_strip, walk) if walk else partial(_write_grid, num_classes)
    if suffix == ".npy":
        return _write_array
    if suffix in SUFFIXES:
        if not walk:
            raise UsageError(f"--out {out}: what moves is a walk between images; say which by --interpolate.")
        return _write_animation
    if out.suffix and not out.is_dir():
        raise UsageError(f"--out {out}: unknown suffix {out.suffix!r}; give {FORMS}.")
    return _write_folder


def _write_strip(
    walk: Walk, out: Path, num: int, generator: "TrainedGenerator", chunks: Iterable["np.ndarray"]
) -> None:
    """A row a leg, with the image at its end, which begins the next."""
    import numpy as np

    from gansmith.viz.grids import grid, png

    out.parent.mkdir(parents=True, exist_ok=True)
    rows = [(start + place) % num for start in range(0, num, walk.frames) for place in range(walk.frames + 1)]
    write_atomically(out, png(grid(np.concatenate(list(chunks))[rows], walk.frames + 1)))


def _write_animation(out: Path, num: int, generator: "TrainedGenerator", chunks: Iterable["np.ndarray"]) -> None:
    from gansmith.viz.animation import ANIMATION_SIDE, MOST_PIXELS, animation
    from gansmith.viz.grids import enlarged, enlargement, to_pillow

    data = generator.recipe.data
    zoom = enlargement(data.height, data.width, ANIMATION_SIDE)
    most = MOST_PIXELS // (data.height * data.width * zoom**2)
    if num > most:
        raise UsageError(
            f"--out {out}: {num:,} frames of {data.height * zoom}x{data.width * zoom} are too many to move (limit "
            f"{most:,}); give a smaller --frames, a .npy file or a folder."
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    frames = [to_pillow(enlarged(pixels, zoom)) for chunk in chunks for pixels in chunk]
    write_atomically(out, animation(frames, [MILLISECONDS] * num, out.suffix))


def _write_grid(
    num_classes: int, out: Path, num: int, generator: "TrainedGenerator", chunks: Iterable["np.ndarray"]
) -> None:
    import numpy as np

    from gansmith.viz.grids import grid, png

    out.parent.mkdir(parents=True, exist_ok=True)
    in_turn = num_classes or (len(generator.classes.names) if generator.classes else 1)
    columns = _columns(num, in_turn, generator.recipe.grid.columns)
    write_atomically(out, png(grid(np.concatenate(list(chunks)), columns)))


def _columns(num: int, in_turn: int, usual: int) -> int:
    """As many as usual where that fills every row, or about as many as rows; classes in turn keep to their columns."""
    square = round(num**0.5) or 1
    if in_turn > 2 * square:
        in_turn = 1
    return usual if num % usual == 0 == usual % in_turn else in_turn * (round(square / in_turn) or 1)


def _write_array(out: Path, num: int, generator: "TrainedGenerator", chunks: Iterable["np.ndarray"]) -> None:
    import numpy as np

    data = generator.recipe.data
    shape = (num, data.height, data.width, data.channels)
    out.parent.mkdir(parents=True, exist_ok=True)
    needed, free = num * data.height * data.width * data.channels, shutil.disk_usage(out.parent).free
    if needed > free:
        raise DiskError(f"{out} needs {needed:,} bytes and {free:,} are free there; ask for fewer images.")
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


def _write_folder(out: Path, num: int, generator: "TrainedGenerator", chunks: Iterable["np.ndarray"]) -> None:
    from gansmith.viz.grids import png, to_pillow

    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise UsageError(
            f"--out {out} is not empty, and images made now would mix with what is there; give a new folder, or "
            "empty this one first."
        )
    number = 0
    for chunk in chunks:
        for pixels in chunk:
            (out / f"{number:06}.png").write_bytes(png(to_pillow(pixels)))
            number += 1
