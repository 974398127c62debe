"""Values of several runs that differ in the seed: their median, its interval, and which of two is better.

The interval is Student's of their mean, around their median, and never narrower than the intervals of the single values
allow. One seed has the interval of its measurement only, which says nothing of another seed.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from gansmith.evaluation.table import METRICS
from gansmith.metrics.intervals import Estimate

STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""The 97.5 % quantiles of Student's law for 2 to 10 values; the last one for more."""

OPEN = "cannot tell"
"""The verdict where an interval does not allow one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """Values of some runs: their median and its interval, cut at the values that the measure can have."""

    median: float
    low: float
    high: float
    half: float
    """Half of the interval before it was cut."""
    values: tuple[float, ...]


def summarise(name: str, estimates: Sequence[Estimate]) -> Summary:
    """The median of a measure's values and its interval; see the head of this file."""
    values = [one.value for one in estimates]
    half = math.sqrt(sum(((one.high - one.low) / 2) ** 2 for one in estimates)) / len(values)
    if len(values) > 1:
        quantile = STUDENT[min(len(values) - 2, len(STUDENT) - 1)]
        half = max(half, quantile * statistics.stdev(values) / math.sqrt(len(values)))
    median = statistics.median(values)
    lowest = 0.0 if all(one.low >= 0 for one in estimates) else -math.inf
    return Summary(
        median=median,
        low=max(median - half, lowest),
        high=min(median + half, METRICS[name].most),
        half=half,
        values=tuple(values),
    )


def verdict(name: str, a: Summary, b: Summary, a_name: str = "A", b_name: str = "B") -> str:
    """Which is better, or that it cannot be told: whether 0 lies outside the interval of the difference.

    It cannot be told for a measure of which neither more nor less is better.
    """
    direction = {"lower": -1, "higher": 1}.get(METRICS[name].better, 0)
    difference = direction * (a.median - b.median)
    if not abs(difference) > math.hypot(a.half, b.half):
        return OPEN
    return f"{a_name if difference > 0 else b_name} better"
