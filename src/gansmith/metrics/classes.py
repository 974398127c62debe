"""What a classifier says of the images: which classes, in what shares, how surely; and the thousand digit triples."""

from dataclasses import dataclass

import numpy as np

from gansmith.errors import DataError
from gansmith.metrics.arrays import matrix
from gansmith.metrics.intervals import Estimate, from_variance, share

DIGITS = 10
TRIPLES = DIGITS**3

UNSURE = 0.5
"""An image whose likeliest class is less likely than this looks like none of them."""


@dataclass(frozen=True, slots=True)
class Modes:
    """Of stacked digits: how many of the 1,000 triples occur, and the divergence of their shares from equal ones."""

    found: Estimate
    divergence: Estimate


def histogram(probabilities: np.ndarray) -> np.ndarray:
    """How many images have each class as their likeliest, int64 (classes,), of probabilities (n, classes)."""
    probabilities = matrix(probabilities, "given", at_least=1)
    return np.bincount(probabilities.argmax(1), minlength=probabilities.shape[1])


def divergence(counts: np.ndarray, prior: np.ndarray) -> Estimate:
    """Kullback-Leibler divergence in nats of counts (classes,) from a prior (classes,), such as the reals' counts.

    0 where the shares are the prior's, log(classes) where of equal classes only one occurs. Finite counts add about
    (classes - 1) / 2n. The variance is that of log(share / prior) over images; half of what estimating the shares
    adds to it is taken off, which leaves the chi-squared law's variance where the shares are the prior's.

    Raises:
        DataError: The two differ in length, no image is counted, or one is of a class the prior gives no share.
    """
    counts, prior = np.asarray(counts, np.float64), np.asarray(prior, np.float64)
    if counts.shape != prior.shape or counts.ndim != 1:
        raise DataError(f"counts and prior are one number a class, got the shapes {counts.shape} and {prior.shape}.")
    if counts.sum() < 1 or prior.sum() <= 0:
        raise DataError("a divergence needs at least one image and a prior that is not all zero.")
    if outside := int(counts[prior == 0].sum()):
        raise DataError(f"the prior gives no share to the class of {outside} images; count more reals for it.")
    n, occurs = counts.sum(), counts > 0
    shares, expected = counts[occurs] / n, prior[occurs] / prior.sum()
    logs = np.log(shares / expected)
    value = float(shares @ logs)
    single = float(shares @ np.square(logs - value))
    estimating = (np.count_nonzero(prior) - 1) / (2 * n)
    return from_variance(value, max(single - estimating, estimating) / n, "delta", lowest=0)


def junk_rate(probabilities: np.ndarray) -> Estimate:
    """Share of images (n, classes) whose likeliest class has a probability below 0.5."""
    probabilities = matrix(probabilities, "given", at_least=1)
    return share(int((probabilities.max(1) < UNSURE).sum()), len(probabilities))


def triples(first: np.ndarray, second: np.ndarray, third: np.ndarray) -> np.ndarray:
    """Mode numbers 0..999, int64 (n,), of three digits an image: one classified from each colour channel, (n,) each.

    Raises:
        DataError: A digit is not of 0..9.
    """
    digits = np.stack([first, second, third]).astype(np.int64)
    if digits.size and not (digits.min() >= 0 and digits.max() < DIGITS):
        raise DataError(f"stacked digits are 0 to 9, got {digits.min()} to {digits.max()}.")
    return digits[0] * DIGITS**2 + digits[1] * DIGITS + digits[2]


def modes(numbers: np.ndarray) -> Modes:
    """Of mode numbers (n,) in 0..999. Lin et al. 2018 (PacGAN), arXiv:1712.04086, §4.2: 26,000 images, 1000 modes.

    Modes missed by chance come with few images. How much the number varies is what as many images again would
    add to it (exactly so where images arrive as a Poisson process), estimated by Good & Toulmin 1956
    (Biometrika 43:45): modes seen once, less those seen twice, and so on.
    """
    counts = np.bincount(numbers, minlength=TRIPLES)
    if len(counts) > TRIPLES:
        raise DataError(f"mode numbers are 0 to 999, got {int(np.max(numbers))}.")
    found = int(np.count_nonzero(counts))
    times = np.bincount(counts)[1:]
    new = float(times @ np.where(np.arange(len(times)) % 2, -1, 1))
    variance = min(max(new, 0.0), float(times[0] if len(times) else 0))
    return Modes(
        from_variance(found, variance, "Good-Toulmin", 0, TRIPLES),
        divergence(counts, np.ones(TRIPLES)),
    )
