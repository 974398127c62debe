"""`gansmith sample`."""

import re
from pathlib import Path
from typing import Annotated

from tyro.conf import UseAppendAction

import gansmith
from gansmith.cli.console import progress_bar
from gansmith.cli.options import Device, Runs, WhichRun, check_checkpoint_name, option
from gansmith.cli.output import free_file, print_lines, print_notes, write_error
from gansmith.errors import UsageError
from gansmith.generation.limits import check_frames, check_num, check_path, check_seed, check_truncation
from gansmith.runs.run import find_run

DEFAULT_NUM = 64
"""Number of images."""
NUMBER = "[0-9]{1,15}"
"""Pattern of an image's number."""
DEFAULT_FRAMES = 24
"""Frames from one image of an interpolation to the next."""


def sample(
    run: WhichRun,
    out: Annotated[
        str | None,
        option(
            "file or folder to write; .mp4 needs the extra video; default: RUN-samples.png in the current folder, or "
            "RUN-interpolation.gif",
            metavar="FILE.png|.jpg|.npy|.gif|.webp|.mp4|FOLDER",
        ),
    ] = None,
    num: Annotated[int | None, option(f"number of images; default {DEFAULT_NUM}", aliases=["-n"], metavar="N")] = None,
    seed: Annotated[int, option("image i depends only on the seed and i", metavar="S")] = 0,
    truncation: Annotated[
        float, option("factor on the latents; below 1 images are more typical and less diverse", metavar="PSI")
    ] = 1.0,
    interpolate: Annotated[
        str | None,
        option(
            "interpolate between these sample numbers and back; .gif, .webp and .mp4 are animated, .png and .jpg have "
            "one row per segment",
            metavar="I,J,...",
        ),
    ] = None,
    pick: Annotated[
        str | None,
        option("write only the images of these numbers, of the -n there are", metavar="I,J,..."),
    ] = None,
    numbers: Annotated[bool, option("write the number of each image below it, in a .png or .jpg grid")] = False,
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

    With --interpolate, the images are the frames of an interpolation in latent space. To pick images by eye, write a
    grid with --numbers; --pick then writes those you name, and --interpolate goes from one to the next.

    The weights are the EMA of the generator, if the run keeps one.
    """
    check_seed(seed)
    check_truncation(truncation)
    path = _parse_interpolation(interpolate, num, frames)
    if frames is None:
        frames = DEFAULT_FRAMES
    check_frames(frames)
    total = len(path) * frames or (DEFAULT_NUM if num is None else num)
    check_num(total)
    picked = _parse_picked(pick, total, interpolate)
    found = find_run(run, runs)
    out = free_file(found, *(("interpolation", ".gif") if path else ("samples", ".png"))) if out is None else out
    from gansmith.cli.sample_files import Images, report_sampling, writer_for  # imports numpy

    images = Images(numbers=picked or range(total), frames=frames if path else None, num_classes=len(classes))
    write = writer_for(out, images, numbers)
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
        sampled = report_sampling(chunks, total, bar.count)
        write(Path(out), images, generator, images.chosen(sampled) if picked else sampled)
    print_lines([str(Path(out))])


def _parse_picked(pick: str | None, total: int, interpolate: str | None) -> tuple[int, ...]:
    """The numbers of --pick, each below `total`; none without it. Raises UsageError."""
    if pick is None:
        return ()
    if interpolate is not None:
        raise UsageError(f"--pick {pick[:80]} has no effect with --interpolate, which names images itself.")
    if not re.fullmatch(rf"{NUMBER}(,{NUMBER})*", pick):
        raise UsageError(f"--pick {pick[:80]!r}: give the numbers of images, such as 3,17,42.")
    numbers = tuple(int(number) for number in pick.split(","))
    if (largest := max(numbers)) >= total:
        raise UsageError(
            f"--pick {pick[:80]}: there are images 0 to {total - 1:,}; for number {largest:,} add -n {largest + 1}."
        )
    if repeated := [number for number in numbers if numbers.count(number) > 1]:
        raise UsageError(f"--pick {pick[:80]}: number {repeated[0]} is given twice.")
    return numbers


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
    if not re.fullmatch(rf"{NUMBER}(,{NUMBER})+", interpolate):
        raise UsageError(
            f"--interpolate {interpolate[:80]!r}: give the numbers of two images or more, from 0 to "
            "999,999,999,999,999, such as 0,7,12."
        )
    numbers = tuple(int(number) for number in interpolate.split(","))
    check_path(numbers)
    return numbers
