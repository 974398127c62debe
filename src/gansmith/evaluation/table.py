"""The one table of measures: what each tells, what it takes, and the function of features that it is."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gansmith.evaluation.reference import Sample
from gansmith.features.extract import Features, extract, extractor
from gansmith.metrics import classes, copying, diversity, frechet, kernel, neighbours, spectrum
from gansmith.metrics.intervals import Estimate

Need = Literal["images", "classes", "stacked digits", "training images", "validation images"]
"""What a measure cannot do without besides features."""

LEAST_SIDE = 8
"""Pixels of an image that has a spectrum."""

MOST_COMPARED = 2000
"""Images of either kind in the measures of copying: each is compared with all training images, which takes time,
and C_T grows with the count."""

STACKED, OF_STACKED = "stacked-mnist", ("images", "stacked digits")
"""The set whose images have a digit in each colour, and what measures of those need."""

FRUGAL, FEWEST = "kid", 12
"""The measure that does with the fewest images of either kind, and how many these are."""

COPYING: tuple[Need, ...] = ("training images", "validation images")
"""What measures of copying need, all of them the first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureSets:
    """What a measure is given: generated and real images, and the features of those trained on."""

    fake: Sample
    real: Sample
    train: Features | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A measure: what it tells, which way is better, how it is computed, and what that takes."""

    about: str
    better: Literal["lower", "higher", "near 0", "near 1", "floor"]
    by: Callable[[FeatureSets, int], dict[str, Estimate]]
    """Takes the two sides and a seed; metrics that come out of one computation share it."""
    needs: tuple[Need, ...] = ()
    fewest: Callable[[int], int] = lambda width: FEWEST
    """Images of either kind, for features of a width."""
    most: float = math.inf
    """The largest value it can have: 1 of a share."""
    on_request: bool = False
    """Computed only when asked for by name."""


def _fd(sides: FeatureSets, seed: int) -> dict[str, Estimate]:
    return {"fd": frechet.frechet_distance(*_vectors(sides), seed)}


def _fd_infinity(sides: FeatureSets, seed: int) -> dict[str, Estimate]:
    return {"fd-infinity": frechet.frechet_infinity(*_vectors(sides), seed)}


def _kid(sides: FeatureSets, seed: int) -> dict[str, Estimate]:
    return {"kid": kernel.kernel_distance(*_vectors(sides), seed=seed).estimate}


def _precision_recall(sides: FeatureSets, seed: int) -> dict[str, Estimate]:
    found = neighbours.precision_recall(*_vectors(sides), seed=seed)
    return {"precision": found.precision, "recall": found.recall}


def _density_coverage(sides: FeatureSets, seed: int) -> dict[str, Estimate]:
    found = neighbours.density_coverage(*_vectors(sides), seed=seed)
    return {"density": found.density, "coverage": found.coverage}


def _diversity(sides: FeatureSets, seed: int) -> dict[str, Estimate]:
    return {"diversity": diversity.pair_diversity(*_vectors(sides))}


def _class_kl(sides: FeatureSets, seed: int) -> dict[str, Estimate]:
    fake, real = (classes.histogram(probabilities(side)) for side in (sides.fake, sides.real))
    return {"class-kl": classes.divergence(fake, real + 0.5)}  # half an image more: no class is quite impossible


def _junk(sides: FeatureSets, seed: int) -> dict[str, Estimate]:
    return {"junk": classes.junk_rate(probabilities(sides.fake))}


def _modes(sides: FeatureSets, seed: int) -> dict[str, Estimate]:
    images = _images(sides.fake)
    digits = extractor("mnist", channels=1, height=images.shape[1], width=images.shape[2])
    planes = (probabilities(Sample(features=extract(digits, images[..., [channel]]))) for channel in range(3))
    found = classes.modes(classes.triples(*(plane.argmax(1) for plane in planes)))
    return {"modes": found.found, "modes-kl": found.divergence}


def _spectrum(sides: FeatureSets, seed: int) -> dict[str, Estimate]:
    found = spectrum.spectrum(_images(sides.fake), _images(sides.real), seed)
    return {"spectrum": found.distance, "checkerboard": found.checkerboard}


def _authenticity(sides: FeatureSets, seed: int) -> dict[str, Estimate]:
    fake, _ = _compared(sides)
    return {"authenticity": copying.authenticity(fake, _train(sides))}


def _near_copies(sides: FeatureSets, seed: int) -> dict[str, Estimate]:
    fake, real = _compared(sides)
    return {"near-copies": copying.near_copies(fake, _train(sides), real)}


def _ct(sides: FeatureSets, seed: int) -> dict[str, Estimate]:
    fake, real = _compared(sides)
    return {"ct": copying.copying_score(fake, _train(sides), real, seed)}


def _compared(sides: FeatureSets) -> tuple[np.ndarray, np.ndarray]:
    """The images that are held against every training image: evenly spread over each side, at most so many."""
    found = [side[np.linspace(0, len(side) - 1, min(len(side), MOST_COMPARED)).astype(int)] for side in _vectors(sides)]
    return found[0], found[1]


def _train(sides: FeatureSets) -> np.ndarray:
    assert sides.train is not None
    return sides.train.vectors


def _vectors(sides: FeatureSets) -> tuple[np.ndarray, np.ndarray]:
    return sides.fake.features.vectors, sides.real.features.vectors


def probabilities(sample: Sample) -> np.ndarray:
    """(n, classes) of images whose features know classes."""
    assert sample.features.probabilities is not None
    return sample.features.probabilities


def _images(sample: Sample) -> np.ndarray:
    assert sample.images is not None
    return sample.images


METRICS = {
    "fd": Metric(about="Fréchet distance of the features", better="lower", by=_fd, fewest=lambda width: width + 1),
    "fd-infinity": Metric(
        about="the same, were there infinitely many", better="lower", by=_fd_infinity, fewest=lambda w: 4 * (w + 1)
    ),
    "kid": Metric(about="kernel distance, free of bias", better="lower", by=_kid),
    "precision": Metric(
        about="samples that lie among the real", better="higher", by=_precision_recall, fewest=lambda w: 20, most=1
    ),
    "recall": Metric(
        about="real ones that lie among the samples", better="higher", by=_precision_recall, fewest=lambda w: 20, most=1
    ),
    "density": Metric(
        about="how densely samples lie among the real", better="near 1", by=_density_coverage, fewest=lambda w: 30
    ),
    "coverage": Metric(
        about="real ones that have a sample near", better="higher", by=_density_coverage, fewest=lambda w: 30, most=1
    ),
    "diversity": Metric(about="distance of two samples over that of two real", better="near 1", by=_diversity),
    "class-kl": Metric(
        about="shares of the classes against the real", better="lower", by=_class_kl, needs=("classes",)
    ),
    "junk": Metric(about="samples that look like no class", better="lower", by=_junk, needs=("classes",), most=1),
    "modes": Metric(
        about="of the 1,000 stacked digits", better="higher", by=_modes, needs=OF_STACKED, most=1000, on_request=True
    ),
    "modes-kl": Metric(
        about="their shares against equal ones", better="lower", by=_modes, needs=OF_STACKED, on_request=True
    ),
    "spectrum": Metric(about="coarse and fine detail, in decibels", better="lower", by=_spectrum, needs=("images",)),
    "checkerboard": Metric(
        about="how far upsampling's grid stands out, in decibels", better="near 0", by=_spectrum, needs=("images",)
    ),
    "authenticity": Metric(
        about="samples farther from training than it from itself",
        better="floor",
        by=_authenticity,
        needs=COPYING[:1],
        most=1,
    ),
    "near-copies": Metric(
        about="samples as near to training as 1 % of new ones", better="floor", by=_near_copies, needs=COPYING, most=1
    ),
    "ct": Metric(about="C_T: far below 0 is copying", better="floor", by=_ct, needs=COPYING),
}
"""Every measure by its name on the command line, in the order in which they are shown."""

SHORT = {"pr": ("precision", "recall"), "dc": ("density", "coverage")}
"""Names for several."""
