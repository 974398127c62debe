"""The table of metrics: what each number tells, what it needs, and the function that computes it.

To add a metric, write a pure function of features or images in `gansmith.metrics` and add one entry to `METRICS`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gansmith.evaluation.reference import Sample
from gansmith.features.extract import Features, extract
from gansmith.features.networks import load_extractor
from gansmith.metrics import classes, copying, diversity, frechet, kernel, neighbours, spectrum
from gansmith.metrics.intervals import Estimate

Need = Literal["images", "classes", "stacked digits", "training images", "validation images"]
"""What a metric can need besides features."""
LEAST_SIDE = 8
"""Smallest height and width, in pixels, of an image that has a spectrum."""
MOST_COMPARED = 2000
"""Largest number of generated and of real images in a metric of copying.

Each of them is compared with every training image, which takes time, and C_T grows with the number of images.
"""
STACKED = "stacked-mnist"
"""The dataset whose images hold one digit in each colour channel."""
OF_STACKED: tuple[Need, ...] = ("images", "stacked digits")
"""What metrics of stacked digits need."""
FRUGAL = "kid"
"""The metric that works with the fewest images."""
FEWEST = 12
"""The number of generated images, and of real ones, that `FRUGAL` needs."""
COPYING: tuple[Need, ...] = ("training images", "validation images")
"""What metrics of copying need; the first is needed by all of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureSets:
    """The input of a metric: generated and real images with their features, and the features of training images."""

    fake: Sample
    real: Sample
    train: Features | None = None

    @property
    def vectors(self) -> tuple[np.ndarray, np.ndarray]:
        """Feature vectors of the generated images (n, width) and of the real images (m, width)."""
        return self.fake.features.vectors, self.real.features.vectors

    @property
    def images(self) -> tuple[np.ndarray, np.ndarray]:
        """Generated images (n, H, W, C) and real images (m, H, W, C), uint8; only for metrics that need them."""
        assert self.fake.images is not None
        assert self.real.images is not None
        return self.fake.images, self.real.images

    @property
    def compared(self) -> tuple[np.ndarray, np.ndarray]:
        """`vectors` for metrics of copying: at most `MOST_COMPARED` of each, evenly spaced."""
        sizes = ((side, min(len(side), MOST_COMPARED)) for side in self.vectors)
        fake, real = (side[np.linspace(0, len(side) - 1, size).astype(int)] for side, size in sizes)
        return fake, real

    @property
    def training(self) -> np.ndarray:
        """Feature vectors of the training images (k, width); only for metrics that need them."""
        assert self.train is not None
        return self.train.vectors


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A metric: what it tells, which values are better, how it is computed, and what it needs."""

    about: str
    """What the number is, in a phrase that is understandable alone."""
    better: Literal["lower", "higher", "near 0", "near 1", "floor"]
    """Which values are better; "floor": values near those of real images."""
    compute: Callable[[FeatureSets, int], Estimate | Mapping[str, Estimate]]
    """Takes the images and a seed. Metrics that share a computation return all of their values by name."""
    needs: tuple[Need, ...] = ()
    fewest: Callable[[int], int] = lambda width: FEWEST
    """The smallest number of generated and of real images, for features of this width."""
    most: float = math.inf
    """The largest possible value: 1 for a share."""
    on_request: bool = False
    """Whether the metric is computed only when it is asked for by name."""


def probabilities(sample: Sample) -> np.ndarray:
    """Class probabilities (n, classes) of images whose features come from a classifier."""
    assert sample.features.probabilities is not None
    return sample.features.probabilities


def _class_divergence(sets: FeatureSets, seed: int) -> Estimate:
    fake, real = (classes.histogram(probabilities(side)) for side in (sets.fake, sets.real))
    return classes.divergence(fake, real + 0.5)  # half an image more: no class has a share of exactly 0


def _digit_modes(sets: FeatureSets, seed: int) -> dict[str, Estimate]:
    images = sets.images[0]
    digits = load_extractor("mnist", channels=1, height=images.shape[1], width=images.shape[2])
    planes = (probabilities(Sample(features=extract(digits, images[..., [channel]]))) for channel in range(3))
    return classes.modes(classes.triples(*(plane.argmax(1) for plane in planes)))


METRICS = {
    "fd": Metric(
        about="Fréchet distance between the features of samples and of real images",
        better="lower",
        compute=lambda sets, seed: frechet.frechet_distance(*sets.vectors, seed),
        fewest=lambda width: width + 1,
    ),
    "fd-infinity": Metric(
        about="Fréchet distance extrapolated to infinitely many images",
        better="lower",
        compute=lambda sets, seed: frechet.frechet_infinity(*sets.vectors, seed),
        fewest=lambda width: 4 * (width + 1),
    ),
    "kid": Metric(
        about="kernel distance between the features, unbiased at any number of images",
        better="lower",
        compute=lambda sets, seed: kernel.kernel_distance(*sets.vectors, seed=seed).estimate,
    ),
    "precision": Metric(
        about="share of samples that lie among the real images",
        better="higher",
        compute=lambda sets, seed: neighbours.precision_recall(*sets.vectors, seed=seed),
        fewest=lambda width: 20,
        most=1,
    ),
    "recall": Metric(
        about="share of real images that lie among the samples",
        better="higher",
        compute=lambda sets, seed: neighbours.precision_recall(*sets.vectors, seed=seed),
        fewest=lambda width: 20,
        most=1,
    ),
    "density": Metric(
        about="density of samples around real images, relative to the real images' own",
        better="near 1",
        compute=lambda sets, seed: neighbours.density_coverage(*sets.vectors, seed=seed),
        fewest=lambda width: 30,
    ),
    "coverage": Metric(
        about="share of real images that have a sample nearby",
        better="higher",
        compute=lambda sets, seed: neighbours.density_coverage(*sets.vectors, seed=seed),
        fewest=lambda width: 30,
        most=1,
    ),
    "diversity": Metric(
        about="mean distance between two samples, divided by that between two real images",
        better="near 1",
        compute=lambda sets, seed: diversity.pair_diversity(*sets.vectors),
    ),
    "class-kl": Metric(
        about="KL divergence of the samples' class shares from those of real images",
        better="lower",
        compute=_class_divergence,
        needs=("classes",),
    ),
    "junk": Metric(
        about="share of samples whose likeliest class has a probability below 50 %",
        better="lower",
        compute=lambda sets, seed: classes.junk_rate(probabilities(sets.fake)),
        needs=("classes",),
        most=1,
    ),
    "modes": Metric(
        about="number of the 1,000 stacked digits that occur among the samples",
        better="higher",
        compute=_digit_modes,
        needs=OF_STACKED,
        most=1000,
        on_request=True,
    ),
    "modes-kl": Metric(
        about="KL divergence of the stacked digits' shares from equal shares",
        better="lower",
        compute=_digit_modes,
        needs=OF_STACKED,
        on_request=True,
    ),
    "spectrum": Metric(
        about="difference of samples and real images in coarse and fine detail, in decibels",
        better="lower",
        compute=lambda sets, seed: spectrum.spectrum(*sets.images, seed),
        needs=("images",),
    ),
    "checkerboard": Metric(
        about="strength of upsampling's checkerboard pattern, relative to real images, in decibels",
        better="near 0",
        compute=lambda sets, seed: spectrum.spectrum(*sets.images, seed),
        needs=("images",),
    ),
    "authenticity": Metric(
        about="share of samples farther from their nearest training image than that image is from its own nearest",
        better="floor",
        compute=lambda sets, seed: copying.authenticity(sets.compared[0], sets.training),
        needs=COPYING[:1],
        most=1,
    ),
    "near-copies": Metric(
        about="share of samples closer to a training image than 99 % of validation images are",
        better="floor",
        compute=lambda sets, seed: copying.near_copies(sets.compared[0], sets.training, sets.compared[1]),
        needs=COPYING,
        most=1,
    ),
    "ct": Metric(
        about="C_T, a test for copying: far below 0 means that samples copy training images",
        better="floor",
        compute=lambda sets, seed: copying.copying_score(sets.compared[0], sets.training, sets.compared[1], seed),
        needs=COPYING,
    ),
}
"""Every metric by its name on the command line, in the order in which they are shown."""

SHORT = {"pr": ("precision", "recall"), "dc": ("density", "coverage")}
"""Short names for several metrics at once."""
