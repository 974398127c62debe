"""What every measure asks of the features it is given."""

import numpy as np
import torch

from gansmith.errors import DataError
from gansmith.rng import stream


def matrix(features: np.ndarray, kind: str, at_least: int = 2) -> np.ndarray:
    """The features (n, d) as contiguous float64; `kind` says in an error whose they are ("fake", "real").

    Raises:
        DataError: They are not a matrix, fewer than `at_least` rows, or hold a value that is not finite.
    """
    array = np.ascontiguousarray(features, np.float64)
    if array.ndim != 2 or not array.shape[1]:
        raise DataError(f"{kind} features are a matrix of (images, values), got the shape {array.shape}.")
    if len(array) < at_least:
        raise DataError(f"this measure needs at least {at_least} {kind} images, got {len(array)}.")
    if not np.isfinite(array).all():
        row = int(np.flatnonzero(~np.isfinite(array).all(1))[0])
        raise DataError(f"{kind} features hold a value that is not finite, first for image {row}.")
    return array


def pair(fake: np.ndarray, real: np.ndarray, at_least: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Both sides as `matrix` gives them, of one width.

    Raises:
        DataError: As `matrix`, or the widths differ.
    """
    fake, real = matrix(fake, "fake", at_least), matrix(real, "real", at_least)
    if fake.shape[1] != real.shape[1]:
        raise DataError(
            f"fake features are {fake.shape[1]} wide, real ones {real.shape[1]}; take both from one feature network."
        )
    return fake, real


def random_parts(
    num_fake: int, num_real: int, parts: int, seed: int, deal: int = 0
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Positions of fakes and of reals, each side dealt at random into `parts` disjoint sets of equal size.

    What is left over is in none. `deal` counts the times this is done.
    """
    sides = []
    for kind, count in (("fake", num_fake), ("real", num_real)):
        order = torch.randperm(count, generator=stream(seed, f"metrics/parts/{kind}", deal)).numpy()
        sides.append(np.split(order[: count // parts * parts], parts))
    return list(zip(*sides, strict=True))
