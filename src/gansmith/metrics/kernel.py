"""The kernel distance: the squared maximum mean discrepancy of features under (x . y / d + 1)^3, unbiased.

Bińkowski et al. 2018, arXiv:1801.01401, §4; the estimate is Lemma 6 of Gretton et al. 2012 (JMLR 13:723), averaged
over subsets as their published programs do. It may be slightly negative where the two kinds are nearly the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gansmith.errors import UsageError
from gansmith.metrics.arrays import pair
from gansmith.metrics.intervals import Estimate, from_variance


@dataclass(frozen=True, slots=True)
class KernelDistance:
    """The mean over subsets with its interval, and the standard deviation over subsets."""

    estimate: Estimate
    deviation: float


@dataclass(frozen=True, slots=True)
class _Moments:
    """Of one subset: its distance, and unbiased variances of its parts in Hoeffding's decomposition.

    `fake` and `real` are of one image's effect, the others of what a pair of images has beyond that.
    """

    distance: float
    fake: float
    real: float
    fake_pairs: float
    real_pairs: float
    mixed_pairs: float


def kernel_distance(
    fake: np.ndarray, real: np.ndarray, subsets: int = 100, size: int = 1000, seed: int = 0
) -> KernelDistance:
    """The distance of features (n, d) and (m, d), averaged over `subsets` draws of `size` of each without repetition.

    `size` is cut to the smaller side. Subsets come from NumPy's RandomState(seed), whose stream is promised to stay,
    in the order in which torch-fidelity draws them: with equal features and seed the numbers are equal.

    The interval: the mean over subsets varies as the estimate from all images does, whose variance follows from its
    decomposition, plus what the choice of subsets adds.

    Raises:
        UsageError: Fewer than one subset, or subsets of fewer than four.
    """
    fake, real = pair(fake, real, at_least=4)
    if subsets < 1 or size < 4:
        raise UsageError(f"the kernel distance takes 1 subset or more of 4 or more, got {subsets} of {size}.")
    size = min(size, len(fake), len(real))
    if size == len(fake) == len(real):
        subsets = 1  # each would be all images
    drawn = [_moments(f, r) for f, r in _draws(fake, real, subsets, size, seed)]
    means = {name: float(np.mean([getattr(one, name) for one in drawn])) for name in _Moments.__slots__}
    deviation = float(np.std([one.distance for one in drawn]))
    variance = _variance(means, len(fake), len(real)) + deviation**2 / subsets
    return KernelDistance(from_variance(means["distance"], variance, "Hoeffding decomposition"), deviation)


def _draws(
    fake: np.ndarray, real: np.ndarray, subsets: int, size: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.RandomState(seed)
    for _ in range(subsets):
        chosen = rng.choice(len(fake), size, replace=False)
        yield fake[chosen], real[rng.choice(len(real), size, replace=False)]


def _moments(fake: np.ndarray, real: np.ndarray) -> _Moments:
    n = len(fake)
    among_fake, among_real, between = _kernel(fake, fake), _kernel(real, real), _kernel(fake, real)
    for square in (among_fake, among_real):
        np.fill_diagonal(square, 0.0)
    fake_rows, real_rows = among_fake.sum(1) / (n - 1), among_real.sum(1) / (n - 1)
    from_fake, from_real = between.mean(1), between.mean(0)
    fake_pairs, real_pairs = _beyond_rows(among_fake, fake_rows), _beyond_rows(among_real, real_rows)
    centred = float(np.vdot(between, between)) - n * float(from_fake @ from_fake + from_real @ from_real)
    mixed_pairs = (centred + n * n * float(between.mean()) ** 2) / (n - 1) ** 2
    noise = mixed_pairs / n
    return _Moments(
        distance=float(fake_rows.mean() + real_rows.mean() - 2 * from_fake.mean()),
        fake=float(np.var(fake_rows - from_fake, ddof=1)) - fake_pairs / (n - 1) - noise,
        real=float(np.var(real_rows - from_real, ddof=1)) - real_pairs / (n - 1) - noise,
        fake_pairs=fake_pairs,
        real_pairs=real_pairs,
        mixed_pairs=mixed_pairs,
    )


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    dots = x @ y.T
    dots /= x.shape[1]
    dots += 1.0
    return dots * dots * dots


def _beyond_rows(square: np.ndarray, rows: np.ndarray) -> float:
    """The variance of the entries (n, n) off an empty diagonal that is not due to their rows' means (n,)."""
    n, mean = len(rows), float(rows.mean())
    entries = float(np.vdot(square, square)) - n * (n - 1) * mean**2
    # An entry less its mean is a_i + a_j + the rest; a row's mean holds (n - 2) / (n - 1) of its own a.
    effects = (rows - mean) * ((n - 1) / (n - 2))
    return max(0.0, entries - 2 * (n - 2) * float(effects @ effects)) / (n * (n - 3))


def _variance(means: dict[str, float], n: int, m: int) -> float:
    """Of the estimate from all n fake and m real images."""
    single = 4 * max(0.0, means["fake"]) / n + 4 * max(0.0, means["real"]) / m
    return (
        single
        + 2 * means["fake_pairs"] / (n * (n - 1))
        + 2 * means["real_pairs"] / (m * (m - 1))
        + 4 * means["mixed_pairs"] / (n * m)
    )
