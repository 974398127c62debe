import numpy as np
import pytest

from gansmith.metrics.diversity import pair_diversity


def normal(rows, width=6, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, width))


def test_it_is_the_ratio_of_mean_distances_over_different_pairs():
    def mean_distance(x):
        return np.mean([np.linalg.norm(x[i] - x[j]) for i in range(len(x)) for j in range(len(x)) if i != j])

    fake, real = normal(15, seed=1) * 0.7, normal(20, seed=2)
    assert pair_diversity(fake, real).value == pytest.approx(mean_distance(fake) / mean_distance(real))


def test_images_drawn_in_to_half_are_half_as_diverse():
    found = pair_diversity(normal(500, seed=1) / 2, normal(500, seed=2))
    assert found.low < 0.5 < found.high


def test_images_that_are_all_the_same_have_no_diversity():
    assert pair_diversity(np.ones((50, 6)), normal(50)).high < 0.01
    assert pair_diversity(np.ones((50, 6)), np.ones((40, 6))).value == 1
    assert pair_diversity(normal(50), np.ones((40, 6))).value == float("inf")
