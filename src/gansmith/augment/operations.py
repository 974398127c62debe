"""The table of augmentations: operations on images before D sees them.

An operation takes images [N, C, H, W] in -1..1 and U(0, 1) numbers [N, draws]; it draws nothing itself, and can be
differentiated any number of times. Distributions are those of DiffAugment (Zhao et al. 2020, arXiv:2006.10738) for its
operations, and those of ADA (Karras et al. 2020, arXiv:2006.06676) for the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gansmith.lazy import LazyModule

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = LazyModule("torch")


SHIFT = 1 / 8
"""The largest translation, as a share of the side."""
CUT = 1 / 2
"""The side of the square cut out, as a share of the image's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """One augmentation: a function of images and U(0, 1) numbers, and the count of these numbers for an image."""

    apply: Callable[[Tensor, Tensor], Tensor]
    draws: int
    about: str
    source: str
    square_only: bool = False


def flip(images: Tensor, uniform: Tensor) -> Tensor:
    """Mirror an image left to right with probability 1/2."""
    return torch.where(uniform.view(-1, 1, 1, 1) < 0.5, images, images.flip(3))


def rotate(images: Tensor, uniform: Tensor) -> Tensor:
    """Rotate square images by 0, 90, 180 or 270 degrees, anticlockwise."""
    turns = whole(uniform[:, 0], 4)
    turned = torch.stack([images.rot90(k, (2, 3)) for k in range(4)])
    return turned[turns, torch.arange(len(images), device=images.device)]


def colour(images: Tensor, uniform: Tensor) -> Tensor:
    """Change brightness, then saturation, then contrast; transparency stays."""
    brightness, saturation, contrast = uniform.to(images.dtype).view(-1, 3, 1, 1, 1).unbind(1)
    seen, transparency = images[:, :3], images[:, 3:]
    seen = seen + (brightness - 0.5)
    grey = seen.mean(1, keepdim=True)
    seen = grey + 2 * saturation * (seen - grey)
    mean = seen.mean((1, 2, 3), keepdim=True)
    seen = mean + (contrast + 0.5) * (seen - mean)
    return torch.cat([seen, transparency], 1) if transparency.shape[1] else seen


def translate(images: Tensor, uniform: Tensor) -> Tensor:
    """Shift by whole pixels, up to an eighth of height and width each way; new pixels are 0, a middle grey."""
    height, width = images.shape[2:]
    moved = _shifted(images, uniform[:, 0], height, 2)
    return _shifted(moved, uniform[:, 1], width, 3)


def cutout(images: Tensor, uniform: Tensor) -> Tensor:
    """Set a rectangle of half the height and width, around any pixel, to 0, a middle grey; the edge may cut it."""
    height, width = images.shape[2:]
    rows, columns = _within(uniform[:, 0], height), _within(uniform[:, 1], width)
    cut = rows[:, None, :, None] & columns[:, None, None, :]
    return images.masked_fill(cut, 0.0)


OPERATIONS: dict[str, Operation] = {
    "flip": Operation(
        apply=flip,
        draws=1,
        about="mirrored left to right, or not",
        source="ADA",
    ),
    "rotate": Operation(
        apply=rotate,
        draws=1,
        about="by 0, 90, 180 or 270 degrees",
        source="ADA",
        square_only=True,
    ),
    "colour": Operation(
        apply=colour,
        draws=3,
        about="brightness ±0.5, saturation times 0 to 2, contrast times 0.5 to 1.5",
        source="DiffAugment",
    ),
    "translate": Operation(
        apply=translate,
        draws=2,
        about="by whole pixels, up to an eighth of the side each way, grey comes in",
        source="DiffAugment",
    ),
    "cutout": Operation(
        apply=cutout,
        draws=2,
        about="a rectangle of half the sides becomes grey",
        source="DiffAugment",
    ),
}
"""In the order of application: colour comes before the operations that make pixels grey, as in DiffAugment."""


def whole(uniform: Tensor, num: int) -> Tensor:
    """U(0, 1) numbers as whole numbers 0 to num - 1, all equally likely."""
    return (uniform * num).long().clamp_(max=num - 1)


def _shifted(images: Tensor, uniform: Tensor, side: int, axis: int) -> Tensor:
    """Images shifted along an axis of `side` pixels by the amounts of the U(0, 1) numbers [N]."""
    most = int(side * SHIFT + 0.5)
    shift = whole(uniform, 2 * most + 1) - most
    source = torch.arange(side, device=images.device) - shift[:, None]
    shape = [len(images), 1, 1, 1]
    shape[axis] = side
    index = source.clamp(0, side - 1).view(shape).expand_as(images)
    outside = ((source < 0) | (source >= side)).view(shape)
    return images.gather(axis, index).masked_fill(outside, 0.0)


def _within(uniform: Tensor, side: int) -> Tensor:
    """Mask [N, side] of a random stretch of half of `side` pixels around one of them."""
    size = int(side * CUT + 0.5)
    first = whole(uniform, side + 1 - size % 2) - size // 2
    place = torch.arange(side, device=uniform.device) - first[:, None]
    return (place >= 0) & (place < size)
