import numpy as np
import pytest

from gansmith.errors import UsageError
from gansmith.metrics.kernel import kernel_distance


def normal(rows, width, seed=0, shift=0.0):
    return np.random.default_rng(seed).standard_normal((rows, width)) + shift


def by_hand(fake, real):
    """Sum by sum, as the definition has it."""

    def mean(x, y, same):
        values = [
            (x[i] @ y[j] / x.shape[1] + 1) ** 3 for i in range(len(x)) for j in range(len(y)) if not (same and i == j)
        ]
        return np.mean(values)

    return mean(fake, fake, True) + mean(real, real, True) - 2 * mean(fake, real, False)


def test_it_is_the_definition():
    fake, real = normal(12, 5, 1, shift=0.3), normal(12, 5, 2)
    assert kernel_distance(fake, real).estimate.value == pytest.approx(by_hand(fake, real), rel=1e-12)


def test_of_equal_laws_it_is_zero_on_the_average():
    rng = np.random.default_rng(0)
    found = [kernel_distance(*rng.standard_normal((2, 20, 8))).estimate.value for _ in range(1000)]
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(1000)


def test_a_law_with_a_shift_is_farther():
    near, far = (kernel_distance(normal(200, 8, 1, shift), normal(200, 8, 2), size=100) for shift in (0.1, 0.5))
    assert near.estimate.high < far.estimate.low


def test_the_same_seed_draws_the_same_subsets():
    fake, real = normal(200, 8, 1), normal(300, 8, 2)
    first, again, other = (kernel_distance(fake, real, 5, 50, seed) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_more_subsets_narrow_the_interval_only_so_far():
    fake, real = normal(400, 8, 1, 0.3), normal(400, 8, 2)
    widths = [found.high - found.low for found in (kernel_distance(fake, real, s, 100).estimate for s in (2, 50, 200))]
    assert widths[1] < widths[0]
    assert widths[2] > widths[1] / 2


def test_all_images_at_once_need_no_subsets():
    found = kernel_distance(normal(60, 4, 1), normal(60, 4, 2))
    assert found.deviation == 0
    assert found.estimate.low < found.estimate.value < found.estimate.high


def test_no_subset_is_refused():
    with pytest.raises(UsageError, match="got 0 of 1000"):
        kernel_distance(normal(9, 2), normal(9, 2), subsets=0)
