"""Grids as the articles print them: matplotlib's subplots with white gaps, grey colour maps and autoscaling."""

import numpy as np
from PIL import Image

from gansmith.viz.grids import enlargement, lay_out, to_pillow

FIGURE_SIDE = 96
"""Approximate length in pixels of an image's longer side; small images are enlarged by a whole factor."""


def figure_grid(images: np.ndarray, columns: int) -> Image.Image:
    """uint8 images (N, H, W, C), C 1, 3 or 4, in rows of `columns` on white."""
    height, width = images.shape[1:3]
    zoom = enlargement(height, width, FIGURE_SIDE)
    gap = max(2, zoom * max(height, width) // 12)
    return to_pillow(lay_out(images.repeat(zoom, 1).repeat(zoom, 2), columns, gap, background=255))


def apply_colour_map(images: np.ndarray, *, stretch: bool, reverse: bool) -> np.ndarray:
    """uint8 images (N, H, W, C) as matplotlib's `imshow` shows them.

    `stretch` scales the values of each image, `reverse` shows 0 as white. Both apply to images of one channel only.
    """
    if images.shape[3] != 1:
        return images
    images = _autoscaled(images) if stretch else images
    return 255 - images if reverse else images


def _autoscaled(images: np.ndarray) -> np.ndarray:
    """Each image with its darkest value at 0 and its brightest at 255, in matplotlib's 256 steps; one value is 0."""
    values = images.astype(np.float64)
    low, high = (reduce(values, axis=(1, 2, 3), keepdims=True) for reduce in (np.min, np.max))
    shares = (values - low) / np.maximum(high - low, 1)
    return np.minimum(shares * 256, 255).astype(np.uint8)
