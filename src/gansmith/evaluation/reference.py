"""The real images of an evaluation with their features, which are cached."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gansmith.evaluation.cache import Arrays, cached_arrays, key_of
from gansmith.evaluation.inputs import ImageSet
from gansmith.features.extract import Features, extract
from gansmith.features.extractor import Extractor

MOST_REAL = 20_000
"""Largest number of reference images that are used; time grows with it."""
MOST_TRAINED_ON = 100_000
"""Largest number of training images that are searched for copies; time grows with it."""
CHUNK = 1000
"""Number of images between two calls of `progress`."""
Progress = Callable[[str, int, int], None]
"""Called with the name of the work, how much is done, and how much there is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """Features of images, and the images uint8 (N, H, W, C) themselves where they are known."""

    features: Features
    images: np.ndarray | None = None

    def __len__(self) -> int:
        """The number of images."""
        return len(self.features.vectors)

    def at(self, rows: np.ndarray) -> "Sample":
        """The images at these positions, with their features."""
        vectors, probabilities = self.features.vectors, self.features.probabilities
        features = Features(vectors=vectors[rows], probabilities=None if probabilities is None else probabilities[rows])
        return Sample(features=features, images=None if self.images is None else self.images[rows])


@dataclass(frozen=True, kw_only=True, slots=True)
class ImagesWithFeatures:
    """A set of real images and their features."""

    images: ImageSet
    features: Features

    @property
    def sample(self) -> Sample:
        """The same as the input of a metric."""
        return Sample(features=self.features, images=self.images.images)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """The real images that generated images are compared with, the feature network, and the training images."""

    extractor: Extractor
    real: ImagesWithFeatures
    train: ImagesWithFeatures | None = None
    """The training images, which may be the same as `real`; None if they are unknown."""

    @property
    def has_validation(self) -> bool:
        """Whether the real images are validation images: known not to be the training images."""
        return is_validation(self.real.images, self.train.images if self.train else None)

    @property
    def key(self) -> str:
        """SHA-256 of everything that metrics of one and the same sample depend on."""
        train = self.train and self.train.images.sha256
        return key_of(self.real.images.sha256, train, *_identity(self.extractor))


def is_validation(real: ImageSet, train: ImageSet | None) -> bool:
    """Whether the training images are known and the real images are others."""
    return train is not None and train.sha256 != real.sha256


def reference(
    real: ImageSet, extractor: Extractor, train: ImageSet | None = None, progress: Progress | None = None
) -> Reference:
    """The reference made of real images and, where they are known, of training images; features are cached.

    Use at most `MOST_REAL` and `MOST_TRAINED_ON` images; `inputs.of_dataset` chooses them.
    """
    compared = ImagesWithFeatures(images=real, features=kept_features(real, extractor, progress))
    if train is None:
        return Reference(extractor=extractor, real=compared)
    if train.sha256 == real.sha256:
        return Reference(extractor=extractor, real=compared, train=compared)
    trained_on = ImagesWithFeatures(images=train, features=kept_features(train, extractor, progress))
    return Reference(extractor=extractor, real=compared, train=trained_on)


def kept_features(images: ImageSet, extractor: Extractor, progress: Progress | None = None) -> Features:
    """The features of these images, cached under the hash of their pixels, of the network and of the resizing."""

    def make() -> Arrays:
        what = f"features of {images.name}, {images.split}"
        found = extract(extractor, in_chunks(images.images, what, progress))
        probabilities = {} if found.probabilities is None else {"probabilities": found.probabilities}
        return {"vectors": found.vectors, **probabilities}

    return Features(**cached_arrays(key_of("features", images.sha256, *_identity(extractor)), make))


def in_chunks(images: np.ndarray, what: str, progress: Progress | None) -> Iterator[np.ndarray]:
    """The images in chunks; `progress` is called before each chunk and at the end."""
    for start in range(0, len(images), CHUNK):
        if progress:
            progress(what, start, len(images))
        yield images[start : start + CHUNK]
    if progress:
        progress(what, len(images), len(images))


def _identity(extractor: Extractor) -> tuple[str, str, str]:
    return extractor.name, extractor.hash, extractor.resize
