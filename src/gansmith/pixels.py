"""uint8 <-> the range a model works in. The only place that knows 127.5; everything else speaks uint8."""

from typing import Literal

import torch
from torch import Tensor

PixelRange = Literal["-1..1", "0..1"]

_SCALE_AND_SHIFT: dict[PixelRange, tuple[float, float]] = {"-1..1": (127.5, 1.0), "0..1": (255.0, 0.0)}


def to_model(pixels: Tensor, pixel_range: PixelRange) -> Tensor:
    """uint8 [..., C, H, W] in 0..255 -> float32 in `pixel_range`."""
    scale, shift = _SCALE_AND_SHIFT[pixel_range]
    return pixels.float().div_(scale).sub_(shift)


def to_pixels(images: Tensor, pixel_range: PixelRange) -> Tensor:
    """Inverse of `to_model`: rounds to the nearest level and clips. float -> uint8, same shape."""
    scale, shift = _SCALE_AND_SHIFT[pixel_range]
    return images.float().add(shift).mul_(scale).round_().clamp_(0, 255).to(torch.uint8)
