"""Combines the values of runs that differ only in the seed: their mean, its interval, and which of two is better.

The interval is Student's for the mean of a small sample (Student 1908, Biometrika 6:1), and never narrower than the
intervals of the single values allow. For one seed it is the interval of the sampled images alone: another seed may lie
outside it. Two groups that were trained with the same seeds are compared seed by seed: a paired t interval of the
differences, from which whatever the two runs of a seed share cancels.
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
    """The mean of several runs' values with its interval, which is clipped to the values a metric can take."""

    mean: float
    low: float
    high: float
    half: float
    """Half the width of the interval before it was clipped."""
    values: tuple[float, ...]
    """The value of each run."""
    halves: tuple[float, ...]
    """Half the width of each value's own interval."""
    seeds: tuple[int, ...]
    """The seed of each run; empty if they are unknown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SeedDifference:
    """A group's mean minus another's, with both ends of its 95 % interval."""

    mean: float
    low: float
    high: float
    paired_seeds: tuple[int, ...]
    """The seeds by which the runs are paired; empty when they are not paired."""

    def better(self, name: str) -> int:
        """1 when the first group is better by the metric `name`, -1 when the second is, 0 when nobody can tell."""
        direction = {"lower": -1, "higher": 1}.get(METRICS[name].better, 0)
        if self.low <= 0 <= self.high:
            return 0
        return direction if self.mean > 0 else -direction


def summarise(name: str, estimates: Sequence[Estimate], seeds: Sequence[int] = ()) -> SeedSummary:
    """The mean of the metric `name` over these runs, with the interval that the module describes."""
    values, halves = [one.value for one in estimates], [(one.high - one.low) / 2 for one in estimates]
    mean, half = _mean_interval(values, halves)
    lowest = 0.0 if all(one.low >= 0 for one in estimates) else -math.inf
    low, high = max(mean - half, lowest), min(mean + half, METRICS[name].most)
    return SeedSummary(
        mean=mean, low=low, high=high, half=half, values=tuple(values), halves=tuple(halves), seeds=tuple(seeds)
    )


def difference(a: SeedSummary, b: SeedSummary) -> SeedDifference:
    """The mean of `a` minus that of `b`; paired by seed when both have the same two seeds or more, each once."""
    if len(a.seeds) > 1 and len(set(a.seeds)) == len(a.seeds) and sorted(a.seeds) == sorted(b.seeds):
        first, second = (dict(zip(one.seeds, zip(one.values, one.halves, strict=True), strict=True)) for one in (a, b))
        seeds = tuple(sorted(first))
        values = [first[seed][0] - second[seed][0] for seed in seeds]
        mean, half = _mean_interval(values, [math.hypot(first[seed][1], second[seed][1]) for seed in seeds])
    else:
        mean, half, seeds = a.mean - b.mean, math.hypot(a.half, b.half), ()
    return SeedDifference(mean=mean, low=mean - half, high=mean + half, paired_seeds=seeds)


def _mean_interval(values: Sequence[float], halves: Sequence[float]) -> tuple[float, float]:
    """The mean, and half the width of its interval: Student's, at least that of the values' own intervals."""
    half = math.sqrt(sum(one**2 for one in halves)) / len(values)
    if len(values) > 1:
        quantile = STUDENT[min(len(values) - 2, len(STUDENT) - 1)]
        half = max(half, quantile * statistics.stdev(values) / math.sqrt(len(values)))
    return statistics.fmean(values), half


def verdict(name: str, a: SeedSummary, b: SeedSummary, a_name: str = "A", b_name: str = "B") -> str:
    """Which of two is better by the metric `name`, such as "A better", or `OPEN`.

    It is open when 0 lies inside the interval of the difference, and for a metric that is neither better when lower
    nor better when higher.
    """
    better = difference(a, b).better(name)
    return OPEN if not better else f"{a_name if better > 0 else b_name} better"
