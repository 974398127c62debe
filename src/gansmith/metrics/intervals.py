"""Estimates with 95 % intervals, and the ways to compute the intervals.

In 95 of 100 repetitions with other images of the same two kinds, the interval contains the metric's mean at these
numbers of images. Where a metric depends on the number of images, as the Fréchet distance does, this mean is not the
value for infinitely many images. `frechet_infinity` is the exception.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gansmith.errors import UsageError
from gansmith.metrics.arrays import random_parts

NORMAL = 1.959964
"""Half the width of the central 95 % of a normal distribution, in standard deviations."""
PARTS = 5
"""A metric without a formula for its variance is repeated on this number of disjoint parts of the images."""
DEALS = 4
"""How many times the images are split into parts anew."""
_STUDENT = 2.119905
"""`NORMAL` for Student's t distribution with 16 degrees of freedom: 4 from each of 4 splits into parts."""


class MetricError(UsageError):
    """The function of a metric returns something other than the estimates it should return."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured value with its 95 % interval, and the method that computed the interval."""

    value: float
    low: float
    high: float
    method: str


def from_variance(
    value: float, variance: float, method: str, lowest: float = -math.inf, highest: float = math.inf
) -> Estimate:
    """The normal interval of an estimate with known variance, clipped to the values that the metric can take."""
    return _around(value, NORMAL * math.sqrt(max(variance, 0.0)), method, lowest, highest)


def from_parts(
    value: float, parts: np.ndarray, method: str = "fifths", lowest: float = -math.inf, highest: float = math.inf
) -> Estimate:
    """The estimate of a metric of all images, from its values (4, 5) on parts of the images as `on_parts` returns them.

    The variance is a fifth of the variance between the five parts (Politis & Romano 1994, Ann. Stat. 22:2031). The
    parts' mean is not used, because it differs from `value` where a metric depends on the number of images. Raises
    MetricError for `parts` of another shape.
    """
    if np.shape(parts) != (DEALS, PARTS):
        raise MetricError(f"the values on parts must have the shape {(DEALS, PARTS)}, got {np.shape(parts)}.")
    variance = float(np.var(parts, axis=1, ddof=1).mean()) / PARTS
    return _around(value, _STUDENT * math.sqrt(variance), method, lowest, highest)


def on_parts(
    measure: Callable[[np.ndarray, np.ndarray], tuple[float, ...]], num_fake: int, num_real: int, seed: int
) -> np.ndarray:
    """The v values of `measure` on each part of the images, for each split into parts: (v, 4, 5).

    `measure` takes the positions of the fakes and of the reals in a part, and returns v numbers as a tuple; MetricError
    when it does not.
    """
    deals = [random_parts(num_fake, num_real, PARTS, seed, deal) for deal in range(DEALS)]
    values = [[measure(fake, real) for fake, real in parts] for parts in deals]
    if not isinstance(first := values[0][0], tuple):
        raise MetricError(
            f"a measure of parts must return a tuple of numbers, such as (value,); got a {type(first).__name__}."
        )
    return np.array(values).transpose(2, 0, 1)


def share(successes: int, count: int) -> Estimate:
    """A share of independent images, 0..1, with Wilson's interval (1927, J. Am. Stat. Assoc. 22:209)."""
    p, z2 = successes / count, NORMAL**2
    middle = (p + z2 / (2 * count)) / (1 + z2 / count)
    half = NORMAL / (1 + z2 / count) * math.sqrt(p * (1 - p) / count + z2 / (4 * count**2))
    return Estimate(p, max(0.0, min(p, middle - half)), min(1.0, max(p, middle + half)), "Wilson")


def _around(value: float, half: float, method: str, lowest: float, highest: float) -> Estimate:
    return Estimate(value, max(lowest, value - half), min(highest, value + half), method)
