"""The Fréchet distance of two normal laws fitted to features, and what it would be of infinitely many images.

|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)): Dowson & Landau 1982 (J. Multivariate Analysis 12:450), of features Heusel
et al. 2017, arXiv:1706.08500, equation 6. With S = F F' of either side the last trace is the sum of the singular values
of F1' F2: no root of a matrix that is not symmetric, and eigenvalues near zero cost no digits.
"""

from dataclasses import dataclass

import numpy as np

from gansmith.metrics.arrays import matrix, pair, random_parts
from gansmith.metrics.intervals import Estimate, from_variance

CUTS = (1, 2, 3, 4)
"""`frechet_infinity` measures all images, halves, thirds and quarters of them."""

_RANK = 1e-13
"""Eigenvalues below this share of the largest are rounding: constant or repeated features."""


@dataclass(frozen=True, slots=True)
class Gaussian:
    """The normal law fitted to features: mean (d,), covariance (d, d) with divisor n - 1, and n."""

    mean: np.ndarray
    covariance: np.ndarray
    count: int


def gaussian(features: np.ndarray) -> Gaussian:
    """The law of features (n, d), n >= 2."""
    features = matrix(features, "given")
    mean = features.mean(0)
    centred = features - mean
    return Gaussian(mean, centred.T @ centred / (len(features) - 1), len(features))


def frechet(a: Gaussian, b: Gaussian) -> float:
    """The squared distance of two laws, >= 0 but for rounding. At finite counts it is too high, by about 1/n."""
    overlap = np.linalg.svd(_factor(a.covariance)[0].T @ _factor(b.covariance)[0], compute_uv=False)
    return _distance(a, b, overlap)


def frechet_distance(fake: np.ndarray, real: np.ndarray, seed: int = 0) -> Estimate:
    """The distance of features (n, d) and (m, d), with an interval for its mean at these n and m.

    The distance is smooth in means and covariances, so one image's influence on it has a closed form, and the
    variance is that of the influences (see `_variances`).
    """
    fake, real = pair(fake, real, at_least=4)
    first, rest = _variances(fake, real, seed)
    return from_variance(frechet(gaussian(fake), gaussian(real)), first + rest, "influence", lowest=0.0)


def frechet_infinity(fake: np.ndarray, real: np.ndarray, seed: int = 0) -> Estimate:
    """The distance that infinitely many images of both kinds would have, with an interval for just that.

    A line in 1/n, read at 0: Chong & Forsyth 2020, arXiv:1911.07023. Unlike theirs both sides grow together, because
    the reals are a sample too, and its points are means over disjoint halves, thirds and quarters, which share their
    chance with the whole: the line is steadier than over sizes drawn at random. May be slightly negative, as an
    unbiased estimate of a small number must. The quarters should hold more images than the features are wide.
    """
    fake, real = pair(fake, real, at_least=2 * max(CUTS))
    points = np.array([_mean_of_parts(fake, real, cuts, seed) for cuts in CUTS])
    # The weights with which a least-squares line's value at 0 sums its points; where cut in g, 1/n grows as g.
    design = np.stack([np.ones(len(CUTS)), np.array(CUTS)], axis=1)
    weights = np.linalg.pinv(design)[0]
    first, rest = _variances(fake, real, seed)
    # The parts' means remove each image's effect with itself, and leave 1.5 times the variance of those with others.
    return from_variance(float(weights @ points), first + 1.5 * rest, "influence, line in 1/n")


def _mean_of_parts(fake: np.ndarray, real: np.ndarray, cuts: int, seed: int) -> float:
    parts = random_parts(len(fake), len(real), cuts, seed)
    return float(np.mean([frechet(gaussian(fake[f]), gaussian(real[r])) for f, r in parts]))


def _variances(fake: np.ndarray, real: np.ndarray, seed: int) -> tuple[float, float]:
    """The distance's variance in two parts: of images taken singly, and of pairs of them.

    The influence of an image is itself estimated, so its variance is that of the true influence and, once more, twice
    what pairs add to the distance's variance; the covariance of influences from two disjoint halves has no such excess.
    Matters only near distance 0, where the true influence vanishes.
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
    """What each image of (n, d) and (m, d) adds to the distance of the laws fitted to the first two: (n,) and (m,).

    The derivative of the distance for a covariance is I - T, where T carries that law onto the other; in coordinates
    where the image's own law is white, T weighs the left (or right) singular directions of F1' F2 by their values.
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


def _distance(a: Gaussian, b: Gaussian, overlap: np.ndarray) -> float:
    moved = a.mean - b.mean
    return float(moved @ moved + np.trace(a.covariance) + np.trace(b.covariance) - 2 * overlap.sum())


def _factor(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """F (d, r) with F F' = the covariance of rank r, and W (d, r) with F' W = 1: W' x is white."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > max(values[-1], 0.0) * _RANK
    roots = np.sqrt(values[kept])
    return vectors[:, kept] * roots, vectors[:, kept] / roots
