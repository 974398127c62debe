"""What a shape leaves over: the share of images that a crop cuts off, padding fills or stretching distorts."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from gansmith.data.images.resize import ImageShape, ResizeMode

_NOTHING = 0.005
"""Shares of an image below this one do not count."""


def shares_left_over(sizes: np.ndarray, height: int, width: int) -> np.ndarray:
    """The share of each image, of (height, width) [N, 2], that a crop to this shape cuts off.

    It is also the share of this shape that padding fills.
    """
    ratio = sizes[:, 1] / sizes[:, 0] * (height / width)
    share = 1 - np.minimum(ratio, 1 / ratio)
    return np.where(share < _NOTHING, 0.0, share)


def describe_left_over(shares: np.ndarray, resize: ResizeMode) -> str:
    """What a resize mode does to images with these `shares_left_over`; "" for nothing."""
    if not shares.any():
        return ""
    median, most = float(np.median(shares)), float(shares.max())
    alike = most - shares.min() < _NOTHING
    if resize == "stretch":
        times = f"{1 / (1 - median):.2f} times"
        return f"stretch changes the aspect ratio {times}" + ("" if alike else f", at most {1 / (1 - most):.2f} times")
    does = "crop removes" if resize == "crop" else "padding fills"
    if alike:
        return f"{does} {100 * median:.0f} % of every image"
    return f"{does} {100 * median:.0f} % of the median image, at most {100 * most:.0f} %"


def describe_enlarged(sizes: np.ndarray, height: int, width: int, resize: ResizeMode) -> str:
    """How many images, of (height, width) [N, 2], are enlarged to this shape; "" for none."""
    scales = np.array([height, width]) / sizes
    enlarged = int(((scales.min(1) if resize == "pad" else scales.max(1)) > 1).sum())
    return f"{enlarged:,} of {len(sizes):,} images are smaller than this and are enlarged" if enlarged else ""


def left_over_notes(sizes: Iterable[tuple[int, int]], shape: ImageShape) -> list[str]:
    """A note on what the shape does to images of these (height, width), if it is anything but a smaller size."""
    found = [shape.box[2:]] if shape.box else list(sizes)
    if not found:
        return []
    shares = shares_left_over(np.array(found, np.float64), shape.height, shape.width)
    return [*filter(None, [describe_left_over(shares, shape.resize)])]


def sizes_in(reports: Iterable[dict[str, Any]]) -> Iterable[tuple[int, int]]:
    """Height and width of each image that is used, from the entries of `files.jsonl`."""
    return ((report["height"], report["width"]) for report in reports if report["outcome"] != "dropped")
