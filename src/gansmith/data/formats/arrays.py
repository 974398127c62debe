"""The arrays that every reader of a labelled set returns, and one of their images as a file."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from PIL import Image


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledImages:
    """uint8 images (N, C, H, W), integer labels [N] from 0, and the class names, if the files have them."""

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...] = ()

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The images of all parts, one after the other, with the class names of the first."""
        images, labels = (np.concatenate(arrays) for arrays in zip(*((p.images, p.labels) for p in parts), strict=True))
        return cls(images=images, labels=labels, class_names=parts[0].class_names)


def png_of(image: np.ndarray) -> bytes:
    """The PNG file of an image uint8 (H, W) or (H, W, C), C = 1, 2, 3 or 4. Not compressed: it is decoded at once."""
    content, pixels = io.BytesIO(), image[..., 0] if image.shape[2:] == (1,) else image
    Image.fromarray(np.ascontiguousarray(pixels)).save(content, "PNG", compress_level=0)
    return content.getvalue()
