"""Metrics of copying: does the generator repeat its training images?

Each metric looks at the distance to the nearest training image. No single one is proof (Stein et al. 2023,
arXiv:2306.04675, §4): compare it with its value for real validation images, and for `planted` copies, which show how
much copying the metric would detect. Distances are Euclidean, between any features. The training images count as
fixed, so intervals are for fakes and validation images only.
"""

import numpy as np
import torch

from gansmith.errors import UsageError
from gansmith.metrics.arrays import pair
from gansmith.metrics.intervals import Estimate, from_variance, share
from gansmith.metrics.neighbours import nearest, radii
from gansmith.rng import stream

CELLS = 10
"""Number of regions of the training images that C_T compares separately, so that copies of a few are not missed."""
_FEWEST = 10
"""Fewest fakes, and fewest validation images, with which Mann and Whitney's statistic is about normally distributed."""
_ROUNDS = 25
"""Iterations of Lloyd's algorithm; C_T needs no optimal regions."""


def authenticity(fake: np.ndarray, train: np.ndarray) -> Estimate:
    """Share of fakes farther from their nearest training image than that image is from its own nearest: 0..1.

    Alaa et al. 2022, arXiv:2102.08921, §3.2. A low share means copies. Real validation images score far
    below 1 as well, so compare with their share.
    """
    fake, train = pair(fake, train)
    indices, distances = nearest(fake, train)
    met, which = np.unique(indices, return_inverse=True)
    own = np.sqrt(radii(train, 1, met))
    return share(int((distances > own[which]).sum()), len(fake))


def near_copies(fake: np.ndarray, train: np.ndarray, validation: np.ndarray, quantile: float = 0.01) -> Estimate:
    """Share of fakes nearer to a training image than all but the nearest `quantile` of validation images: 0..1.

    About `quantile` for fakes as far from the training images as new real images are; every copy raises it. The most
    direct metric of copying, and the first to detect a few exact copies.
    """
    fake, train = pair(fake, train)
    validation = pair(validation, train)[0]
    border = np.quantile(nearest(validation, train)[1], quantile)
    return share(int((nearest(fake, train)[1] <= border).sum()), len(fake))


def copying_score(
    fake: np.ndarray, train: np.ndarray, validation: np.ndarray, seed: int = 0, cells: int = CELLS
) -> Estimate:
    """C_T: whether fakes (n, d) are nearer to training images than validation images are, in standard deviations.

    Far below 0: the fakes are copies. About 0: they are like new images. Far above 0: they are off the data. Meehan et
    al. 2020, arXiv:2004.05675, §3: a Mann-Whitney test of the distances to the nearest training image within each of
    `cells` regions of the training images (k-means), averaged by the regions' share of validation images. Regions with
    fewer than 10 fakes or validation images are left out; if none is left, all images form one region. C_T grows with
    the square root of the number of images. The interval follows DeLong et al. 1988 (Biometrics 44:837).
    """
    fake, train = pair(fake, train)
    validation = pair(validation, train)[0]
    fake_distances, validation_distances = nearest(fake, train)[1], nearest(validation, train)[1]
    centres = _centres(train, cells, seed)
    cell_of_fake, cell_of_validation = nearest(fake, centres)[0], nearest(validation, centres)[0]
    regions = [(cell_of_fake == cell, cell_of_validation == cell) for cell in range(cells)]
    regions = [region for region in regions if min(int(side.sum()) for side in region) >= _FEWEST]
    regions = regions or [(np.ones(len(fake), bool), np.ones(len(validation), bool))]
    weights = np.array([held.sum() for _, held in regions]) / sum(held.sum() for _, held in regions)
    scores = np.array([_mann_whitney(fake_distances[f], validation_distances[h]) for f, h in regions])
    return from_variance(float(weights @ scores[:, 0]), float(weights**2 @ scores[:, 1]), "DeLong")


def planted(fake: np.ndarray, train: np.ndarray, portion: float, seed: int = 0) -> np.ndarray:
    """The fakes (n, d), of which a random `portion`, at least one, is replaced by random training images.

    For one seed, a larger portion replaces the fakes of a smaller one too. Raises UsageError outside 0..1 and for 0.
    """
    if not 0 < portion <= 1:
        raise UsageError(f"the portion of planted copies must be above 0 and at most 1, got {portion}.")
    fake, train = pair(fake, train)
    number = max(1, round(portion * len(fake)))
    places = torch.randperm(len(fake), generator=stream(seed, "metrics/planted/places", 0))[:number].numpy()
    copied = torch.randint(len(train), (number,), generator=stream(seed, "metrics/planted/copied", 0)).numpy()
    mixed = fake.copy()
    mixed[places] = train[copied]
    return mixed


def _mann_whitney(fake: np.ndarray, validation: np.ndarray) -> tuple[float, float]:
    """Z of the distances (n,) of fakes against the distances (m,) of validation images, and Z's variance.

    Z is above 0 for fakes that are farther; its variance is about 1 for equal distributions.
    """
    n, m = len(fake), len(validation)
    # For each fake the share of validation images that are nearer, ties counted half; and the other way round.
    nearer, farther = _share_below(validation, fake), 1 - _share_below(fake, validation)
    every, counts = np.unique(np.concatenate([fake, validation]), return_counts=True)
    ties = float((counts**3 - counts).sum()) / ((n + m) * (n + m - 1)) if len(every) < n + m else 0.0
    deviation = np.sqrt((n + m + 1 - ties) / (12 * n * m))
    if deviation == 0:
        return 0.0, 0.0
    variance = float(nearer.var(ddof=1)) / n + float(farther.var(ddof=1)) / m
    return (float(nearer.mean()) - 0.5) / deviation, variance / deviation**2


def _share_below(of: np.ndarray, values: np.ndarray) -> np.ndarray:
    """For each value (n,) the share of `of` (m,) that is smaller, ties counted half: (n,)."""
    ordered = np.sort(of)
    return (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")) / (2 * len(of))


def _centres(features: np.ndarray, cells: int, seed: int) -> np.ndarray:
    """Centres (<= cells, d) of the regions of features (n, d): Lloyd's algorithm, started from random images."""
    order = torch.randperm(len(features), generator=stream(seed, "metrics/cells", 0)).numpy()
    centres = features[order[:cells]]
    for _ in range(_ROUNDS):
        cell_of = nearest(features, centres)[0]
        sizes = np.bincount(cell_of, minlength=len(centres))
        sums = np.stack([np.bincount(cell_of, column, minlength=len(centres)) for column in features.T], axis=1)
        # An empty region keeps its centre.
        moved = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
    return centres
