"""A number with its interval, and the ways measures get one.

An interval holds, in 95 of 100 repetitions with other pictures of the same two kinds, the value that the measure has on
the average at these counts of pictures. Where a measure depends on the counts, as the Fréchet distance does, that is
not what infinitely many pictures would give: the counts belong to the number. `frechet_infinity` is the exception.
"""

import math
from dataclasses import dataclass

import numpy as np

NORMAL = 1.959964
"""Standard deviations from the middle to either end of 95 % of a normal law."""

PARTS = 20
_STUDENT = {
    1: 12.7062, 2: 4.3027, 3: 3.1824, 4: 2.7764, 5: 2.5706, 6: 2.4469, 7: 2.3646, 8: 2.3060, 9: 2.2622, 10: 2.2281,
    11: 2.2010, 12: 2.1788, 13: 2.1604, 14: 2.1448, 15: 2.1314, 16: 2.1199, 17: 2.1098, 18: 2.1009, 19: 2.0930,
}  # fmt: skip
"""The same of Student's law, by degrees of freedom."""


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
    value: float, parts: np.ndarray, method: str, lowest: float = -math.inf, highest: float = math.inf
) -> Estimate:
    """The interval of a measure of all pictures from its values (g,) on g disjoint parts of them, 2 <= g <= 20.

    The variance on all is that between the parts divided by g; Student's law, because g is small. The parts' mean may
    be another than the value of all: only their spread is used.
    """
    spread = float(np.std(parts, ddof=1)) / math.sqrt(len(parts))
    return _around(value, _STUDENT[len(parts) - 1] * spread, method, lowest, highest)


def share(successes: int, count: int) -> Estimate:
    """A share of independent pictures, 0..1, with Wilson's interval (1927, J. Am. Stat. Assoc. 22:209)."""
    p, z2 = successes / count, NORMAL**2
    middle = (p + z2 / (2 * count)) / (1 + z2 / count)
    half = NORMAL / (1 + z2 / count) * math.sqrt(p * (1 - p) / count + z2 / (4 * count**2))
    return Estimate(p, min(p, middle - half), max(p, middle + half), "Wilson")


def num_parts(count: int, smallest: int) -> int:
    """In how many parts of at least `smallest` each `count` pictures are cut: 2 to 20."""
    return max(2, min(PARTS, count // smallest))


def _around(value: float, half: float, method: str, lowest: float, highest: float) -> Estimate:
    return Estimate(value, max(lowest, value - half), min(highest, value + half), method)
