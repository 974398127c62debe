"""A number with its interval, and the ways measures get one.

An interval holds, in 95 of 100 repetitions with other images of the same two kinds, the value that the measure has on
the average at these counts of images. Where a measure depends on the counts, as the Fréchet distance does, that is
not what infinitely many images would give: the counts belong to the number. `frechet_infinity` is the exception.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gansmith.metrics.arrays import random_parts

NORMAL = 1.959964
"""Standard deviations from the middle to either end of 95 % of a normal law."""

PARTS = 5
DEALS = 4
"""Measures without a formula for their variance are repeated on fifths of the images, dealt anew four times."""

_STUDENT = 2.119905
"""As `NORMAL`, of Student's law for a variance from 4 deals, each of which leaves 4 degrees of freedom."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured value, the ends of its 95 % interval and how they were found."""

    value: float
    low: float
    high: float
    method: str


def from_variance(
    value: float, variance: float, method: str, lowest: float = -math.inf, highest: float = math.inf
) -> Estimate:
    """The normal interval of an estimate whose variance is known, cut at the values the measure can take."""
    return _around(value, NORMAL * math.sqrt(max(variance, 0.0)), method, lowest, highest)


def from_parts(
    value: float, parts: np.ndarray, method: str = "fifths", lowest: float = -math.inf, highest: float = math.inf
) -> Estimate:
    """The interval of a measure of all images from its values (4, 5) on their fifths, of each deal.

    The variance on all is a fifth of that between the fifths (Politis & Romano 1994, Ann. Stat. 22:2031). Only their
    spread is used: their mean may be another than the value on all, where a measure depends on the counts.
    """
    variance = float(np.var(parts, axis=1, ddof=1).mean()) / PARTS
    return _around(value, _STUDENT * math.sqrt(variance), method, lowest, highest)


def on_parts(
    measure: Callable[[np.ndarray, np.ndarray], tuple[float, ...]], num_fake: int, num_real: int, seed: int
) -> np.ndarray:
    """The v values of each fifth of each deal, (v, 4, 5): `measure` is given positions of fakes and of reals."""
    deals = [random_parts(num_fake, num_real, PARTS, seed, deal) for deal in range(DEALS)]
    return np.array([[measure(fake, real) for fake, real in parts] for parts in deals]).transpose(2, 0, 1)


def share(successes: int, count: int) -> Estimate:
    """A share of independent images, 0..1, with Wilson's interval (1927, J. Am. Stat. Assoc. 22:209)."""
    p, z2 = successes / count, NORMAL**2
    middle = (p + z2 / (2 * count)) / (1 + z2 / count)
    half = NORMAL / (1 + z2 / count) * math.sqrt(p * (1 - p) / count + z2 / (4 * count**2))
    return Estimate(p, max(0.0, min(p, middle - half)), min(1.0, max(p, middle + half)), "Wilson")


def _around(value: float, half: float, method: str, lowest: float, highest: float) -> Estimate:
    return Estimate(value, max(lowest, value - half), min(highest, value + half), method)
