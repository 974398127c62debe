"""What the readers of labelled sets return."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledImages:
    """uint8 images (N, C, H, W), integer labels [N] from 0, and the classes' names where the files give them."""

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...] = ()
