"""Resizing an image, or a box of it, to a shape: cropped, padded or stretched, with antialiasing."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image

ResizeMode = Literal["crop", "pad", "stretch"]
Resample = Literal["lanczos", "bilinear"]
Box = tuple[int, ...]
"""Top, left, height and width, in pixels, of the part of an image that is used; empty for all of it."""

_FILTERS = {"lanczos": Image.Resampling.LANCZOS, "bilinear": Image.Resampling.BILINEAR}

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's mode for a number of channels."""

_PADDING = {1: 255, 3: (255, 255, 255), 4: (255, 255, 255, 0)}
_SEEN = [0, *[255] * 255]
"""For each opacity whether anything is seen, as a mask."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageShape:
    """The shape that images are resized to. Channels: 1 grey, 3 RGB, 4 with transparency.

    A `box` is cut out of the upright image first; the rest of the image has no influence.
    """

    channels: int
    height: int
    width: int
    resize: ResizeMode = "crop"
    box: Box = ()
    resample: Resample = "lanczos"

    def __post_init__(self) -> None:
        if self.channels not in MODES:
            raise ValueError(f"channels={self.channels} must be 1, 3 or 4.")
        if not (1 <= self.height <= 4096 and 1 <= self.width <= 4096):
            raise ValueError(f"height={self.height} and width={self.width} must be 1 to 4096.")
        if self.resize not in ("crop", "pad", "stretch"):
            raise ValueError(f"resize={self.resize!r} must be crop, pad or stretch.")
        if self.resample not in _FILTERS:
            raise ValueError(f"resample={self.resample!r} must be lanczos or bilinear.")
        if self.box and not (len(self.box) == 4 and min(self.box) >= 0 and min(self.box[2:]) >= 1):
            raise ValueError(f"box={[*self.box]} must be [] or [top, left, height, width], counted from 0, not empty.")

    def to_dict(self) -> dict[str, Any]:
        """The fields; `resize` is called "fit", as it is in the keys and indexes of all packed datasets."""
        return {"fit" if name == "resize" else name: value for name, value in asdict(self).items()}

    @property
    def bytes_per_image(self) -> int:
        """Bytes of an image of this shape, one for each sample."""
        return self.channels * self.height * self.width

    def box_lies_inside(self, height: int, width: int) -> bool:
        """Whether an image of this size holds the whole box."""
        return not self.box or (self.box[0] + self.box[2] <= height and self.box[1] + self.box[3] <= width)


def resize(image: Image.Image, shape: ImageShape) -> tuple[np.ndarray, list[str]]:
    """Resize an L, RGB or RGBA image, which holds the box, to the shape, with antialiasing.

    Gives uint8 pixels (C, H, W), and every change other than a smaller size.

    `crop` keeps the centre; `pad` keeps all and adds white, or transparency for 4 channels; `stretch` changes the
    aspect ratio. What is fully transparent is white below.
    """
    if shape.box:
        top, left, height, width = shape.box
        image = image.crop((left, top, left + width, top + height))
    width, height = image.size
    size, horizontal, vertical = (shape.width, shape.height), shape.width / width, shape.height / height
    image = in_mode(image, MODES[shape.channels])
    box, inner, change = (0.0, 0.0, float(width), float(height)), size, None
    if shape.resize == "crop":
        scale = max(horizontal, vertical)
        box = _centred(width, height, shape.width / scale, shape.height / scale)
        change = "cropped" if width - (box[2] - box[0]) >= 1 or height - (box[3] - box[1]) >= 1 else None
    elif shape.resize == "pad":
        scale = min(horizontal, vertical)
        inner = (max(1, round(width * scale)), max(1, round(height * scale)))
        change = "padded" if inner != size else None
    else:
        scale = max(horizontal, vertical)
        change = "stretched" if scale > 1.01 * min(horizontal, vertical) else None
    resized = image.resize(inner, _FILTERS[shape.resample], box=box)  # Pillow weighs colours by their opacity
    if shape.channels == 4:
        resized = hidden_white(resized)
    if inner != size:
        padded = Image.new(resized.mode, size, _PADDING[shape.channels])
        padded.paste(resized, ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2))
        resized = padded
    pixels = np.array(resized).reshape(shape.height, shape.width, shape.channels).transpose(2, 0, 1)
    return np.ascontiguousarray(pixels), [*([change] if change else []), *(["enlarged"] if scale > 1 else [])]


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    """Without the copy that Pillow makes of an image that is in this mode already."""
    return image if image.mode == mode else image.convert(mode)


def hidden_white(image: Image.Image) -> Image.Image:
    """An RGBA image with white where nothing of it is seen.

    Files have any colour there. White is the one of padding, and of transparency laid over white.
    """
    alpha = image.getchannel("A")
    if alpha.getextrema()[0]:
        return image
    return Image.composite(image, Image.new("RGBA", image.size, _PADDING[4]), alpha.point(_SEEN))


def arrays_with_hidden_white(images: np.ndarray) -> np.ndarray:
    """The same as `hidden_white` of images uint8 (N, 4, H, W)."""
    return np.where(images[:, 3:] == 0, np.array(_PADDING[4], np.uint8)[:, None, None], images)


def _centred(width: int, height: int, inner_width: float, inner_height: float) -> tuple[float, float, float, float]:
    left, top = max(0.0, (width - inner_width) / 2), max(0.0, (height - inner_height) / 2)
    return left, top, min(float(width), left + inner_width), min(float(height), top + inner_height)
