"""Images made of three random grey images, one in each of red, green and blue.

Stacked MNIST has a thousand classes, of which a collapsed generator makes few. The
counts are those of Lin et al. 2018 (PacGAN), arXiv:1712.04086, §4.2: 128,000 to train on, 26,000 to count with.
"""

import numpy as np
import torch

from gansmith.data.formats.arrays import LabelledImages
from gansmith.rng import stream

COUNTS = {"train": 128_000, "test": 26_000}


def stacked(digits: LabelledImages, split: str) -> LabelledImages:
    """Triples of grey images (N, 1, H, W) of ten classes, uint8 (COUNTS[split], 3, H, W); always the same ones.

    The label is the three digits read as a number, 0 to 999, red first.
    """
    draws = stream(0, f"stacked/{split}", len(digits.images))
    chosen = torch.randint(len(digits.images), (COUNTS[split], 3), generator=draws).numpy()
    labels = digits.labels.astype(np.int64)[chosen] @ np.array([100, 10, 1])
    return LabelledImages(images=digits.images[:, 0][chosen], labels=labels)
