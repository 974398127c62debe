"""What `gansmith evaluate` evaluates, and against which images: a run's own, or those that are named."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gansmith.cli.console import Lines
from gansmith.cli.options import run_or_images
from gansmith.data.dataset import Access, Request, open_dataset
from gansmith.data.locate import Split
from gansmith.data.sources import open_source, shown
from gansmith.engine import DeviceChoice
from gansmith.errors import DataError, UsageError
from gansmith.evaluation.against import Both, num_shared, other_images, own_images
from gansmith.evaluation.inputs import ImageSet, check_same_shape, first_shape, read_images, read_whole
from gansmith.evaluation.reference import Progress
from gansmith.features.extract import Extractor, extractor, suiting
from gansmith.generation.generator import Draws, Generator, load
from gansmith.runs.run import Run
from gansmith.sessions.changes import was_trained_on
from gansmith.training.datasets import access_for

NUM = 10_000
"""Images, where neither -n nor the reference says otherwise."""

Images = Callable[[int, int, Progress], np.ndarray]
"""So many images uint8 (N, H, W, C) of a seed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluated:
    """A generator or images, what they are compared with, and what should be known of it."""

    title: str
    images: Images
    most: int | None
    """How many there are; None for any number."""
    real: ImageSet
    train: ImageSet | None
    notes: tuple[str, ...]
    weights: str = "unknown"
    step: int | None = None


def find(
    what: str,
    against: str | None,
    split: Split | None,
    checkpoint: str | None,
    runs: Path | None,
    device: DeviceChoice,
    offline: bool,
) -> Evaluated:
    """What the command line names; a path that is there and is no run is images. Raises UsageError and DataError."""
    access, given = access_for(Lines(), offline, allow_dropped=True), run_or_images(what, runs)
    if isinstance(given, Path):
        for name, value in (("--checkpoint", checkpoint), ("--runs", runs), ("--device", device)):
            if value not in (None, "auto"):
                raise UsageError(f"{name} {value} goes with a run, and {shown(str(given))} is none; leave it out.")
        return _images(given, against, split, access)
    generator = load(given, checkpoint or "last", device)
    return _run(given, generator, against, split, access)


def count(asked: int | None, found: Evaluated) -> int:
    """How many images are measured. Raises UsageError for more than there are, or none."""
    if asked is None:
        return min(NUM, len(found.real), found.most or NUM)
    if asked < 1:
        raise UsageError(f"-n {asked}: at least one image must be measured.")
    if found.most is not None and asked > found.most:
        raise UsageError(f"-n {asked:,}: {found.title} holds {found.most:,} images; leave out -n to take them all.")
    return asked


def extractor_for(real: ImageSet, name: str, weights: Path | None) -> Extractor:
    """The features of this name for these images; "auto" is the set's own network where that sees their channels."""
    height, width, channels = real.shape
    if name != "auto":
        return extractor(name, channels=channels, height=height, width=width, weights=weights)
    if weights is not None:
        raise UsageError(f"--weights {weights} goes with --features inception or dinov2; name one.")
    return suiting(real.name, channels=channels, height=height, width=width)


def _images(path: Path, against: str | None, split: Split | None, access: Access) -> Evaluated:
    if against is None:
        raise UsageError(
            f"{shown(str(path))} is no run, and does not say what its images are of; give --against with a known "
            "set's name or the real images' path."
        )
    title = shown(str(path))
    if given := read_whole(path):
        both = other_images(against, split, given.shape[:2], access)
        check_same_shape(title, given.shape, both.real)
    else:
        with open_source(path) as source:
            height, width, _ = first_shape(source)
            both = other_images(against, split, (height, width), access)
            check_same_shape(title, (height, width, both.real.shape[2]), both.real)
            given = read_images(source, both.real.shape)
    images = given.images
    return Evaluated(
        title=title,
        images=lambda num, seed, progress: images[:num],
        most=len(given),
        real=both.real,
        train=both.train,
        notes=(*given.notes, *_notes(both)),
    )


def _run(run: Run, generator: Generator, against: str | None, split: Split | None, access: Access) -> Evaluated:
    recipe, step = generator.recipe, generator.step
    data, weights = recipe.data, "average" if recipe.ema_half_life else "raw"
    trained_on = Request(name=data.name, split=data.split, shape=data.shape, skip=data.skip, limit=data.limit)
    if against:
        other = other_images(against, split, data.shape, access)
        check_same_shape(str(run.path), (data.height, data.width, data.channels), other.real)
        own, lost = _training_images(trained_on, access)
        both = Both(real=other.real, train=own)
    else:
        both, lost = own_images(trained_on, split, access), []

    changed = both.train is not None and not was_trained_on(run, open_dataset(trained_on, access))

    def images(num: int, seed: int, progress: Progress) -> np.ndarray:
        made = np.empty((num, data.height, data.width, data.channels), np.uint8)
        start = 0
        for chunk in generator.sample_chunks(num, Draws(seed=seed), generator.labels(num)):
            made[start : start + len(chunk)] = chunk
            start += len(chunk)
            progress("sampling", start, num)
        return made

    return Evaluated(
        title=f"{run.path}, step {step:,}, {'averaged' if weights == 'average' else 'raw'} weights",
        images=images,
        most=None,
        real=both.real,
        train=both.train,
        notes=(*generator.notes, *lost, *_notes(both), *_of_training(both, changed)),
        weights=weights,
        step=step,
    )


def _notes(both: Both) -> list[str]:
    """What should be known of the images on the real side."""
    return list(dict.fromkeys([*both.real.notes, *(both.train.notes if both.train else ())]))


def _training_images(trained_on: Request, access: Access) -> tuple[ImageSet | None, list[str]]:
    """Those that copies are looked for among; or none, and why, where they are not to be had any more."""
    try:
        return own_images(trained_on, None, access).train, []
    except DataError as error:
        return None, [f"copies are not looked for, without the images trained on: {error}"]


def _of_training(both: Both, changed: bool) -> list[str]:
    """What should be known of real images that are not kept out of the training; `changed` ones are others now."""
    real, train = both.real, both.train
    if train is None:
        return []
    if changed:
        return [f"{train.name} has changed since the training: what it held then and does not now is not looked for"]
    if train.sha256 == real.sha256:
        return [f"{real.name} ({real.split}) is what was trained on: a generator that copies it would look perfect"]
    shared = num_shared(real, train)
    return [f"{shared:,} of the {len(real):,} real images are, to the pixel, among those trained on"] if shared else []
