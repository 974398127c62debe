"""Values of the same metrics for images of known quality, which tell what the value of a generator means.

Floor: real images, what a perfect generator would score. Blurred real images and noise: what bad generators score.
Planted copies: what a generator scores that copies one training image in ten.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageFilter

from gansmith.evaluation.cache import cached_values, key_of
from gansmith.evaluation.measure import values_of
from gansmith.evaluation.reference import Progress, Reference, Sample, in_chunks
from gansmith.evaluation.table import COPYING, METRICS, MOST_COMPARED, FeatureSets
from gansmith.features.extract import Features, extract
from gansmith.metrics.copying import planted
from gansmith.metrics.intervals import Estimate
from gansmith.rng import random_words, stream

BLUR = 1 / 14
"""Standard deviation of the blur as a share of an image's shorter side: 2 pixels of 28."""
PLANTED = 0.1
"""Share of real images that are replaced by training images to see how metrics of copying respond."""
Values = dict[str, Estimate]
"""Estimates by the name of their metric."""
MakeSets = Callable[[], FeatureSets]
"""Makes the input of metrics; called only when the values are not cached."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceScores:
    """Values of the same metrics for images of known quality, at the same number of images where that is possible."""

    floor: Values
    """Of real images: what a perfect generator would score."""
    floor_is: str
    """Which real images `floor` is of, in words."""
    blur: Values
    """Of blurred real images; not for metrics of copying."""
    noise: Values
    """Of uniform noise; not for metrics of copying."""
    planted: Values
    """Of real images, a tenth of them replaced by training images; only for metrics of copying."""

    def to_dict(self) -> dict[str, Any]:
        """The scores as plain data for JSON."""
        return asdict(self)


def reference_scores(
    reference: Reference, names: Sequence[str], num: int, progress: Progress | None = None
) -> ReferenceScores:
    """The reference scores of these metrics for `num` generated images; cached after the first call.

    The floor compares the training split with the test split where the reference has both; otherwise one half of the
    reference with its other half. For metrics of copying, the floor is that of validation images.
    """
    copying = [name for name in names if COPYING[0] in METRICS[name].needs]
    quality = [name for name in names if name not in copying]
    floor_is, floor = _floor_sets(reference, num)
    images = reference.real.images

    def blurred_sets() -> FeatureSets:
        chosen = _random_order(len(images))[:num]
        return _image_sets(reference, "blurred images", blurred(images.images[chosen]), progress)

    wanted: Mapping[str, tuple[list[str], MakeSets]] = {
        "floor": (quality, floor),
        "validation images": (copying, lambda: _copying_sets(reference, 0)),
        "blurred images": (quality, blurred_sets),
        "noise": (quality, lambda: _image_sets(reference, "noise", noise(num, images.shape), progress)),
        "planted copies": (copying, lambda: _copying_sets(reference, PLANTED)),
    }
    found = {kind: _cached_scores(kind, reference, num, *each, progress) for kind, each in wanted.items()}
    return ReferenceScores(
        floor=found["floor"] | found["validation images"],
        floor_is=floor_is,
        blur=found["blurred images"],
        noise=found["noise"],
        planted=found["planted copies"],
    )


def blurred(images: np.ndarray) -> np.ndarray:
    """uint8 (N, H, W, C), each image blurred by a Gaussian of `BLUR` times its shorter side."""
    blur = ImageFilter.GaussianBlur(BLUR * min(images.shape[1:3]))
    found = np.empty_like(images)
    for number, image in enumerate(images):
        for channel in range(images.shape[3]):
            plane = Image.fromarray(np.ascontiguousarray(image[..., channel]))
            found[number, ..., channel] = np.asarray(plane.filter(blur))
    return found


def noise(num: int, shape: tuple[int, int, int]) -> np.ndarray:
    """uint8 (num, H, W, C) of uniform noise in 0..255, always the same."""
    size = num * int(np.prod(shape))
    words = random_words(-(-size // 8), stream(0, "evaluation/noise", 0))
    return words.numpy().view(np.uint8)[:size].reshape(num, *shape)


def _cached_scores(
    kind: str, reference: Reference, num: int, names: list[str], make_sets: MakeSets, progress: Progress | None
) -> Values:
    """The values of these metrics, without the metrics that need more images than there are."""

    def make() -> dict[str, dict[str, Any]]:
        sets, what = make_sets(), f"reference scores: {kind}"
        fewest = min(len(sets.fake), len(sets.real))
        possible = [name for name in names if fewest >= METRICS[name].fewest(reference.extractor.width)]
        return {name: asdict(value) for name, value in values_of(sets, possible, 0, progress, what).items()}

    if not names:
        return {}
    key = key_of("reference scores", kind, reference.key, names, num, BLUR, PLANTED, MOST_COMPARED)
    return {name: Estimate(**value) for name, value in cached_values(key, make).items()}


def _floor_sets(reference: Reference, num: int) -> tuple[str, MakeSets]:
    """Which images the floor compares, in words and as the input of metrics."""
    real, train = reference.real, reference.train
    if train and reference.has_validation and train.images.name == real.images.name:
        chosen = _random_order(len(train.images))[:num]
        floor_is = f"{len(chosen):,} images of the {train.images.split} split, measured in the same way"
        return floor_is, lambda: FeatureSets(fake=train.sample.at(chosen), real=real.sample)
    one, other = _random_halves(reference)
    floor_is = f"one half of the reference against the other, {len(one):,} images each"
    return floor_is, lambda: FeatureSets(fake=one, real=other)


def _copying_sets(reference: Reference, portion: float) -> FeatureSets:
    """One half of the real images against the other, with a `portion` of it replaced by training images.

    Without validation images, the other half takes the place of the training images.
    """
    assert reference.train is not None
    fake, real = _random_halves(reference)
    train = reference.train.features if reference.has_validation else real.features
    vectors = planted(fake.features.vectors, train.vectors, portion) if portion else fake.features.vectors
    return FeatureSets(fake=Sample(features=Features(vectors=vectors)), real=real, train=train)


def _image_sets(reference: Reference, what: str, images: np.ndarray, progress: Progress | None) -> FeatureSets:
    features = extract(reference.extractor, in_chunks(images, f"features of {what}", progress))
    return FeatureSets(fake=Sample(features=features, images=images), real=reference.real.sample)


def _random_halves(reference: Reference) -> tuple[Sample, Sample]:
    sample = reference.real.sample
    order, half = _random_order(len(sample)), len(sample) // 2
    return sample.at(order[:half]), sample.at(order[half : 2 * half])


def _random_order(count: int) -> np.ndarray:
    return torch.randperm(count, generator=stream(0, "evaluation/anchors", count)).numpy()
