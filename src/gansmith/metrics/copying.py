"""Does the generator repeat its training images? Three questions about the nearest training image, and a trial.

No single one settles it (Stein et al. 2023, arXiv:2306.04675, §4): read them beside the same numbers of held-out real
images, and beside `planted`, which says how much copying a measure would have noticed here. Distances are Euclidean,
of any features; the training side is taken as fixed, so intervals are about fakes and held-out images only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from gansmith.errors import UsageError
from gansmith.metrics.arrays import pair
from gansmith.metrics.intervals import Estimate, from_variance, share
from gansmith.metrics.neighbours import nearest, radii
from gansmith.rng import stream

CELLS = 10
"""Regions of the training images within which C_T compares: a copied corner must not hide behind the rest."""

_FEWEST = 10
"""Fakes, and held-out images, that a region must hold to be compared: Mann and Whitney's normal law begins there."""

_ROUNDS = 25
"""Of Lloyd's algorithm. The regions need not be the best ones."""


@dataclass(frozen=True, slots=True)
class Copying:
    """What each measure says: see `authenticity`, `copying_score` and `near_copies`."""

    authenticity: Estimate
    score: Estimate
    near: Estimate


def copying(fake: np.ndarray, train: np.ndarray, held_out: np.ndarray, seed: int = 0) -> Copying:
    """All three, of features (n, d) of fakes, of training images and of real ones that were not trained on."""
    return Copying(
        authenticity(fake, train), copying_score(fake, train, held_out, seed), near_copies(fake, train, held_out)
    )


def authenticity(fake: np.ndarray, train: np.ndarray) -> Estimate:
    """Share of fakes that are farther from their nearest training image than that one is from its own nearest: 0..1.

    Alaa et al. 2022, arXiv:2102.08921, §3.2. Low means copies; real held-out images score far below 1 as well, so
    compare with theirs.
    """
    fake, train = pair(fake, train)
    indices, distances = nearest(fake, train)
    met, which = np.unique(indices, return_inverse=True)
    own = np.sqrt(radii(train, 1, met))
    return share(int((distances > own[which]).sum()), len(fake))


def near_copies(fake: np.ndarray, train: np.ndarray, held_out: np.ndarray, quantile: float = 0.01) -> Estimate:
    """Share of fakes nearer to a training image than all but the nearest `quantile` of held-out images are: 0..1.

    About `quantile` where fakes keep as far from the training images as new real ones do; each copy adds itself. The
    most direct of the three, and the first to notice a few exact copies.
    """
    fake, train = pair(fake, train)
    held_out = pair(held_out, train)[0]
    border = np.quantile(nearest(held_out, train)[1], quantile)
    return share(int((nearest(fake, train)[1] <= border).sum()), len(fake))


def copying_score(
    fake: np.ndarray, train: np.ndarray, held_out: np.ndarray, seed: int = 0, cells: int = CELLS
) -> Estimate:
    """C_T: are fakes (n, d) nearer to training images than held-out ones are? In standard deviations of chance.

    Far below 0 is copying, about 0 is as new images are, far above 0 is that fakes are off the data. Meehan et al.
    2020, arXiv:2004.05675, §3: a Mann-Whitney test of the nearest training distances within each of `cells` regions of
    the training images (k-means), averaged by the regions' share of held-out images. Regions with fewer than 10
    of either kind are left out; with none left, all images are one region. Grows with the root of the counts. The
    interval is by DeLong et al. 1988 (Biometrics 44:837).
    """
    fake, train = pair(fake, train)
    held_out = pair(held_out, train)[0]
    fake_distances, held_distances = nearest(fake, train)[1], nearest(held_out, train)[1]
    centres = _centres(train, cells, seed)
    of_fake, of_held = nearest(fake, centres)[0], nearest(held_out, centres)[0]
    regions = [(of_fake == cell, of_held == cell) for cell in range(cells)]
    regions = [region for region in regions if min(int(side.sum()) for side in region) >= _FEWEST]
    regions = regions or [(np.ones(len(fake), bool), np.ones(len(held_out), bool))]
    weights = np.array([held.sum() for _, held in regions]) / sum(held.sum() for _, held in regions)
    scores = np.array([_mann_whitney(fake_distances[f], held_distances[h]) for f, h in regions])
    return from_variance(float(weights @ scores[:, 0]), float(weights**2 @ scores[:, 1]), "DeLong")


def planted(fake: np.ndarray, train: np.ndarray, portion: float, seed: int = 0) -> np.ndarray:
    """The fakes (n, d), of which `portion` are replaced by training images, at least one; which ones is random.

    Raises:
        UsageError: `portion` is not above 0 and at most 1.
    """
    if not 0 < portion <= 1:
        raise UsageError(f"the portion of planted copies is above 0 and at most 1, got {portion}.")
    fake, train = pair(fake, train)
    number = max(1, round(portion * len(fake)))
    places = torch.randperm(len(fake), generator=stream(seed, "metrics/planted/places", 0))[:number].numpy()
    copied = torch.randint(len(train), (number,), generator=stream(seed, "metrics/planted/copied", 0)).numpy()
    mixed = fake.copy()
    mixed[places] = train[copied]
    return mixed


def calibration(
    fake: np.ndarray, train: np.ndarray, held_out: np.ndarray, portions: Sequence[float] = (0.01, 0.1), seed: int = 0
) -> dict[float, Copying]:
    """What the measures say of these fakes with copies planted, by their portion; 0 is the fakes as they are.

    More planted copies are always a superset: for one seed each portion replaces the places of a smaller one too.
    """
    found = {0.0: copying(fake, train, held_out, seed)}
    return found | {one: copying(planted(fake, train, one, seed), train, held_out, seed) for one in portions}


def _mann_whitney(fake: np.ndarray, held_out: np.ndarray) -> tuple[float, float]:
    """Z of distances (n,) of fakes against those (m,) of held-out images, and Z's variance.

    Z is above 0 where fakes are farther; its variance is about 1 where both are of one law.
    """
    n, m = len(fake), len(held_out)
    # For each fake the share of held-out images that are nearer, equal ones half; and the other way round.
    nearer, farther = _share_below(held_out, fake), 1 - _share_below(fake, held_out)
    every, counts = np.unique(np.concatenate([fake, held_out]), return_counts=True)
    ties = float((counts**3 - counts).sum()) / ((n + m) * (n + m - 1)) if len(every) < n + m else 0.0
    deviation = np.sqrt((n + m + 1 - ties) / (12 * n * m))
    if deviation == 0:
        return 0.0, 0.0
    variance = float(nearer.var(ddof=1)) / n + float(farther.var(ddof=1)) / m
    return (float(nearer.mean()) - 0.5) / deviation, variance / deviation**2


def _share_below(of: np.ndarray, values: np.ndarray) -> np.ndarray:
    """For each value (n,) the share of `of` (m,) that is smaller, equal ones counted half: (n,)."""
    ordered = np.sort(of)
    return (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")) / (2 * len(of))


def _centres(features: np.ndarray, cells: int, seed: int) -> np.ndarray:
    """The regions' centres (<= cells, d) of features (n, d): Lloyd's algorithm from random images."""
    order = torch.randperm(len(features), generator=stream(seed, "metrics/cells", 0)).numpy()
    centres = features[order[:cells]]
    for _ in range(_ROUNDS):
        cell_of = nearest(features, centres)[0]
        sizes = np.bincount(cell_of, minlength=len(centres))
        sums = np.stack([np.bincount(cell_of, column, minlength=len(centres)) for column in features.T], axis=1)
        # A region that lost its last image keeps its centre.
        moved = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
    return centres
