"""The Fréchet distance between two normal distributions fitted to features, and its limit for infinitely many images.

|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)): Dowson & Landau 1982 (J. Multivariate Analysis 12:450); for features,
Heusel et al. 2017, arXiv:1706.08500, equation 6. With S = F F' for each covariance, the trace of the root is the sum of
the singular values of F1' F2. This needs no root of an asymmetric matrix, and eigenvalues near 0 cost no digits.
"""

from dataclasses import dataclass

import numpy as np

from gansmith.metrics.arrays import matrix, pair, random_parts
from gansmith.metrics.intervals import Estimate, from_variance

CUTS = (1, 2, 3, 4)
"""`frechet_infinity` measures all images, and halves, thirds and quarters of them."""
_RANK = 1e-13
"""Eigenvalues below this share of the largest count as 0: they are rounding errors of constant or repeated features."""


@dataclass(frozen=True, slots=True)
class Gaussian:
    """A normal distribution fitted to n features: mean (d,), covariance (d, d) with divisor n - 1, and n."""

    mean: np.ndarray
    covariance: np.ndarray
    count: int


def gaussian(features: np.ndarray) -> Gaussian:
    """The normal distribution fitted to features (n, d), n >= 2."""
    features = matrix(features, "given")
    mean = features.mean(0)
    centred = features - mean
    return Gaussian(mean, centred.T @ centred / (len(features) - 1), len(features))


def frechet(a: Gaussian, b: Gaussian) -> float:
    """The squared distance between two distributions, >= 0 up to rounding; biased upwards by about 1/n for n images."""
    overlap = np.linalg.svd(_factor(a.covariance)[0].T @ _factor(b.covariance)[0], compute_uv=False)
    moved = a.mean - b.mean
    return float(moved @ moved + np.trace(a.covariance) + np.trace(b.covariance) - 2 * overlap.sum())


def frechet_distance(fake: np.ndarray, real: np.ndarray, seed: int = 0) -> Estimate:
    """The distance between features (n, d) and (m, d), with an interval for its mean at these n and m.

    The distance is smooth in means and covariances, so the influence of one image on it has a closed form, and the
    variance of the distance follows from the influences (see `_variances`).
    """
    fake, real = pair(fake, real, at_least=4)
    first, rest = _variances(fake, real, seed)
    return from_variance(frechet(gaussian(fake), gaussian(real)), first + rest, "influence", lowest=0.0)


def frechet_infinity(fake: np.ndarray, real: np.ndarray, seed: int = 0) -> Estimate:
    """The distance extrapolated to infinitely many images of both kinds, with an interval for this limit.

    A line in 1/n, evaluated at 0: Chong & Forsyth 2020, arXiv:1911.07023. Unlike theirs, the numbers of fakes and reals
    grow together, because the reals are a sample too; and the points of the line are means over disjoint halves, thirds
    and quarters, which makes the line steadier than random subsets do. The result may be slightly negative, as an
    unbiased estimate of a small number must. A quarter should hold more images than the features are wide.
    """
    fake, real = pair(fake, real, at_least=2 * max(CUTS))
    points = np.array([_mean_of_parts(fake, real, cuts, seed) for cuts in CUTS])
    # The value at 0 of a least-squares line is a weighted sum of its points; with g parts, 1/n is proportional to g.
    design = np.stack([np.ones(len(CUTS)), np.array(CUTS)], axis=1)
    weights = np.linalg.pinv(design)[0]
    first, rest = _variances(fake, real, seed)
    # The means over parts remove each image's effect with itself, and leave 1.5 times the variance of pairs.
    return from_variance(float(weights @ points), first + 1.5 * rest, "influence, line in 1/n")


def _mean_of_parts(fake: np.ndarray, real: np.ndarray, cuts: int, seed: int) -> float:
    parts = random_parts(len(fake), len(real), cuts, seed)
    return float(np.mean([frechet(gaussian(fake[f]), gaussian(real[r])) for f, r in parts]))


def _variances(fake: np.ndarray, real: np.ndarray, seed: int) -> tuple[float, float]:
    """The variance of the distance in two terms: from single images, and from pairs of images.

    The influence of an image is itself estimated, so its variance is that of the true influence plus twice the term
    from pairs; the covariance of influences estimated on two disjoint halves has no such excess. The difference matters
    only near distance 0, where the true influence vanishes.
    """
    whole = _influences(fake, real, fake, real)
    parts = random_parts(len(fake), len(real), 2, seed)
    halves = [_influences(fake[f], real[r], fake, real) for f, r in parts]
    first, excess = 0.0, 0.0
    for side, one, other in zip(whole, *halves, strict=True):
        single = max(0.0, float(np.mean(one * other))) / len(side)
        first += single
        excess += max(0.0, float(np.mean(side * side)) / len(side) - single)
    return first, excess / 2


def _influences(
    fit_fake: np.ndarray, fit_real: np.ndarray, fake: np.ndarray, real: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The influence of each fake (n,) and each real (m,) on the distance between the two fitted distributions.

    The derivative of the distance by a covariance is I - T, where T maps that distribution onto the other; in
    coordinates that whiten the image's own distribution, T weights the left (or right) singular vectors of F1' F2 by
    their singular values.
    """
    a, b = gaussian(fit_fake), gaussian(fit_real)
    (factor_a, white_a), (factor_b, white_b) = _factor(a.covariance), _factor(b.covariance)
    left, overlap, right = np.linalg.svd(factor_a.T @ factor_b, full_matrices=False)
    moved = 2 * (a.mean - b.mean)
    sides = ((fake, a.mean, white_a @ left, moved), (real, b.mean, white_b @ right.T, -moved))
    found = []
    for images, mean, directions, shift in sides:
        centred = images - mean
        effect = centred @ shift + (centred**2).sum(1) - (centred @ directions) ** 2 @ overlap
        found.append(effect - effect.mean())
    return found[0], found[1]


def _factor(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """F (d, r) with F F' = the covariance, of rank r, and W (d, r) with F' W = 1, so that W' x is white."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > max(values[-1], 0.0) * _RANK
    roots = np.sqrt(values[kept])
    return vectors[:, kept] * roots, vectors[:, kept] / roots
