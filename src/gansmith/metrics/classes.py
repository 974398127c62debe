"""Metrics of class probabilities: shares of the classes, unrecognisable images, and modes of stacked digits."""

import numpy as np

from gansmith.errors import DataError
from gansmith.metrics.arrays import matrix
from gansmith.metrics.intervals import Estimate, from_variance, share

DIGITS = 10
"""Number of digits."""
TRIPLES = DIGITS**3
"""Number of modes of stacked digits: one digit in each of three colour channels."""
UNSURE = 0.5
"""An image counts as junk when its likeliest class has a lower probability than this."""


def histogram(probabilities: np.ndarray) -> np.ndarray:
    """Number of images by likeliest class, int64 (classes,), for probabilities (n, classes)."""
    probabilities = matrix(probabilities, "given", at_least=1)
    return np.bincount(probabilities.argmax(1), minlength=probabilities.shape[1])


def divergence(counts: np.ndarray, prior: np.ndarray) -> Estimate:
    """Kullback-Leibler divergence in nats of counts (classes,) from a prior (classes,), such as the reals' counts.

    0 for the prior's shares, log(classes) for a single class out of equally likely ones. Finite counts add about
    (classes - 1) / 2n. The variance is that of log(share / prior) over images, less half of what estimating the
    shares adds to it; for the prior's shares this is the variance of the chi-squared distribution.
    Raises DataError when lengths differ, no image is counted, or the prior of a counted class is 0.
    """
    counts, prior = np.asarray(counts, np.float64), np.asarray(prior, np.float64)
    if counts.shape != prior.shape or counts.ndim != 1:
        shapes = f"{counts.shape} and {prior.shape}"
        raise DataError(f"counts and prior must be one number per class, got the shapes {shapes}.")
    if counts.sum() < 1 or prior.sum() <= 0:
        raise DataError("a divergence needs at least one image and a prior that is not all zero.")
    if outside := int(counts[prior == 0].sum()):
        raise DataError(f"the prior is 0 for the class of {outside} images; use more real images for the prior.")
    n, occurs = counts.sum(), counts > 0
    shares, expected = counts[occurs] / n, prior[occurs] / prior.sum()
    logs = np.log(shares / expected)
    value = float(shares @ logs)
    single = float(shares @ np.square(logs - value))
    estimating = (np.count_nonzero(prior) - 1) / (2 * n)
    return from_variance(value, max(single - estimating, estimating) / n, "delta", lowest=0)


def junk_rate(probabilities: np.ndarray) -> Estimate:
    """Share of images whose likeliest class has a probability below 0.5, for probabilities (n, classes)."""
    probabilities = matrix(probabilities, "given", at_least=1)
    return share(int((probabilities.max(1) < UNSURE).sum()), len(probabilities))


def triples(first: np.ndarray, second: np.ndarray, third: np.ndarray) -> np.ndarray:
    """Mode numbers 0..999, int64 (n,), of the digits (n,) in three colour channels. DataError outside 0..9."""
    digits = np.stack([first, second, third]).astype(np.int64)
    if digits.size and not (digits.min() >= 0 and digits.max() < DIGITS):
        raise DataError(f"stacked digits must be 0 to 9, got {digits.min()} to {digits.max()}.")
    return digits[0] * DIGITS**2 + digits[1] * DIGITS + digits[2]


def modes(numbers: np.ndarray) -> dict[str, Estimate]:
    """Of mode numbers (n,) in 0..999: how many "modes" occur, and the divergence of their shares from equal ones.

    Lin et al. 2018 (PacGAN), arXiv:1712.04086, §4.2, use 26,000 images; few images miss modes by chance. The variance
    of the number of modes is the number of new modes that as many images again would show (exact for images that
    arrive as a Poisson process), estimated by Good & Toulmin 1956 (Biometrika 43:45): modes seen once, less modes seen
    twice, and so on. Raises DataError for a mode number above 999.
    """
    counts = np.bincount(numbers, minlength=TRIPLES)
    if len(counts) > TRIPLES:
        raise DataError(f"mode numbers must be 0 to 999, got {int(np.max(numbers))}.")
    found = int(np.count_nonzero(counts))
    times = np.bincount(counts)[1:]
    new = float(times @ np.where(np.arange(len(times)) % 2, -1, 1))
    variance = min(max(new, 0.0), float(times[0] if len(times) else 0))
    estimate = from_variance(found, variance, "Good-Toulmin", 0, TRIPLES)
    return {"modes": estimate, "modes-kl": divergence(counts, np.ones(TRIPLES))}
