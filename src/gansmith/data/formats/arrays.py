"""The arrays that every reader of a labelled set returns."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledImages:
    """uint8 images (N, C, H, W), integer labels [N] from 0, and the class names, if the files have them."""

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...] = ()
