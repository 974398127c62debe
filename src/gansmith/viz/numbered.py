"""Grids whose images have a number below them, so that an image can be asked for again."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from gansmith.viz.evolution import label_font
from gansmith.viz.grids import BACKGROUND, GAP, enlarged, enlargement, lay_out, to_pillow

LABEL_HEIGHT = 16
"""Pixels below each image for its number."""
LABEL_MARGIN = 4
"""Pixels beside the longest number, at least."""


def numbered_grid(images: np.ndarray, numbers: Sequence[int], columns: int) -> Image.Image:
    """uint8 images (N, H, W, C), C 1, 3 or 4, in rows of `columns`, each above its number; small ones are enlarged."""
    zoom, font = enlargement(*images.shape[1:3]), label_font()
    longest = max(round(font.getlength(str(number))) for number in numbers) + LABEL_MARGIN
    wide = max(longest - images.shape[2] * zoom, 0)
    background = (BACKGROUND, BACKGROUND, BACKGROUND, 255)[: images.shape[3]]
    tiles = [_with_room(enlarged(image, zoom), background, wide) for image in images]
    gap = GAP * zoom
    grid = to_pillow(lay_out(np.stack(tiles), columns, gap, background))
    draw = ImageDraw.Draw(grid)
    height, width = tiles[0].shape[:2]
    for place, number in enumerate(numbers):
        row, column = divmod(place, columns)
        middle = gap + column * (width + gap) + width / 2, (row + 1) * (height + gap) - LABEL_HEIGHT / 2
        draw.text(middle, str(number), fill="white", font=font, anchor="mm")
    return grid


def _with_room(image: np.ndarray, background: Sequence[int], wide: int) -> np.ndarray:
    """The image (H, W, C) with room for the label below, and `wide` pixels more beside it."""
    height, width, channels = image.shape
    tile = np.full((height + LABEL_HEIGHT, width + wide, channels), background, np.uint8)
    tile[:height, wide // 2 : wide // 2 + width] = image
    return tile
