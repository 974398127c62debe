"""The suggested shape: channels, size and resize mode, from the sizes and colours of the images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gansmith.data.check.left_over import describe_enlarged, describe_left_over, shares_left_over
from gansmith.data.images.resize import ResizeMode

SHORT_SIDE = 64
"""Largest shorter side that is suggested, in pixels: what a classic network learns in a day."""
SAME_ASPECT = 0.03
"""Relative difference up to which two aspect ratios count as the same."""
SHARE_OF_SAME_ASPECT = 0.95
"""Share of images with the same aspect ratio from which it is suggested; otherwise the suggested shape is square."""
MULTIPLE = 8
"""Suggested sides are multiples of it, in pixels."""
SMALLEST = 32
"""Smallest side that is suggested, in pixels."""
MOST_CROPPED = 0.12
"""Share of an image that a suggested crop cuts off at most, for nine of ten images; otherwise they are padded."""
CUT_OUTS = 0.5
"""Share of images from which the set counts as cut-outs, of which nothing is cut off."""
LARGEST = 256
"""Largest side that is suggested, in pixels."""
MOST_HALVED = range(4, 9)
"""Shorter sides, in pixels, at which networks stop halving: images that halve to them are trained in their own size."""
_HEADER = 128
"""Bytes before the pixels of a packed dataset."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SuggestedShape:
    """A shape for the packed images, their size on disk, and the reasons for the shape."""

    channels: int
    height: int
    width: int
    resize: ResizeMode
    num_bytes: int
    why: tuple[str, ...]


def suggest_shape(
    sizes: Sequence[tuple[int, ...]],
    num_grey: int,
    num_transparent: int,
    short_side: int = SHORT_SIDE,
    num_bordered: int = 0,
) -> SuggestedShape:
    """The suggested shape for images of these (height, width), of which `num_grey` are grey.

    Transparency is kept if more than half of the images are partly transparent. `num_bordered` of them are opaque and
    have a plain white border.
    """
    shape = np.array(sizes, np.float64)
    count = len(sizes)
    if 2 * num_transparent > count:
        channels, why = 4, f"{num_transparent:,} of {count:,} images are partly transparent"
    elif num_grey == count:
        channels, why = 1, "all images are grey"
    else:
        channels, why = 3, f"{count - num_grey:,} of {count:,} images have colour"
    height, width, reasons = _suggest_size(shape, short_side)
    cut_outs = num_transparent + num_bordered if num_transparent + num_bordered > CUT_OUTS * count else 0
    resize, decision = _suggest_resize(shape, height, width, cut_outs)
    enlarged = [*filter(None, [describe_enlarged(shape, height, width, resize)])]
    total = _HEADER + count * channels * height * width
    return SuggestedShape(
        channels=channels,
        height=height,
        width=width,
        resize=resize,
        num_bytes=total,
        why=(why, *reasons, *decision, *enlarged),
    )


def _suggest_resize(shape: np.ndarray, height: int, width: int, cut_outs: int) -> tuple[ResizeMode, tuple[str, ...]]:
    """Crop, unless it cuts off much of many images, or anything of cut-outs; and the reason."""
    if not (cut := shares_left_over(shape, height, width)).any():
        return "crop", ()
    crop, pad = (describe_left_over(cut, one) for one in ("crop", "pad"))
    if cut_outs and cut.max() > SAME_ASPECT:
        of = f"{cut_outs:,} of {len(shape):,} images are cut-outs, transparent or with a plain white border"
        return "pad", (f"{of}, so padded: {pad}",)
    if float(np.percentile(cut, 90)) > MOST_CROPPED:
        return "pad", (f"padded: {pad}; {crop.replace('removes', 'would remove')}",)
    return "crop", (f"cropped: {crop}",)


def _suggest_size(shape: np.ndarray, short_side: int) -> tuple[int, int, tuple[str, ...]]:
    """Height, width and reasons, for images of these (height, width), [N, 2]."""
    height, width = (int(side) for side in shape[0])
    if (shape == shape[0]).all() and min(height, width) <= short_side and _can_be_halved(height, width):
        return height, width, ("all images have this size",)
    aspects = shape[:, 1] / shape[:, 0]
    aspect = float(np.median(aspects))
    share = float(np.mean(np.abs(aspects / aspect - 1) <= SAME_ASPECT))
    if share < SHARE_OF_SAME_ASPECT:
        height, width = _sides(np.tile(shape.min(1, keepdims=True), 2), 1.0, short_side)
        reason = f"aspect ratios differ (only {share:.0%} are alike), so square"
    else:
        height, width = _sides(shape, 1.0 if abs(aspect - 1) <= SAME_ASPECT else aspect, short_side)
        reason = f"{share:.0%} of the images have the aspect ratio {aspect:.2f}"
    tenth = int(np.percentile(shape.min(1), 10))
    size = (
        f"90 % of the images have a shorter side of {tenth} pixels or more; at most {short_side} is suggested, in "
        f"steps of {MULTIPLE}, and at most {LARGEST} for the longer one"
    )
    return height, width, (reason, size)


def _can_be_halved(height: int, width: int) -> bool:
    """Whether both sides can be halved, in whole pixels, until the shorter one is in `MOST_HALVED`."""
    if max(height, width) > LARGEST:
        return False
    while height % 2 == 0 and width % 2 == 0 and min(height, width) // 2 >= MOST_HALVED.start:
        height, width = height // 2, width // 2
    return min(height, width) in MOST_HALVED


def _sides(shape: np.ndarray, aspect: float, short_side: int) -> tuple[int, int]:
    """Height and width near this aspect ratio (width / height) that nine of ten images reach.

    The longer side is at most `LARGEST`; the shorter one follows, so that the aspect ratio is kept.
    """
    tenth_height, tenth_width = np.percentile(shape, 10, axis=0)
    ratio = max(aspect, 1 / aspect)
    most_long = _round_down(max(tenth_height, tenth_width))
    short = _round_down(min(tenth_height, tenth_width, short_side, LARGEST / ratio))
    long = max(short, min(_round_down(short * ratio + MULTIPLE / 2), most_long))
    return (short, long) if aspect >= 1 else (long, short)


def _round_down(side: float) -> int:
    return int(min(LARGEST, max(SMALLEST, side // MULTIPLE * MULTIPLE)))
