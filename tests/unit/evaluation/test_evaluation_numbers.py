"""A reminder: a change of any number raises `cache.NUMBERS_VERSION`, so that no cache holds a number of before."""

import numpy as np
import pytest

from gansmith.evaluation.cache import NUMBERS_VERSION
from gansmith.evaluation.measure import values_of
from gansmith.evaluation.reference import Sample
from gansmith.evaluation.table import METRICS, FeatureSets
from gansmith.features.extract import Features, extract
from gansmith.features.networks import load_extractor

HELP = "these numbers changed: if that is wanted, raise NUMBERS_VERSION in evaluation/cache.py, and record them here"

VERSION = 1
"""The version that the numbers below are of."""

FEATURES = {
    ("mnist", 28, 1): (0.313921, 0.773838),
    ("fashion-mnist", 40, 1): (0.373281, 0.474071),
    ("notmnist", 28, 1): (0.577788, 0.688487),
    ("cifar10", 32, 3): (0.295295, 0.398102),
    ("cifar10", 20, 1): (0.371591, 0.417793),
    ("random", 28, 1): (0.519747, 0.4158),
    ("random", 33, 4): (0.482694, 0.292095),
}
"""Mean and standard deviation of the features of `images`, by network, side and channels."""

VALUES = {
    "fd": (0.0123216, 0.000777848),
    "fd-infinity": (-0.00692131, -0.0210595),
    "kid": (-0.00798797, -0.0281238),
    "precision": (0.983333, 0.916064),
    "recall": (0.975, 0.923685),
    "density": (1.05, 0.871805),
    "coverage": (1, 0.958102),
    "diversity": (0.996447, 0.919621),
    "class-kl": (0.0105272, 0),
    "junk": (0.05, 0.0171495),
    "modes": (1, 1),
    "modes-kl": (6.90776, 6.17769),
    "spectrum": (0.123665, 0),
    "checkerboard": (0.168191, -0.0857172),
    "authenticity": (0.383333, 0.270883),
    "near-copies": (0, 0),
    "ct": (-1.24638, -3.21534),
}
"""Value and lower end of the interval of each metric, for `feature_sets`."""


def images(num, side, channels, seed):
    random = np.random.RandomState(seed)
    coarse = random.randint(0, 256, (num, -(-side // 7), -(-side // 7), channels)).repeat(7, 1).repeat(7, 2)
    fine = random.randint(-20, 21, (num, side, side, channels))
    return np.clip(coarse[:, :side, :side] + fine, 0, 255).astype(np.uint8)


def sample(num, seed):
    random = np.random.RandomState(seed)
    probabilities = random.rand(num, 3) ** 3
    vectors = random.rand(num, 4) + 0.02 * seed
    features = Features(vectors=vectors, probabilities=probabilities / probabilities.sum(1, keepdims=True))
    return Sample(features=features, images=images(num, 28, 3, seed))


def feature_sets():
    return FeatureSets(fake=sample(60, 1), real=sample(80, 2), train=sample(90, 3).features)


def test_the_recorded_numbers_are_of_the_caches_version():
    assert VERSION == NUMBERS_VERSION, "record the numbers of the new version here"


@pytest.mark.parametrize(("name", "side", "channels"), FEATURES)
def test_features_are_those_of_the_version(name, side, channels):
    network = load_extractor(name, channels=channels, height=side, width=side)
    vectors = extract(network, images(20, side, channels, 0)).vectors
    assert (vectors.mean(), vectors.std()) == pytest.approx(FEATURES[name, side, channels], rel=1e-4), HELP


@pytest.mark.parametrize("name", VALUES)
def test_metrics_are_those_of_the_version(name):
    found = values_of(feature_sets(), [name])[name]
    assert (found.value, found.low) == pytest.approx(VALUES[name], rel=1e-4, abs=1e-6), HELP


def test_every_metric_is_recorded_that_was_there_at_this_version():
    assert METRICS.keys() >= VALUES.keys() >= {"fd", "kid", "precision", "coverage", "modes", "spectrum", "ct"}
