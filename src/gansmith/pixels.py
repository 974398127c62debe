"""uint8 <-> the range a model works in. The only place that knows 127.5; everything else speaks uint8."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from gansmith.lazy import LazyModule

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = LazyModule("torch")


PixelRange = Literal["-1..1", "0..1"]
Display = Literal["clipped", "wrapped", "doubled"]

_SCALE_AND_SHIFT: dict[PixelRange, tuple[float, float]] = {"-1..1": (127.5, 1.0), "0..1": (255.0, 0.0)}


def to_model(pixels: Tensor, pixel_range: PixelRange) -> Tensor:
    """uint8 [..., C, H, W] in 0..255 -> float32 in `pixel_range`."""
    scale, shift = _SCALE_AND_SHIFT[pixel_range]
    return pixels.float().div_(scale).sub_(shift)


def to_pixels(images: Tensor, pixel_range: PixelRange) -> Tensor:
    """Inverse of `to_model`: rounds to the nearest level and clips. float -> uint8, same shape."""
    scale, shift = _SCALE_AND_SHIFT[pixel_range]
    return images.float().add(shift).mul_(scale).round_().clamp_(0, 255).to(torch.uint8)


def to_display(images: Tensor, pixel_range: PixelRange, display: Display) -> Tensor:
    """Pixels as an article's own display makes them: float -> uint8, same shape.

    "clipped" is `to_pixels`. "wrapped" is 255 x cast to uint8 unclipped: what lies below 0 comes out bright.
    "doubled" is (x / 2 + 1) 255 clipped: what is above 0 comes out white, and black as a middle grey.
    """
    if display == "clipped":
        return to_pixels(images, pixel_range)
    if display == "wrapped":
        return images.float().mul(255).to(torch.int64).remainder(256).to(torch.uint8)
    return images.float().div(2).add_(1).mul_(255).clamp_(0, 255).to(torch.uint8)
