"""Metrics of nearest neighbours: precision and recall, density and coverage. All distances are Euclidean.

Precision and recall: Kynkäänniemi et al. 2019, arXiv:1904.06991, equations 1 and 2. Density and coverage: Naeem et al.
2020, arXiv:2002.09797, §3. All of them depend on the number of images: compare them at equal numbers.
"""

from collections.abc import Iterator

import numpy as np

from gansmith.errors import UsageError
from gansmith.metrics.arrays import pair
from gansmith.metrics.intervals import PARTS, Estimate, from_parts, from_variance, on_parts

ROWS = 512
"""Number of rows in a block of distances: 512 rows of 10,000 float64 distances take 41 MB."""
_ROUNDING = 1e-12
"""Squared distances count as equal if they differ by less than this share of the longest vector's square.

A copy of an image lies exactly on the border of every ball whose radius that image sets; rounding must not decide
whether it is inside.
"""


def precision_recall(fake: np.ndarray, real: np.ndarray, k: int = 3, seed: int = 0) -> dict[str, Estimate]:
    """Precision and recall by name, of features (n, d) and (m, d), 0..1 each.

    Precision is the share of fakes inside the balls of reals, and recall that of reals inside the balls of fakes,
    borders included. The radius of an image's ball is the distance to its k-th nearest neighbour of the same kind.
    """
    fake, real = _checked(fake, real, k)
    parts = on_parts(lambda f, r: _precision_recall(fake[f], real[r], k), len(fake), len(real), seed)
    found = zip(("precision", "recall"), _precision_recall(fake, real, k), parts, strict=True)
    return {name: from_parts(value, some, lowest=0, highest=1) for name, value, some in found}


def density_coverage(fake: np.ndarray, real: np.ndarray, k: int = 5, seed: int = 0) -> dict[str, Estimate]:
    """Density and coverage by name, of features (n, d) and (m, d).

    Density is the mean number of reals' balls that contain a fake, divided by k: about 1 for two kinds that are alike,
    without an upper limit. Coverage is the share of reals with a fake in their ball, 0..1. The radius of a ball is the
    distance to the k-th nearest real neighbour; borders are outside, as in the article. Density is a mean over fakes
    and equally a mean over reals, so its variance is the sum of both means' variances.
    """
    fake, real = _checked(fake, real, k)
    balls, held = _memberships(fake, real, k)
    variance = float(balls.var()) / len(fake) + float(held.var()) * len(real) / len(fake) ** 2

    def coverage(f: np.ndarray, r: np.ndarray) -> tuple[float]:
        return (float((_memberships(fake[f], real[r], k)[1] > 0).mean()),)

    parts = on_parts(coverage, len(fake), len(real), seed)[0]
    return {
        "density": from_variance(float(balls.mean()) / k, variance / k**2, "means of both kinds", lowest=0),
        "coverage": from_parts(float((held > 0).mean()), parts, lowest=0, highest=1),
    }


def radii(features: np.ndarray, k: int, chosen: np.ndarray | None = None) -> np.ndarray:
    """Squared distance from each feature, or from the `chosen` ones (c,), to its k-th nearest other; k < n."""
    chosen = np.arange(len(features)) if chosen is None else chosen
    found = np.empty(len(chosen))
    for rows, squares in distance_blocks(features[chosen], features):
        squares[np.arange(len(squares)), chosen[rows]] = np.inf
        found[rows] = np.partition(squares, k - 1, axis=1)[:, k - 1]
    return found


def nearest(queries: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index (n,) of the point nearest to each query (n, d), and its distance (n,), which is exactly 0 for a copy."""
    indices = np.empty(len(queries), np.int64)
    for rows, squares in distance_blocks(queries, points):
        indices[rows] = squares.argmin(1)
    return indices, np.linalg.norm(queries - points[indices], axis=1)


def distance_blocks(rows: np.ndarray, columns: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Squared distances between (n, d) and (m, d), 512 rows at a time: (slice of rows, distances (<= 512, m)).

    |x|^2 + |y|^2 - 2 x.y in float64; subtracting the columns' mean from both keeps more digits. The next block
    overwrites the array.
    """
    middle = columns.mean(0)
    rows, columns = rows - middle, columns - middle
    column_squares = np.einsum("ij,ij->i", columns, columns)
    turned = np.ascontiguousarray(-2 * columns.T)
    room = np.empty((min(ROWS, len(rows)), len(columns)))
    for start in range(0, len(rows), ROWS):
        block = rows[start : start + ROWS]
        squares = np.matmul(block, turned, out=room[: len(block)])
        squares += column_squares
        squares += np.einsum("ij,ij->i", block, block)[:, None]
        np.maximum(squares, 0.0, out=squares)
        yield slice(start, start + len(block)), squares


def _precision_recall(fake: np.ndarray, real: np.ndarray, k: int) -> tuple[float, float]:
    slack = _slack(fake, real)
    of_fake, of_real = radii(fake, k) + slack, radii(real, k) + slack
    precise, recalled = 0, np.zeros(len(real), bool)
    for rows, squares in distance_blocks(fake, real):
        precise += int((squares <= of_real).any(1).sum())
        recalled |= (squares <= of_fake[rows, None]).any(0)
    return precise / len(fake), float(recalled.mean())


def _memberships(fake: np.ndarray, real: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Number of reals' balls that contain each fake (n,), and number of fakes in each real's ball (m,)."""
    of_real = radii(real, k) - _slack(fake, real)
    balls, held = np.empty(len(fake), np.int64), np.zeros(len(real), np.int64)
    for rows, squares in distance_blocks(fake, real):
        inside = squares < of_real
        balls[rows] = inside.sum(1)
        held += inside.sum(0)
    return balls, held


def _checked(fake: np.ndarray, real: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    if k < 1:
        raise UsageError(f"k must be at least 1, the nearest neighbour; got {k}.")
    return pair(fake, real, at_least=PARTS * (k + 1))


def _slack(fake: np.ndarray, real: np.ndarray) -> float:
    middle = real.mean(0)
    return _ROUNDING * max(float(np.square(side - middle).sum(1).max()) for side in (fake, real))
