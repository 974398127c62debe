"""`gansmith sample`."""

import re
from pathlib import Path
from typing import Annotated

from tyro.conf import UseAppendAction

import gansmith
from gansmith.cli.console import progress_bar
from gansmith.cli.options import Device, Runs, WhichRun, check_checkpoint_name, option
from gansmith.cli.output import print_lines, print_notes, write_error
from gansmith.errors import UsageError
from gansmith.runs.run import find_run

DEFAULT_NUM = 64
"""Number of images."""
DEFAULT_FRAMES = 24
"""Frames from one image of an interpolation to the next."""


def sample(
    run: WhichRun,
    out: Annotated[str, option("file or folder to write", metavar="FILE.png|.npy|.gif|.webp|FOLDER")],
    num: Annotated[int | None, option(f"number of images; default {DEFAULT_NUM}", aliases=["-n"], metavar="N")] = None,
    seed: Annotated[int, option("image i depends only on the seed and i", metavar="S")] = 0,
    truncation: Annotated[
        float, option("factor on the latents; below 1 images are more typical and less diverse", metavar="PSI")
    ] = 1.0,
    interpolate: Annotated[
        str | None,
        option(
            "interpolate between these sample numbers and back; .gif/.webp is animated, .png has one row per segment",
            metavar="I,J,...",
        ),
    ] = None,
    frames: Annotated[
        int | None, option(f"frames per segment of --interpolate; default {DEFAULT_FRAMES}", metavar="N")
    ] = None,
    checkpoint: Annotated[str, option("checkpoint of the run", metavar="last|best|STEP")] = "last",
    classes: Annotated[
        UseAppendAction[tuple[str, ...]],
        option(
            "class to sample, if the run is conditional; repeated, classes take turns; default all, in the shares of "
            "the training images",
            name="class",
            metavar="NAME",
        ),
    ] = (),
    runs: Runs = None,
    device: Device = "auto",
) -> None:
    """Sample images from a run's generator: as one grid, an array uint8 (N, H, W, C), or one PNG file per image.

    With --interpolate, the images are the frames of an interpolation in latent space, which .gif and .webp animate.
    The weights are the EMA of the generator, if the run keeps one.
    """
    if seed < 0:
        raise UsageError(f"--seed {seed}: seeds are 0 or more.")
    if not 0 < truncation <= 1:
        raise UsageError(f"--truncation {truncation}: give more than 0 and at most 1, which leaves the latents as is.")
    path = _parse_interpolation(interpolate, num, frames)
    if frames is None:
        frames = DEFAULT_FRAMES
    if frames < 1:
        raise UsageError(f"--frames {frames}: give at least 1.")
    total = len(path) * frames or (DEFAULT_NUM if num is None else num)
    if total < 1:
        raise UsageError(f"-n {num}: give at least 1.")
    from gansmith.cli.sample_files import report_sampling, writer_for  # imports numpy

    write = writer_for(out, total, frames if path else None, len(classes))
    found = find_run(run, runs)
    check_checkpoint_name(checkpoint)
    from gansmith.generation.generator import Draws  # imports torch

    generator = gansmith.load(found, checkpoint, device)
    print_notes(generator.notes)
    if path:
        chunks = generator.interpolate(path, frames, seed, truncation, classes)
    else:
        labels = generator.labels(total, classes)
        if labels is not None and generator.classes:
            print_notes([f"classes: {generator.classes.describe(labels)}"])
        chunks = generator.sample_chunks(total, Draws(seed=seed, truncation=truncation), labels)
    with progress_bar() as bar, write_error(out):
        write(Path(out), total, generator, report_sampling(chunks, total, bar.count))
    print_lines([str(Path(out))])


def _parse_interpolation(interpolate: str | None, num: int | None, frames: int | None) -> tuple[int, ...]:
    """The numbers of the samples on the path, which returns to the first; none without --interpolate.

    Raises UsageError for values that cannot be used or have no effect.
    """
    if interpolate is None:
        if frames is not None:
            raise UsageError(f"--frames {frames} has no effect without --interpolate, which names the images.")
        return ()
    if num is not None:
        raise UsageError(f"-n {num} has no effect with --interpolate; --frames is the number of images per segment.")
    if not re.fullmatch(r"[0-9]{1,15}(,[0-9]{1,15})+", interpolate):
        raise UsageError(
            f"--interpolate {interpolate[:80]!r}: give the numbers of two images or more, from 0 to "
            "999,999,999,999,999, such as 0,7,12."
        )
    numbers = tuple(int(number) for number in interpolate.split(","))
    for number, following in zip(numbers, numbers[1:] + numbers[:1], strict=True):
        if number == following:
            raise UsageError(
                f"--interpolate {interpolate[:80]}: image {number} follows itself; give neighbours that differ, and "
                "do not repeat the first at the end, since the path returns to it."
            )
    return numbers
