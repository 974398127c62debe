"""How much images of one kind differ from each other."""

import numpy as np

from gansmith.metrics.arrays import pair
from gansmith.metrics.intervals import Estimate, from_variance
from gansmith.metrics.neighbours import distance_blocks


def pair_diversity(fake: np.ndarray, real: np.ndarray) -> Estimate:
    """Mean distance between two fakes, divided by that between two reals, for features (n, d) and (m, d).

    1: fakes are as varied as reals; 0: all fakes are the same; below 0.5 suggests mode collapse. Both means are over
    all pairs, so they are unbiased. The interval is the delta method on the two means, whose variances follow from
    each image's mean distance to the others (Hoeffding 1948, Ann. Math. Stat. 19:293, §5). If all reals are the same,
    the value is infinite, or 1 if all fakes are the same too.
    """
    fake, real = pair(fake, real, at_least=4)
    (top, top_variance), (bottom, bottom_variance) = (_mean_distance(side) for side in (fake, real))
    if bottom == 0:
        value = 1.0 if top == 0 else float("inf")
        return Estimate(value, value, value, "delta")
    ratio = top / bottom
    return from_variance(ratio, (top_variance + ratio**2 * bottom_variance) / bottom**2, "delta", lowest=0)


def _mean_distance(features: np.ndarray) -> tuple[float, float]:
    """Mean distance over all pairs of different images, and the variance of this mean."""
    means = np.empty(len(features))
    for rows, squares in distance_blocks(features, features):
        own = np.arange(rows.start, rows.stop)
        squares[own - rows.start, own] = 0
        means[rows] = np.sqrt(squares, out=squares).sum(1) / (len(features) - 1)
    return float(means.mean()), 4 * float(means.var(ddof=1)) / len(features)
