"""Many images on one sheet, and back."""

import io

import numpy as np
from PIL import Image

GAP = 2
"""Pixels between two images, before enlargement."""

SIDE = 64
"""Pixels of an image's longer side on the sheet, roughly, so that a person sees something."""

BACKGROUND = 48
"""Grey of the gaps: it shows the edges of black images and of white ones."""


def grid(images: np.ndarray, columns: int) -> Image.Image:
    """uint8 images (N, H, W, C), C 1, 3 or 4, in rows of `columns`, small ones enlarged by a whole number of times."""
    num, height, width, channels = images.shape
    canvas = np.full((*_extent(num, columns, height, width), channels), BACKGROUND, np.uint8)
    if channels == 4:
        canvas[..., 3] = 255
    for number, image in enumerate(images):
        top, left = _corner(number, columns, height, width)
        canvas[top : top + height, left : left + width] = image
    return to_pillow(enlarged(canvas, enlargement(height, width)))


def grid_size(num: int, columns: int, height: int, width: int) -> tuple[int, int]:
    """Width and height of the sheet that `grid` makes of so many images."""
    zoom = enlargement(height, width)
    rows, cols = _extent(num, columns, height, width)
    return cols * zoom, rows * zoom


def enlargement(height: int, width: int, side: int = SIDE) -> int:
    """The whole number of times that brings a small image's longer side to some `side` pixels."""
    return max(1, round(side / max(height, width)))


def enlarged(pixels: np.ndarray, zoom: int) -> np.ndarray:
    """Pixels (H, W, C) a whole number of times as high and as wide."""
    return pixels.repeat(zoom, 0).repeat(zoom, 1)


def to_pillow(pixels: np.ndarray) -> Image.Image:
    """One image uint8 (H, W, C), C 1, 3 or 4, as Pillow's."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def tiles(sheet: Image.Image, num: int, columns: int, height: int, width: int) -> np.ndarray:
    """The first `num` images (num, H, W, C) of a sheet that `grid` made: its exact inverse."""
    zoom = enlargement(height, width)
    pixels = np.asarray(sheet)[::zoom, ::zoom]
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    corners = [_corner(number, columns, height, width) for number in range(num)]
    return np.stack([pixels[top : top + height, left : left + width] for top, left in corners])


def png(image: Image.Image) -> bytes:
    """The image as a PNG file; the same pixels always give the same bytes."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _extent(num: int, columns: int, height: int, width: int) -> tuple[int, int]:
    """Height and width of a sheet before enlargement."""
    return -(-num // columns) * (height + GAP) + GAP, columns * (width + GAP) + GAP


def _corner(number: int, columns: int, height: int, width: int) -> tuple[int, int]:
    row, column = divmod(number, columns)
    return GAP + row * (height + GAP), GAP + column * (width + GAP)
