"""Checks the features that a metric is given, and splits images into random parts."""

import numpy as np
import torch

from gansmith.errors import DataError
from gansmith.rng import stream


def matrix(features: np.ndarray, kind: str, at_least: int = 2) -> np.ndarray:
    """The features (n, d) as contiguous float64; `kind` ("fake", "real") names them in an error.

    Raises DataError for features that are no matrix, have fewer than `at_least` rows, or are not all finite.
    """
    array = np.ascontiguousarray(features, np.float64)
    if array.ndim != 2 or not array.shape[1]:
        raise DataError(f"{kind} features must be a matrix (images, values), got the shape {array.shape}.")
    if len(array) < at_least:
        raise DataError(f"this metric needs at least {at_least} {kind} images, got {len(array)}.")
    if not np.isfinite(array).all():
        row = int(np.flatnonzero(~np.isfinite(array).all(1))[0])
        raise DataError(f"{kind} features are not finite, first for image {row}.")
    return array


def pair(fake: np.ndarray, real: np.ndarray, at_least: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Features of fake images (n, d) and of real images (m, d), checked by `matrix`. DataError for other widths."""
    fake, real = matrix(fake, "fake", at_least), matrix(real, "real", at_least)
    widths = fake.shape[1], real.shape[1]
    if widths[0] != widths[1]:
        raise DataError(f"fake features are {widths[0]} wide and real features {widths[1]}; use one network for both.")
    return fake, real


def random_parts(
    num_fake: int, num_real: int, parts: int, seed: int, deal: int = 0
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Splits the positions of fakes, and those of reals, at random into `parts` disjoint parts of equal size.

    Positions that are left over are in no part. Another `deal` gives another random split.
    """
    sides = []
    for kind, count in (("fake", num_fake), ("real", num_real)):
        order = torch.randperm(count, generator=stream(seed, f"metrics/parts/{kind}", deal)).numpy()
        sides.append(np.split(order[: count // parts * parts], parts))
    return list(zip(*sides, strict=True))
