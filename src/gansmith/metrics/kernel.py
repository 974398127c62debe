"""The kernel distance (KID): the squared maximum mean discrepancy of features under (x . y / d + 1)^3, unbiased.

Bińkowski et al. 2018, arXiv:1801.01401, §4; the estimator is Lemma 6 of Gretton et al. 2012 (JMLR 13:723), averaged
over subsets as in their published programs. It may be slightly negative for two kinds of images that are nearly alike.
"""

from dataclasses import dataclass

import numpy as np

from gansmith.errors import UsageError
from gansmith.metrics.arrays import pair
from gansmith.metrics.intervals import Estimate, from_variance


@dataclass(frozen=True, slots=True)
class KernelDistance:
    """The mean of the distances of subsets with its interval, and their standard deviation."""

    estimate: Estimate
    deviation: float


def kernel_distance(
    fake: np.ndarray, real: np.ndarray, subsets: int = 100, size: int = 1000, seed: int = 0
) -> KernelDistance:
    """The distance between features (n, d) and (m, d), averaged over `subsets` subsets with `size` images of each kind.

    `size` is at most n and m. Subsets come from NumPy's RandomState(seed), whose stream NumPy keeps unchanged, in the
    order in which torch-fidelity draws them, so equal features and seeds give equal numbers.

    The variance behind the interval is that of the estimate from all images, by its Hoeffding decomposition, plus the
    variance from the choice of subsets. Raises UsageError for less than one subset, and for subsets of fewer than four.
    """
    fake, real = pair(fake, real, at_least=4)
    if subsets < 1 or size < 4:
        raise UsageError(f"the kernel distance needs at least 1 subset of at least 4 images, got {subsets} of {size}.")
    size = min(size, len(fake), len(real))
    if size == len(fake) == len(real):
        subsets = 1  # every subset would hold all images
    rng, drawn = np.random.RandomState(seed), []
    for _ in range(subsets):
        chosen = rng.choice(len(fake), size, replace=False)
        drawn.append(_moments(fake[chosen], real[rng.choice(len(real), size, replace=False)]))
    means = {name: float(np.mean([one[name] for one in drawn])) for name in drawn[0]}
    deviation = float(np.std([one["distance"] for one in drawn]))
    variance = _variance(means, len(fake), len(real)) + deviation**2 / subsets
    return KernelDistance(from_variance(means["distance"], variance, "Hoeffding decomposition"), deviation)


def _moments(fake: np.ndarray, real: np.ndarray) -> dict[str, float]:
    """The "distance" of one subset, and unbiased variances of the terms of its Hoeffding decomposition.

    "fake" and "real" are the variances of the effect of one image; the others are those of the interaction of a pair.
    """
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
    return {
        "distance": float(fake_rows.mean() + real_rows.mean() - 2 * from_fake.mean()),
        "fake": float(np.var(fake_rows - from_fake, ddof=1)) - fake_pairs / (n - 1) - noise,
        "real": float(np.var(real_rows - from_real, ddof=1)) - real_pairs / (n - 1) - noise,
        "fake_pairs": fake_pairs,
        "real_pairs": real_pairs,
        "mixed_pairs": mixed_pairs,
    }


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    dots = x @ y.T
    dots /= x.shape[1]
    dots += 1.0
    return dots * dots * dots


def _beyond_rows(square: np.ndarray, rows: np.ndarray) -> float:
    """The variance of the off-diagonal entries (n, n) that their rows' means (n,) do not explain."""
    n, mean = len(rows), float(rows.mean())
    entries = float(np.vdot(square, square)) - n * (n - 1) * mean**2
    # An entry minus the mean is a_i + a_j + a rest; a row's mean contains (n - 2) / (n - 1) of its own a.
    effects = (rows - mean) * ((n - 1) / (n - 2))
    return max(0.0, entries - 2 * (n - 2) * float(effects @ effects)) / (n * (n - 3))


def _variance(means: dict[str, float], n: int, m: int) -> float:
    """The variance of the estimate from all n fake and m real images."""
    single = 4 * max(0.0, means["fake"]) / n + 4 * max(0.0, means["real"]) / m
    fake_pairs, real_pairs = 2 * means["fake_pairs"] / (n * (n - 1)), 2 * means["real_pairs"] / (m * (m - 1))
    return single + fake_pairs + real_pairs + 4 * means["mixed_pairs"] / (n * m)
