"""The real side of a protocol: real pictures and their features, which the cache keeps by content."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gansmith.evaluation.cache import Arrays, kept_arrays, key_of
from gansmith.evaluation.inputs import Pictures
from gansmith.features.extract import Extractor, Features, extract

MOST_REAL, MOST_TRAINED_ON = 20_000, 100_000
"""Pictures of the reference that are used, and those that copies are looked for among: time grows with both."""

CHUNK = 1000
"""Pictures between two calls of `progress`."""

Progress = Callable[[str, int, int], None]
"""Called with what is done, how much of it is, and how much there is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """Features of pictures, and the pictures uint8 (N, H, W, C) themselves where they are at hand."""

    features: Features
    images: np.ndarray | None = None

    def __len__(self) -> int:
        """How many pictures."""
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
class Side:
    """Real pictures and their features."""

    pictures: Pictures
    features: Features

    @property
    def sample(self) -> Sample:
        """What the measures take of it."""
        return Sample(features=self.features, images=self.pictures.images)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """What generated pictures are measured against, by which features, and what they may have copied."""

    extractor: Extractor
    real: Side
    train: Side | None = None
    """The pictures trained on; those of `real` where they are the same. None where they are not known."""

    @property
    def held_out(self) -> bool:
        """Whether the real pictures are others than those trained on."""
        return keeps_out(self.real.pictures, self.train.pictures if self.train else None)

    @property
    def key(self) -> str:
        """SHA-256 of all that the measures of one and the same sample depend on."""
        train = self.train and self.train.pictures.sha256
        return key_of(self.real.pictures.sha256, train, *_identity(self.extractor))


def keeps_out(real: Pictures, train: Pictures | None) -> bool:
    """Whether the real pictures are others than those trained on, as far as these are known."""
    return train is not None and train.sha256 != real.sha256


def reference(
    real: Pictures, extractor: Extractor, train: Pictures | None = None, progress: Progress | None = None
) -> Reference:
    """The reference of real pictures, and of those trained on where they are known; features out of the cache.

    At most `MOST_REAL` and `MOST_TRAINED_ON` pictures make sense, see `inputs.of_pack`.
    """
    side = Side(pictures=real, features=kept_features(real, extractor, progress))
    if train is None:
        return Reference(extractor=extractor, real=side)
    if train.sha256 == real.sha256:
        return Reference(extractor=extractor, real=side, train=side)
    other = Side(pictures=train, features=kept_features(train, extractor, progress))
    return Reference(extractor=extractor, real=side, train=other)


def kept_features(pictures: Pictures, extractor: Extractor, progress: Progress | None = None) -> Features:
    """The features of these pictures: kept under the hash of their pixels, of the network and of the resizing."""

    def make() -> Arrays:
        what = f"features of {pictures.name}, {pictures.split}"
        return _arrays(extract(extractor, counted(pictures.images, what, progress)))

    found = kept_arrays(key_of("features", pictures.sha256, *_identity(extractor)), make)
    return Features(vectors=found["vectors"], probabilities=found.get("probabilities"))


def counted(images: np.ndarray, what: str, progress: Progress | None) -> Iterator[np.ndarray]:
    """The pictures in chunks, `progress` being told of each."""
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
