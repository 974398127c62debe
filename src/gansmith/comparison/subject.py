"""What is evaluated and against which real images: a run and its own dataset, or other images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gansmith.data.dataset import Access, Request, open_dataset
from gansmith.data.datasets.catalog import Split
from gansmith.data.formats.image_array import as_image_array
from gansmith.data.paths import open_path
from gansmith.engine import DeviceChoice
from gansmith.errors import DataError, UsageError
from gansmith.evaluation.against import ReferenceImages, num_shared, other_images, own_images
from gansmith.evaluation.inputs import ImageSet, check_same_shape, first_shape, image_set, read_images, read_whole
from gansmith.evaluation.measure import named
from gansmith.evaluation.published import stored_weights
from gansmith.evaluation.reference import Progress
from gansmith.features.extractor import Extractor
from gansmith.features.networks import default_extractor, load_extractor
from gansmith.generation.generator import Draws, load
from gansmith.runs.run import Run
from gansmith.sessions.changes import was_trained_on
from gansmith.text import printable

MOST_IMAGES = 10_000
"""Images that are measured unless a number is given."""
MakeImages = Callable[[int, int, Progress | None], np.ndarray]
"""`(num, seed, progress) -> images`, uint8 (num, H, W, C)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """A generator or a set of images, and what it is compared with."""

    title: str
    images: MakeImages
    most: int | None
    """Number of images in the set; None for a generator, which makes any number."""
    real: ImageSet
    train: ImageSet | None
    """The training images, if they are known."""
    notes: tuple[str, ...]
    weights: str = "unknown"
    step: int | None = None

    def num_images(self, asked: int | None) -> int:
        """Number of images to measure. Raises UsageError when `asked` is below 1 or more than there are."""
        if asked is None:
            return min(MOST_IMAGES, len(self.real), self.most or MOST_IMAGES)
        if asked < 1:
            raise UsageError(f"-n {asked}: at least one image must be measured.")
        if self.most is not None and asked > self.most:
            raise UsageError(f"-n {asked:,}: {self.title} holds {self.most:,} images; leave out -n to take them all.")
        return asked


def metric_names(metrics: Sequence[str] | str) -> list[str]:
    """The metrics of "fd,kid" or ["fd", "kid"], in the table's order. Raises UsageError for an unknown one."""
    return named([name.strip() for name in (metrics.split(",") if isinstance(metrics, str) else metrics)])


def extractor_for(real: ImageSet, name: str, weights: Path | None) -> Extractor:
    """The feature network of this name; for "auto" the dataset's own network, if it takes images of these channels."""
    height, width, channels = real.shape
    if name != "auto":
        weights = stored_weights(name, weights)
        return load_extractor(name, channels=channels, height=height, width=width, weights=weights)
    if weights is not None:
        raise UsageError(f"--weights {weights} goes with --features inception or dinov2; name one.")
    return default_extractor(real.name, channels=channels, height=height, width=width)


def subject_of_images(given: Path | np.ndarray, against: str | None, split: Split | None, access: Access) -> Subject:
    """Images in an array, a .npy file, a folder or a packed dataset. Raises UsageError and DataError."""
    title = title_of(given)
    if against is None:
        raise UsageError(
            f"{title} is no run, and does not say what its images are of; give --against with a known dataset or "
            "the real images' path."
        )
    images = read_whole(given) if isinstance(given, Path) else _checked_array(given)
    if images:
        both = other_images(against, split, images.shape[:2], access)
        check_same_shape(title, images.shape, both.real)
    else:
        assert isinstance(given, Path)
        with open_path(given) as source:
            height, width, _ = first_shape(source)
            both = other_images(against, split, (height, width), access)
            check_same_shape(title, (height, width, both.real.shape[2]), both.real)
            images = read_images(source, both.real.shape)
    pixels = images.images
    return Subject(
        title=title,
        images=lambda num, seed, progress: pixels[:num],
        most=len(images),
        real=both.real,
        train=both.train,
        notes=(*images.notes, *_notes_on(both)),
    )


def subject_of_run(
    run: Run, checkpoint: str, device: DeviceChoice, against: str | None, split: Split | None, access: Access
) -> Subject:
    """A run's generator, compared with the run's own dataset unless another one is given. Raises GansmithError."""
    generator = load(run, checkpoint, device)
    recipe, step = generator.recipe, generator.step
    data, weights = recipe.data, "average" if recipe.ema_half_life else "raw"
    trained_on = Request(
        name=data.name,
        split=data.split,
        shape=data.shape,
        skip=data.skip,
        limit=data.limit,
        labelled=data.num_classes > 0,
    )
    if against:
        other = other_images(against, split, data.shape, access)
        check_same_shape(str(run.path), (data.height, data.width, data.channels), other.real)
        train, missing = _training_images(trained_on, access)
        both = ReferenceImages(real=other.real, train=train)
    else:
        both, missing = own_images(trained_on, split, access), []
    changed = both.train is not None and not was_trained_on(run, open_dataset(trained_on, access))

    def images(num: int, seed: int, progress: Progress | None) -> np.ndarray:
        made = np.empty((num, data.height, data.width, data.channels), np.uint8)
        start = 0
        for chunk in generator.sample_chunks(num, Draws(seed=seed), generator.labels(num)):
            made[start : start + len(chunk)] = chunk
            start += len(chunk)
            if progress:
                progress("sampling", start, num)
        return made

    return Subject(
        title=f"{run.path}, step {step:,}, {'EMA' if weights == 'average' else 'raw'} weights",
        images=images,
        most=None,
        real=both.real,
        train=both.train,
        notes=(*generator.notes, *missing, *_notes_on(both), *_notes_on_training(both, changed)),
        weights=weights,
        step=step,
    )


def title_of(images: Path | np.ndarray) -> str:
    """What images are called in messages."""
    return printable(str(images)) if isinstance(images, Path) else "the array"


def _checked_array(images: np.ndarray) -> ImageSet:
    found = as_image_array(images, title_of(images))
    return image_set(found if found.ndim == 4 else found[..., None], title_of(images))


def _notes_on(both: ReferenceImages) -> list[str]:
    return list(dict.fromkeys([*both.real.notes, *(both.train.notes if both.train else ())]))


def _training_images(trained_on: Request, access: Access) -> tuple[ImageSet | None, list[str]]:
    """The training images; or None and a note, when they are not on this machine any more."""
    try:
        return own_images(trained_on, None, access).train, []
    except DataError as error:
        return None, [f"copies of training images cannot be looked for: {error}"]


def _notes_on_training(both: ReferenceImages, changed: bool) -> list[str]:
    """Notes on real images that were trained on, and on training images that have `changed` since."""
    real, train = both.real, both.train
    if train is None:
        return []
    if changed:
        return [f"{train.name} has changed since the training: copies of images that it held then are not found"]
    if train.sha256 == real.sha256:
        return [f"{real.name} ({real.split}) is what was trained on: a generator that copies it would look perfect"]
    shared = num_shared(real, train)
    return [f"{shared:,} of the {len(real):,} real images are also training images (equal pixels)"] if shared else []
