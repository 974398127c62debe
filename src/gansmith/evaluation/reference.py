"""The real side of a protocol: real images and their features, which the cache keeps by content."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gansmith.evaluation.cache import Arrays, kept_arrays, key_of
from gansmith.evaluation.inputs import ImageSet
from gansmith.features.extract import Extractor, Features, extract

MOST_REAL, MOST_TRAINED_ON = 20_000, 100_000
"""Images of the reference that are used, and those that copies are looked for among: time grows with both."""

CHUNK = 1000
"""Images between two calls of `progress`."""

Progress = Callable[[str, int, int], None]
"""Called with what is done, how much of it is, and how much there is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """Features of images, and the images uint8 (N, H, W, C) themselves where they are at hand."""

    features: Features
    images: np.ndarray | None = None

    def __len__(self) -> int:
        """How many images."""
        return len(self.features.vectors)

    def at(self, rows: np.ndarray) -> "Sample":
        """Those at these positions."""
        probabilities = self.features.probabilities
        return Sample(
            features=Features(
                vectors=self.features.vectors[rows],
                probabilities=None if probabilities is None else probabilities[rows],
            ),
            images=None if self.images is None else self.images[rows],
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceSide:
    """Real images and their features."""

    images: ImageSet
    features: Features

    @property
    def sample(self) -> Sample:
        """What the measures take of it."""
        return Sample(features=self.features, images=self.images.images)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """What generated images are measured against, by which features, and what they may have copied."""

    extractor: Extractor
    real: ReferenceSide
    train: ReferenceSide | None = None
    """The images trained on; those of `real` where they are the same. None where they are not known."""

    @property
    def held_out(self) -> bool:
        """Whether the real images are others than those trained on."""
        return keeps_out(self.real.images, self.train.images if self.train else None)

    @property
    def key(self) -> str:
        """SHA-256 of all that the measures of one and the same sample depend on."""
        train = self.train and self.train.images.sha256
        return key_of(self.real.images.sha256, train, *_identity(self.extractor))


def keeps_out(real: ImageSet, train: ImageSet | None) -> bool:
    """Whether the real images are others than those trained on, as far as these are known."""
    return train is not None and train.sha256 != real.sha256


def reference(
    real: ImageSet, extractor: Extractor, train: ImageSet | None = None, progress: Progress | None = None
) -> Reference:
    """The reference of real images, and of those trained on where they are known; features out of the cache.

    At most `MOST_REAL` and `MOST_TRAINED_ON` images make sense, see `inputs.of_dataset`.
    """
    side = ReferenceSide(images=real, features=kept_features(real, extractor, progress))
    if train is None:
        return Reference(extractor=extractor, real=side)
    if train.sha256 == real.sha256:
        return Reference(extractor=extractor, real=side, train=side)
    other = ReferenceSide(images=train, features=kept_features(train, extractor, progress))
    return Reference(extractor=extractor, real=side, train=other)


def kept_features(images: ImageSet, extractor: Extractor, progress: Progress | None = None) -> Features:
    """The features of these images: kept under the hash of their pixels, of the network and of the resizing."""

    def make() -> Arrays:
        what = f"features of {images.name}, {images.split}"
        return _arrays(extract(extractor, counted(images.images, what, progress)))

    found = kept_arrays(key_of("features", images.sha256, *_identity(extractor)), make)
    return Features(vectors=found["vectors"], probabilities=found.get("probabilities"))


def counted(images: np.ndarray, what: str, progress: Progress | None) -> Iterator[np.ndarray]:
    """The images in chunks, `progress` being told of each."""
    for start in range(0, len(images), CHUNK):
        if progress:
            progress(what, start, len(images))
        yield images[start : start + CHUNK]
    if progress:
        progress(what, len(images), len(images))


def _arrays(features: Features) -> Arrays:
    probabilities = {} if features.probabilities is None else {"probabilities": features.probabilities}
    return {"vectors": features.vectors, **probabilities}


def _identity(extractor: Extractor) -> tuple[str, str, str]:
    return extractor.name, extractor.hash, extractor.resize
