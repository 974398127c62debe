"""Combines the values of runs that differ only in the seed: their median, its interval, and which of two is better.

The interval is Student's for the mean, placed around the median, and never narrower than the intervals of the single
values allow. For one seed it is the interval of the measurement alone: another seed may lie outside it.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from gansmith.evaluation.table import METRICS
from gansmith.metrics.intervals import Estimate

STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""The 97.5 % quantiles of Student's t distribution for 2 to 10 values; the last one is used for more."""
OPEN = "cannot tell"
"""The verdict when the interval of the difference contains 0."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SeedSummary:
    """The median of several runs' values with its interval, which is clipped to the values a metric can take."""

    median: float
    low: float
    high: float
    half: float
    """Half the width of the interval before it was clipped."""
    values: tuple[float, ...]


def summarise(name: str, estimates: Sequence[Estimate]) -> SeedSummary:
    """The median of the metric `name` over these runs, with the interval that the module describes."""
    values = [one.value for one in estimates]
    half = math.sqrt(sum(((one.high - one.low) / 2) ** 2 for one in estimates)) / len(values)
    if len(values) > 1:
        quantile = STUDENT[min(len(values) - 2, len(STUDENT) - 1)]
        half = max(half, quantile * statistics.stdev(values) / math.sqrt(len(values)))
    median = statistics.median(values)
    lowest = 0.0 if all(one.low >= 0 for one in estimates) else -math.inf
    low, high = max(median - half, lowest), min(median + half, METRICS[name].most)
    return SeedSummary(median=median, low=low, high=high, half=half, values=tuple(values))


def verdict(name: str, a: SeedSummary, b: SeedSummary, a_name: str = "A", b_name: str = "B") -> str:
    """Which of two is better by the metric `name`, such as "A better", or `OPEN`.

    It is open when 0 lies inside the interval of the difference, and for a metric that is neither better when lower
    nor better when higher.
    """
    direction = {"lower": -1, "higher": 1}.get(METRICS[name].better, 0)
    difference = direction * (a.median - b.median)
    if not abs(difference) > math.hypot(a.half, b.half):
        return OPEN
    return f"{a_name if difference > 0 else b_name} better"
