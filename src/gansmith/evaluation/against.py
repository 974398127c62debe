"""Chooses the real images to measure against, a dataset's test split where it has one, and the training images."""

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
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
class ReferenceImages:
    """The real images to measure against and the training images; `train` is None if they are unknown."""

    real: ImageSet
    train: ImageSet | None


def splits_of(name: str) -> tuple[str, ...]:
    """The splits of a known dataset; ("train",) for a person's own images without parts. Lists the files of a path."""
    plain = parse_name(name).name
    if plain in SETS:
        return SETS[plain].splits
    path = Path(plain).expanduser()
    if not path.is_file():
        return _splits_of_path(plain)
    status = path.stat()
    return _splits_of_file(plain, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=16)
def _splits_of_file(name: str, *_changed: int) -> tuple[str, ...]:
    """As `splits_of`; an archive is listed once, since that can mean to unpack all of it."""
    return _splits_of_path(name)


def _splits_of_path(name: str) -> tuple[str, ...]:
    try:
        with find_source(name, "test", offline=True).open():
            return ("train", "test")
    except DataError:
        return ("train",)


def final_split(name: str, trained_on: Split = "train") -> Split:
    """The split for final numbers: "test" where the dataset has one that was not trained on."""
    return "test" if "test" in splits_of(name) and trained_on not in ("test", "both") else trained_on


def own_images(trained_on: Request, split: Split | None, access: Access) -> ReferenceImages:
    """The reference images of a run without --against: its own dataset, or `split` of it."""
    split = split or final_split(trained_on.name, trained_on.split)
    if split == trained_on.split:
        real = _read_request(trained_on, access, MOST_REAL)
        return ReferenceImages(real=real, train=real)
    train = _read_request(trained_on, access, MOST_TRAINED_ON)
    real = _read_request(replace(trained_on, split=split, skip=0, limit=0), access)
    return ReferenceImages(real=real, train=train)


def other_images(
    name: str, split: Split | None, shape: ImageShape | tuple[int, int], access: Access
) -> ReferenceImages:
    """The images of a known dataset or a path, resized to an ImageShape; for (height, width), not resized.

    The training split of a known dataset counts as the training images. Raises DataError for images of another height
    or width; the caller checks the shape of an array or a packed dataset.
    """
    if whole := read_whole(Path(name).expanduser(), MOST_REAL):
        if split not in (None, "train"):
            raise DataError(f"{name} has no {split!r} split, because it is one set of images; leave out --split.")
        return ReferenceImages(real=whole, train=None)
    split = split or final_split(name)
    if not isinstance(shape, ImageShape):
        with find_source(name, split, offline=access.offline, progress=access.downloading).open() as source:
            height, width, channels = first_shape(source)
            if parse_name(name).name not in SETS and len(splits_of(name)) == 1:
                return ReferenceImages(real=read_images(source, (*shape, channels)), train=None)
            check_same_size(source.name, (height, width), shape, source)
            shape = ImageShape(height=height, width=width, channels=channels)
    real = _read_request(Request(name=name, split=split, shape=shape), access)
    if split == "train" or len(splits_of(name)) == 1:
        return ReferenceImages(real=real, train=real)
    train = _read_request(Request(name=name, split="train", shape=shape), access, MOST_TRAINED_ON)
    return ReferenceImages(real=real, train=train)


def num_shared(real: ImageSet, train: ImageSet) -> int:
    """How many of the real images are, pixel for pixel, among the training images."""
    known = set(map(_hash, train.images))
    return sum(_hash(image) in known for image in real.images)


def _hash(image: np.ndarray) -> bytes:
    return hashlib.blake2b(image.data, digest_size=16).digest()


def _read_request(request: Request, access: Access, most: int = MOST_REAL) -> ImageSet:
    """The images, with the split "all" for a dataset without splits; `skip` and `limit` follow as a slice."""
    dataset = open_dataset(request, access)
    name = dataset.index["name"] + request.name.removeprefix(parse_name(request.name).name)
    split = "all" if splits_of(request.name) == (request.split,) else request.split
    if request.skip or request.limit:
        split += f"[{request.skip}:{request.skip + request.limit if request.limit else ''}]"
    return of_dataset(dataset, name, split, most)
