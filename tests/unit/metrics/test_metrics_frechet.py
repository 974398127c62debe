import math

import numpy as np
import pytest

from gansmith.errors import DataError
from gansmith.metrics.frechet import Gaussian, frechet, frechet_distance, frechet_infinity, gaussian


def normal(rows, width, seed=0, shift=0.0, scale=1.0):
    return np.random.default_rng(seed).standard_normal((rows, width)) * scale + shift


def random_covariance(width, seed):
    root = normal(width, width, seed)
    return root @ root.T / width


def test_the_distance_of_two_laws_with_a_common_basis_is_the_closed_form():
    basis = np.linalg.qr(normal(16, 16))[0]
    a, b = np.linspace(0.1, 4, 16), np.linspace(3, 0.2, 16)
    moved = normal(1, 16, seed=1)[0]
    laws = (Gaussian(moved, basis * a @ basis.T, 0), Gaussian(np.zeros(16), basis * b @ basis.T, 0))
    expected = moved @ moved + np.square(np.sqrt(a) - np.sqrt(b)).sum()
    assert frechet(*laws) == pytest.approx(expected, rel=1e-12)


def test_the_distance_of_any_two_laws_is_the_closed_form_and_images_of_them_come_near_it():
    a, b = random_covariance(8, 1), random_covariance(8, 2)
    root_a, root_b = np.linalg.cholesky(a), np.linalg.cholesky(b)
    fake, real = normal(100_000, 8, 3) @ root_a.T + 0.5, normal(100_000, 8, 4) @ root_b.T
    overlap = np.sqrt(np.linalg.eigvals(a @ b).real).sum()
    expected = 8 * 0.25 + np.trace(a) + np.trace(b) - 2 * overlap
    assert frechet(gaussian(fake), gaussian(real)) == pytest.approx(expected, rel=0.02)
    assert frechet(Gaussian(np.full(8, 0.5), a, 0), Gaussian(np.zeros(8), b, 0)) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("dead", [0, 20])
def test_features_are_at_distance_zero_from_themselves(dead):
    features = np.maximum(normal(500, 64, scale=10), 0)
    features[:, :dead] = 0
    law = gaussian(features)
    assert abs(frechet(law, law)) <= 1e-6


def test_fewer_images_than_features_are_wide_still_give_a_number():
    law = gaussian(normal(20, 64))
    assert abs(frechet(law, law)) <= 1e-6


def test_the_order_of_images_changes_nothing():
    fake, real = normal(300, 20, 1, scale=3), normal(400, 20, 2)
    shuffled = np.random.default_rng(0).permutation(300)
    assert frechet(gaussian(fake[shuffled]), gaussian(real)) == pytest.approx(
        frechet(gaussian(fake), gaussian(real)), abs=1e-9
    )


def test_the_distance_is_symmetric():
    a, b = gaussian(normal(100, 10, 1, scale=2)), gaussian(normal(200, 10, 2, shift=1))
    assert frechet(a, b) == pytest.approx(frechet(b, a), rel=1e-12)


def test_the_estimate_holds_the_distance_itself():
    fake, real = normal(300, 10, 1, shift=1), normal(300, 10, 2)
    found = frechet_distance(fake, real)
    assert found.value == frechet(gaussian(fake), gaussian(real))
    assert found.low < found.value < found.high


def test_four_times_the_images_halve_the_interval():
    def width(rows):
        found = frechet_distance(normal(rows, 8, 1, shift=1), normal(rows, 8, 2))
        return found.high - found.low

    assert width(1000) / width(4000) == pytest.approx(2, rel=0.15)


def test_extrapolation_takes_the_excess_of_few_images_away():
    fake, real = normal(800, 32, 1), normal(800, 32, 2)
    finite, infinite = frechet_distance(fake, real).value, frechet_infinity(fake, real)
    assert finite > 0.5
    assert abs(infinite.value) < 0.1 * finite
    assert infinite.low < 0 < infinite.high


def test_images_that_are_all_the_same_have_a_distance_and_an_interval():
    fake, real = np.ones((100, 5)), normal(100, 5)
    found = frechet_distance(fake, real)
    assert math.isfinite(found.low)
    assert found.low < found.value < found.high


@pytest.mark.parametrize(
    ("fake", "message"),
    [
        (np.zeros(4), "got the shape (4,)"),
        (np.zeros((1, 3)), "at least 4 fake images, got 1"),
        (np.zeros((9, 4)), "fake features are 4 wide, real ones 3"),
        (np.full((9, 3), np.nan), "not finite, first for image 0"),
    ],
)
def test_wrong_features_are_refused_in_one_sentence(fake, message):
    with pytest.raises(DataError) as caught:
        frechet_distance(fake, np.zeros((9, 3)))
    assert message in str(caught.value)
