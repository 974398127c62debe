"""What a number means: the same measures of real images as the floor, of blurred ones and of noise as ceilings."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageFilter

from gansmith.evaluation.cache import kept_values, key_of
from gansmith.evaluation.measure import values_of
from gansmith.evaluation.reference import Progress, Reference, Sample, counted
from gansmith.evaluation.table import COPYING, METRICS, MOST_COMPARED, FeatureSets
from gansmith.features.extract import Features, extract
from gansmith.metrics.copying import planted
from gansmith.metrics.intervals import Estimate
from gansmith.rng import random_words, stream

BLUR = 1 / 14
"""Standard deviation of the blur as a share of an image's shorter side: 2 pixels of 28."""

PLANTED = 0.1
"""Share of training images among the reals that are the ceiling of the measures of copying."""

Values = dict[str, Estimate]
Build = Callable[[], FeatureSets]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceScores:
    """Values of the same measures for images whose quality is known, at the same counts where that is possible.

    `floor` is what a perfect generator would get, of real images, which `floor_is` tells; the rest is what a bad one
    gets: blurred reals and noise, and for the measures of copying reals of which a tenth are training images.
    """

    floor: Values
    floor_is: str
    blur: Values
    noise: Values
    planted: Values

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data for JSON."""
        return asdict(self)


def reference_scores(
    reference: Reference, names: Sequence[str], num: int, progress: Progress | None = None
) -> ReferenceScores:
    """Floor and ceilings of the metrics that `measure` gave for `num` images; from the second time out of the cache.

    The floor is of the training split against the test split, if that is what the reference is; else of the
    reference's one half against its other. For the measures of copying it is of the images held out.
    """
    copying = [name for name in names if COPYING[0] in METRICS[name].needs]
    quality = [name for name in names if name not in copying]
    about, floor = _floor(reference, num)
    builds: dict[str, tuple[list[str], Build]] = {
        "floor": (quality, floor),
        "held out": (copying, lambda: _held_out(reference, 0)),
        "blur": (quality, lambda: _ceiling(reference, "blurred images", _blurred_reals(reference, num), progress)),
        "noise": (quality, lambda: _ceiling(reference, "noise", noise(num, reference.real.images.shape), progress)),
        "planted": (copying, lambda: _held_out(reference, PLANTED)),
    }
    found = {kind: _kept(kind, reference, num, *build, progress) for kind, build in builds.items()}
    return ReferenceScores(
        floor=found["floor"] | found["held out"],
        floor_is=about,
        blur=found["blur"],
        noise=found["noise"],
        planted=found["planted"],
    )


def blurred(images: np.ndarray) -> np.ndarray:
    """uint8 (N, H, W, C), each blurred by a Gaussian of `BLUR` times its shorter side."""
    blur = ImageFilter.GaussianBlur(BLUR * min(images.shape[1:3]))
    found = np.empty_like(images)
    for number, image in enumerate(images):
        for channel in range(images.shape[3]):
            plane = Image.fromarray(np.ascontiguousarray(image[..., channel]))
            found[number, ..., channel] = np.asarray(plane.filter(blur))
    return found


def noise(num: int, shape: tuple[int, int, int]) -> np.ndarray:
    """uint8 (num, H, W, C), every value 0..255 as likely as any other."""
    size = num * int(np.prod(shape))
    words = random_words(-(-size // 8), stream(0, "evaluation/noise", 0))
    return words.numpy().view(np.uint8)[:size].reshape(num, *shape)


def _kept(
    kind: str, reference: Reference, num: int, names: list[str], build: Build, progress: Progress | None
) -> Values:
    """The values of these metrics for these images, but of those that would need more images."""

    def make() -> dict[str, dict[str, Any]]:
        sides, what = build(), f"measuring beside it: {kind}"
        fewest = min(len(sides.fake), len(sides.real))
        possible = [name for name in names if fewest >= METRICS[name].fewest(reference.extractor.width)]
        return {name: asdict(value) for name, value in values_of(sides, possible, 0, progress, what).items()}

    if not names:
        return {}
    found = kept_values(key_of("anchors", kind, reference.key, names, num, BLUR, PLANTED, MOST_COMPARED), make)
    return {name: Estimate(**value) for name, value in found.items()}


def _floor(reference: Reference, num: int) -> tuple[str, Build]:
    """Which images the floor is of, in words, and the two sides."""
    real, train = reference.real, reference.train
    if train and reference.held_out and train.images.name == real.images.name:
        chosen = _order(len(train.images))[:num]
        about = f"{len(chosen):,} images of the {train.images.split} split, measured in the same way"
        return about, lambda: FeatureSets(fake=train.sample.at(chosen), real=real.sample)
    one, other = _halves(reference)
    about = f"one half of the reference against the other, {len(one):,} images each"
    return about, lambda: FeatureSets(fake=one, real=other)


def _held_out(reference: Reference, portion: float) -> FeatureSets:
    """Half of the real images held out, some of them replaced by training images, and their other half.

    Where nothing was held out, the other half stands for the training images.
    """
    assert reference.train is not None
    fake, real = _halves(reference)
    train = reference.train.features if reference.held_out else real.features
    vectors = planted(fake.features.vectors, train.vectors, portion) if portion else fake.features.vectors
    return FeatureSets(fake=Sample(features=Features(vectors=vectors, probabilities=None)), real=real, train=train)


def _ceiling(reference: Reference, what: str, images: np.ndarray, progress: Progress | None) -> FeatureSets:
    features = extract(reference.extractor, counted(images, f"features of {what}", progress))
    return FeatureSets(fake=Sample(features=features, images=images), real=reference.real.sample)


def _blurred_reals(reference: Reference, num: int) -> np.ndarray:
    images = reference.real.images.images
    return blurred(images[_order(len(images))[:num]])


def _halves(reference: Reference) -> tuple[Sample, Sample]:
    sample = reference.real.sample
    order, half = _order(len(sample)), len(sample) // 2
    return sample.at(order[:half]), sample.at(order[half : 2 * half])


def _order(count: int) -> np.ndarray:
    return torch.randperm(count, generator=stream(0, "evaluation/anchors", count)).numpy()
