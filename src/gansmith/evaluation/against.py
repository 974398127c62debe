"""Which real images are measured against: a set's test split where it has one, and what belongs to it as training."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gansmith.data.dataset import Access, Request, open_dataset
from gansmith.data.datasets.catalog import SETS, Split
from gansmith.data.images.resize import ImageShape
from gansmith.data.selection import parse_name
from gansmith.data.sources import find_source
from gansmith.errors import DataError
from gansmith.evaluation.inputs import ImageSet, check_same_size, first_shape, of_dataset, read_images, read_whole
from gansmith.evaluation.reference import MOST_REAL, MOST_TRAINED_ON


@dataclass(frozen=True, kw_only=True, slots=True)
class Both:
    """The real images, and those trained on, or taken for it; None where nobody can know them."""

    real: ImageSet
    train: ImageSet | None


def splits_of(name: str) -> tuple[str, ...]:
    """The splits of a known set, or of a folder that holds the files of one; ("train",) for all other images."""
    plain = parse_name(name).name
    if plain in SETS:
        return SETS[plain].splits
    try:
        find_source(plain, "test", offline=True)
    except DataError:
        return ("train",)
    return ("train", "test")


def final_split(name: str, trained_on: Split = "train") -> Split:
    """The split that final numbers are of: test, where the set has one and the training kept off it."""
    return "test" if "test" in splits_of(name) and trained_on not in ("test", "both") else trained_on


def own_images(trained_on: Request, split: Split | None, access: Access) -> Both:
    """What a run's images are measured against where nothing else is said: its own set, or a split of it."""
    split = split or final_split(trained_on.name, trained_on.split)
    if split == trained_on.split:
        real = _opened(trained_on, access, MOST_REAL)
        return Both(real=real, train=real)
    train = _opened(trained_on, access, MOST_TRAINED_ON)
    return Both(real=_opened(Request(name=trained_on.name, split=split, shape=trained_on.shape), access), train=train)


def other_images(name: str, split: Split | None, shape: ImageShape | tuple[int, int], access: Access) -> Both:
    """The images of a known set or a path, brought to a shape; or as they are, which is to be so high and wide.

    A known set's training split is taken for the images that were trained on. Raises DataError for images of
    another height or width, but for those of an array or a store, whose shape is for the caller to judge.
    """
    if whole := read_whole(Path(name).expanduser(), MOST_REAL):
        if split not in (None, "train"):
            raise DataError(f"{name} has no {split!r} split, being images of one's own; leave out --split.")
        return Both(real=whole, train=None)
    split = split or final_split(name)
    if not isinstance(shape, ImageShape):
        with find_source(name, split, offline=access.offline, progress=access.downloading).open() as source:
            height, width, channels = first_shape(source)
            if parse_name(name).name not in SETS and len(splits_of(name)) == 1:
                return Both(real=read_images(source, (*shape, channels)), train=None)
            check_same_size(source.name, (height, width), shape, source)
            shape = ImageShape(height=height, width=width, channels=channels)
    real = _opened(Request(name=name, split=split, shape=shape), access)
    if split == "train" or len(splits_of(name)) == 1:
        return Both(real=real, train=real)
    return Both(real=real, train=_opened(Request(name=name, split="train", shape=shape), access, MOST_TRAINED_ON))


def num_shared(real: ImageSet, train: ImageSet) -> int:
    """How many of the real images are, to the pixel, among those trained on."""
    known = {_hash(image) for image in train.images}
    return sum(_hash(image) in known for image in real.images)


def _hash(image: np.ndarray) -> bytes:
    return hashlib.blake2b(image.data, digest_size=16).digest()


def _opened(request: Request, access: Access, most: int = MOST_REAL) -> ImageSet:
    dataset = open_dataset(request, access)
    plain = parse_name(request.name).name
    name = dataset.index["name"] + request.name.removeprefix(plain)
    return of_dataset(dataset, name, _part(request), most)


def _part(request: Request) -> str:
    """The split's name in a protocol, "all" where the set has no other; with what was left out, as a slice."""
    split = "all" if splits_of(request.name) == (request.split,) else request.split
    if not (request.skip or request.limit):
        return split
    return f"{split}[{request.skip}:{request.skip + request.limit if request.limit else ''}]"
