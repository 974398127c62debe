"""Many images in one grid, and back."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

GAP = 2
"""Pixels between two images, before enlargement."""
SIDE = 64
"""Approximate length in pixels of an image's longer side; small images are enlarged by a whole factor."""
BACKGROUND = 48
"""Grey value of the gaps, which shows the edges of black and of white images."""

JPEG_QUALITY = 95
"""Pillow's quality of JPEG files, up to 95."""


def grid(images: np.ndarray, columns: int) -> Image.Image:
    """uint8 images (N, H, W, C), C 1, 3 or 4, in rows of `columns`; small images are enlarged."""
    background = (BACKGROUND, BACKGROUND, BACKGROUND, 255)[: images.shape[3]]
    return to_pillow(enlarged(lay_out(images, columns, GAP, background), enlargement(*images.shape[1:3])))


def lay_out(images: np.ndarray, columns: int, gap: int, background: int | Sequence[int]) -> np.ndarray:
    """Images uint8 (N, H, W, C) in rows of `columns`, with gaps around each: uint8 (H', W', C)."""
    num, height, width, channels = images.shape
    canvas = np.full((*_extent(num, columns, height, width, gap), channels), background, np.uint8)
    for number, image in enumerate(images):
        top, left = _corner(number, columns, height, width, gap)
        canvas[top : top + height, left : left + width] = image
    return canvas


def grid_size(num: int, columns: int, height: int, width: int) -> tuple[int, int]:
    """Width and height in pixels of the image that `grid` makes of `num` images."""
    zoom = enlargement(height, width)
    rows, cols = _extent(num, columns, height, width)
    return cols * zoom, rows * zoom


def enlargement(height: int, width: int, side: int = SIDE) -> int:
    """The whole factor that brings a small image's longer side close to `side` pixels; at least 1."""
    return max(1, round(side / max(height, width)))


def enlarged(pixels: np.ndarray, zoom: int) -> np.ndarray:
    """Pixels (H, W, C) repeated: (zoom H, zoom W, C)."""
    return pixels.repeat(zoom, 0).repeat(zoom, 1)


def to_pillow(pixels: np.ndarray) -> Image.Image:
    """A uint8 image (H, W, C), C 1, 3 or 4, as Pillow's Image."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def tiles(image: Image.Image, num: int, columns: int, height: int, width: int) -> np.ndarray:
    """The first `num` images, uint8 (num, H, W, C), of an image that `grid` made: its exact inverse."""
    zoom = enlargement(height, width)
    pixels = np.asarray(image)[::zoom, ::zoom]
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    corners = [_corner(number, columns, height, width) for number in range(num)]
    return np.stack([pixels[top : top + height, left : left + width] for top, left in corners])


def png(image: Image.Image, software: str = "") -> bytes:
    """The image as a PNG file, which may name the software; the same pixels always give the same bytes."""
    buffer, text = io.BytesIO(), PngInfo()
    if software:
        text.add_text("Software", software)
    image.save(buffer, "PNG", pnginfo=text)
    return buffer.getvalue()


def jpeg(image: Image.Image) -> bytes:
    """The image as a JPEG file of high quality, with white where it is transparent."""
    buffer = io.BytesIO()
    flat = image if image.mode == "L" else on_white(image)
    flat.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def on_white(image: Image.Image) -> Image.Image:
    """The image in RGB, with white where it is transparent."""
    if image.mode != "RGBA":
        return image.convert("RGB")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def _extent(num: int, columns: int, height: int, width: int, gap: int = GAP) -> tuple[int, int]:
    """Height and width of a grid before enlargement."""
    return -(-num // columns) * (height + gap) + gap, columns * (width + gap) + gap


def _corner(number: int, columns: int, height: int, width: int, gap: int = GAP) -> tuple[int, int]:
    row, column = divmod(number, columns)
    return gap + row * (height + gap), gap + column * (width + gap)
