"""What to make of a set of images: channels, size and fit, from the facts about them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gansmith.data.images.resize import ImageShape, ResizeMode

SHORT_SIDE = 64
"""Longest short side that is proposed: what a classic network can learn in a day."""

SAME_ASPECT, SHARE_OF_SAME_ASPECT = 0.03, 0.95
MULTIPLE, SMALLEST, LARGEST = 8, 32, 256
MOST_HALVED = range(4, 9)
"""Pixels of the shorter side where networks stop halving: sizes that end there can be trained as they are."""

_HEADER = 128


@dataclass(frozen=True, kw_only=True, slots=True)
class SuggestedShape:
    """A shape for the packed images, what the store will weigh, and why."""

    channels: int
    height: int
    width: int
    resize: ResizeMode
    bytes: int
    why: tuple[str, ...]

    @property
    def wanted(self) -> ImageShape:
        """As the decoders take it."""
        return ImageShape(channels=self.channels, height=self.height, width=self.width, resize=self.resize)


def suggest_shape(
    sizes: Sequence[tuple[int, ...]], num_grey: int, num_transparent: int, short_side: int = SHORT_SIDE
) -> SuggestedShape:
    """A `SuggestedShape` for images of these (height, width), so many of them grey and so many partly transparent."""
    shape = np.array(sizes, np.float64)
    count = len(sizes)
    if 2 * num_transparent > count:
        channels, why = 4, f"{num_transparent:,} of {count:,} are partly transparent"
    elif num_grey == count:
        channels, why = 1, "all are grey"
    else:
        channels, why = 3, f"{count - num_grey:,} of {count:,} have colour"
    height, width, fit, reasons = _shape(shape, short_side)
    total = _HEADER + count * channels * height * width
    return SuggestedShape(channels=channels, height=height, width=width, resize=fit, bytes=total, why=(why, *reasons))


def _shape(shape: np.ndarray, short_side: int) -> tuple[int, int, ResizeMode, tuple[str, ...]]:
    """Height, width, how to get there, and why."""
    height, width = (int(side) for side in shape[0])
    if (shape == shape[0]).all() and min(height, width) <= short_side and _can_be_halved(height, width):
        return height, width, "crop", ("all are of this size",)
    aspects = shape[:, 1] / shape[:, 0]
    aspect = float(np.median(aspects))
    share = float(np.mean(np.abs(aspects / aspect - 1) <= SAME_ASPECT))
    if share < SHARE_OF_SAME_ASPECT:
        height, width = _sides(np.tile(shape.min(1, keepdims=True), 2), 1.0, short_side)
        lost = 1 - shape.min(1) / shape.max(1)
        fit: ResizeMode = "pad" if float(np.median(lost)) > 0.5 else "crop"
        reason = f"aspects differ ({share:.0%} alike), so square; " + (
            "padded, as a crop would lose over half of most" if fit == "pad" else "cropped"
        )
    else:
        height, width = _sides(shape, 1.0 if abs(aspect - 1) <= SAME_ASPECT else aspect, short_side)
        fit, reason = "crop", f"{share:.0%} have the aspect {aspect:.2f}"
    tenth = int(np.percentile(shape.min(1), 10))
    size = f"{tenth} is the short side that 90 % reach, up to {short_side} is proposed, in steps of {MULTIPLE}"
    return height, width, fit, (reason, size)


def _can_be_halved(height: int, width: int) -> bool:
    """Whether both sides can be halved, in whole pixels, until the shorter one is in `MOST_HALVED`."""
    if max(height, width) > LARGEST:
        return False
    while height % 2 == 0 and width % 2 == 0 and min(height, width) // 2 >= MOST_HALVED.start:
        height, width = height // 2, width // 2
    return min(height, width) in MOST_HALVED


def _sides(shape: np.ndarray, aspect: float, short_side: int) -> tuple[int, int]:
    """Height and width of this aspect (width / height) that nine of ten images reach."""
    tenth_height, tenth_width = np.percentile(shape, 10, axis=0)
    short = _step(min(tenth_height, tenth_width, short_side))
    ratio = max(aspect, 1 / aspect)
    long = min(_step(short * ratio + MULTIPLE / 2), _step(max(tenth_height, tenth_width)))
    return (short, max(short, long)) if aspect >= 1 else (max(short, long), short)


def _step(side: float) -> int:
    return int(min(LARGEST, max(SMALLEST, side // MULTIPLE * MULTIPLE)))
