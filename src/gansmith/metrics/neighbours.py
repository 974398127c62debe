"""Measures of nearest neighbours: precision and recall, density and coverage. All distances are Euclidean.

Precision and recall: Kynkäänniemi et al. 2019, arXiv:1904.06991, equations 1 and 2. Density and coverage: Naeem et al.
2020, arXiv:2002.09797, §3. All of them change with the number of images: compare at equal counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gansmith.errors import UsageError
from gansmith.metrics.arrays import pair
from gansmith.metrics.intervals import PARTS, Estimate, from_parts, from_variance, on_parts

ROWS = 512
"""Rows of a block of distances: 512 against 10,000 in float64 are 41 MB."""

_ROUNDING = 1e-12
"""Squared distances that differ by less than this share of the longest vector's square are called equal. A copy of an
image lies exactly on the border of the balls whose radius that image sets: rounding must not decide which side."""


@dataclass(frozen=True, slots=True)
class PrecisionRecall:
    """Share of fakes within the reals' balls, and of reals within the fakes' balls, borders included: 0..1 each."""

    precision: Estimate
    recall: Estimate


@dataclass(frozen=True, slots=True)
class DensityCoverage:
    """How many reals' balls hold a fake, over k; and the share of reals with a fake within their ball, 0..1.

    Density is about 1 where both kinds are alike, without an upper end. Borders are outside, as the authors have it.
    """

    density: Estimate
    coverage: Estimate


def precision_recall(fake: np.ndarray, real: np.ndarray, k: int = 3, seed: int = 0) -> PrecisionRecall:
    """Of features (n, d) and (m, d); a ball reaches to its image's k-th neighbour of the same kind."""
    fake, real = _checked(fake, real, k)
    parts = on_parts(lambda f, r: _precision_recall(fake[f], real[r], k), len(fake), len(real), seed)
    precision, recall = zip(_precision_recall(fake, real, k), parts, strict=True)
    return PrecisionRecall(from_parts(*precision, lowest=0, highest=1), from_parts(*recall, lowest=0, highest=1))


def density_coverage(fake: np.ndarray, real: np.ndarray, k: int = 5, seed: int = 0) -> DensityCoverage:
    """Of features (n, d) and (m, d); a ball reaches to its real image's k-th real neighbour.

    Density is a mean over fakes and just as well one over reals, so its variance is the sum of theirs.
    """
    fake, real = _checked(fake, real, k)
    balls, held = _memberships(fake, real, k)
    variance = float(balls.var()) / len(fake) + float(held.var()) * len(real) / len(fake) ** 2
    parts = on_parts(lambda f, r: (_coverage(fake[f], real[r], k),), len(fake), len(real), seed)[0]
    return DensityCoverage(
        from_variance(float(balls.mean()) / k, variance / k**2, "means of both kinds", lowest=0),
        from_parts(float((held > 0).mean()), parts, lowest=0, highest=1),
    )


def radii(features: np.ndarray, k: int, chosen: np.ndarray | None = None) -> np.ndarray:
    """Squared distance of each of (n, d), or of the `chosen` positions (c,), to its k-th nearest other; k < n."""
    chosen = np.arange(len(features)) if chosen is None else chosen
    found = np.empty(len(chosen))
    for rows, squares in distance_blocks(features[chosen], features):
        squares[np.arange(len(squares)), chosen[rows]] = np.inf
        found[rows] = np.partition(squares, k - 1, axis=1)[:, k - 1]
    return found


def nearest(queries: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each query (n, d) the nearest point's index (n,) and distance (n,), which is exactly 0 for a copy."""
    indices = np.empty(len(queries), np.int64)
    for rows, squares in distance_blocks(queries, points):
        indices[rows] = squares.argmin(1)
    return indices, np.linalg.norm(queries - points[indices], axis=1)


def distance_blocks(rows: np.ndarray, columns: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Squared distances of (n, d) to all of (m, d), 512 rows at a time: (which rows, their distances (<= 512, m)).

    |x|^2 + |y|^2 - 2 x.y in float64, both moved to the columns' mean, which costs fewer digits. The array is used
    again for the next rows.
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
    """In how many reals' balls each fake is (n,), and how many fakes each real's ball holds (m,)."""
    of_real = radii(real, k) - _slack(fake, real)
    balls, held = np.empty(len(fake), np.int64), np.zeros(len(real), np.int64)
    for rows, squares in distance_blocks(fake, real):
        inside = squares < of_real
        balls[rows] = inside.sum(1)
        held += inside.sum(0)
    return balls, held


def _coverage(fake: np.ndarray, real: np.ndarray, k: int) -> float:
    return float((_memberships(fake, real, k)[1] > 0).mean())


def _checked(fake: np.ndarray, real: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    if k < 1:
        raise UsageError(f"k counts neighbours from 1, got {k}.")
    return pair(fake, real, at_least=PARTS * (k + 1))


def _slack(fake: np.ndarray, real: np.ndarray) -> float:
    middle = real.mean(0)
    return _ROUNDING * max(float(np.square(side - middle).sum(1).max()) for side in (fake, real))
