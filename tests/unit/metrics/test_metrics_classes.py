import math

import numpy as np
import pytest

from gansmith.errors import DataError
from gansmith.metrics.classes import divergence, histogram, junk_rate, modes, triples


def test_each_image_counts_for_its_likeliest_class():
    assert histogram(np.array([[0.2, 0.8, 0], [0.5, 0.3, 0.2], [0, 0.6, 0.4]])).tolist() == [1, 2, 0]


def test_equal_shares_diverge_by_nothing_and_one_class_of_ten_by_log_ten():
    assert divergence(np.full(10, 7), np.ones(10)).value == pytest.approx(0, abs=1e-12)
    assert divergence(np.eye(10)[3] * 70, np.full(10, 500)).value == pytest.approx(math.log(10))


def test_the_divergence_is_the_definition():
    counts, prior = np.array([10, 30, 60]), np.array([20, 20, 60])
    expected = 0.1 * math.log(0.1 / 0.2) + 0.3 * math.log(0.3 / 0.2)
    found = divergence(counts, prior)
    assert found.value == pytest.approx(expected)
    assert 0 <= found.low < found.value < found.high


@pytest.mark.parametrize(("shares", "most"), [(np.arange(1, 11) / 55, 0.98), (np.full(10, 0.1), 1)])
def test_the_divergences_interval_holds_its_mean(shares, most):
    """Of a generator with just the prior's shares the interval is wider than it need be."""
    found = [divergence(counts, np.ones(10)) for counts in np.random.default_rng(0).multinomial(2000, shares, 1000)]
    mean = np.mean([one.value for one in found])
    assert 0.90 <= np.mean([one.low <= mean <= one.high for one in found]) <= most


def test_a_class_that_the_prior_lacks_is_refused():
    with pytest.raises(DataError, match="the prior is 0 for the class of 5 images"):
        divergence(np.array([5, 5]), np.array([0, 9]))


def test_images_that_look_like_no_class_are_junk():
    sure, unsure = [0.9, 0.05, 0.05], [0.4, 0.35, 0.25]
    found = junk_rate(np.array([sure] * 6 + [unsure] * 2))
    assert found.value == 0.25
    assert 0 < found.low < 0.25 < found.high < 1


def test_three_digits_are_one_of_a_thousand_modes():
    assert triples(np.array([0, 9, 1]), np.array([0, 9, 2]), np.array([0, 9, 3])).tolist() == [0, 999, 123]
    with pytest.raises(DataError, match="got 1 to 10"):
        triples(np.array([10]), np.array([2]), np.array([1]))


def test_all_modes_in_equal_shares_are_a_thousand_and_diverge_by_nothing():
    found = modes(np.tile(np.arange(1000), 26))
    assert (found["modes"].value, found["modes"].low, found["modes"].high) == (1000, 1000, 1000)
    assert found["modes-kl"].value == pytest.approx(0, abs=1e-12)


def test_a_generator_of_ten_triples_has_ten_modes_and_diverges_by_log_a_hundred():
    found = modes(np.tile(np.arange(10), 100))
    assert found["modes"].value == 10
    assert found["modes-kl"].value == pytest.approx(math.log(100))


def test_the_interval_of_modes_holds_their_mean():
    shares = 1.0 / np.arange(1, 1001) ** 1.3
    shares /= shares.sum()
    rng = np.random.default_rng(0)
    found = [modes(rng.choice(1000, 2000, p=shares))["modes"] for _ in range(300)]
    mean = np.mean([one.value for one in found])
    assert 0.90 <= np.mean([one.low <= mean <= one.high for one in found]) <= 0.99
