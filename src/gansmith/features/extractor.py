"""What every feature network is to its users, and how images are brought to its size."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from gansmith.errors import UsageError
from gansmith.pixels import to_model

LEAST, CHANNELS = 4, (1, 3, 4)


@dataclass(frozen=True, kw_only=True, slots=True)
class InputShape:
    """Of the images that features are taken of. Raises UsageError for one that no network sees."""

    channels: int
    """1 grey, 3 RGB, 4 with transparency."""
    height: int
    width: int

    def __post_init__(self) -> None:
        if self.channels not in CHANNELS or min(self.height, self.width) < LEAST:
            raise UsageError(
                f"features need images of 1, 3 or 4 channels and at least {LEAST}x{LEAST} pixels; these are "
                f"{self.height}x{self.width} with {self.channels}."
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """Of a network for a chunk of images, float32."""

    vectors: Tensor
    """[N, width]."""
    logits: Tensor | None
    """[N, classes], or None where the network knows no classes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Extractor:
    """A network and all that decides what it says; two with one hash and one resize say the same."""

    name: str
    hash: str
    """SHA-256 of the weights and the architecture, in hexadecimal."""
    width: int
    """Of a feature vector."""
    classes: tuple[str, ...] | None
    resize: str
    """How images are brought to the network: "none", or in words."""
    shape: InputShape
    """Of the images that are given."""
    pixels: int
    """Of an image as the network sees it."""
    compute: Callable[[Tensor], Output]
    """From uint8 [N, C, H, W] of the shape."""


def hash_of(weights: str, architecture: object) -> str:
    """SHA-256 of the weights' hash and of what the architecture's facts look like in print."""
    return hashlib.sha256(f"{weights} {architecture!r}".encode()).hexdigest()


def no_gradients(compute: Callable[[Tensor], Output]) -> Callable[[Tensor], Output]:
    """The same in full precision and without gradients, whatever its caller has switched on."""

    def computed(images: Tensor) -> Output:
        with torch.inference_mode(), torch.autocast("cpu", enabled=False):
            return compute(images)

    return computed


def fitting(name: str, shape: InputShape, channels: int) -> str:
    """How the channels are brought to a network of so many: a remark for `resize`, empty when they are as they are.

    Raises UsageError where that would throw something away.
    """
    if shape.channels == channels:
        return ""
    if shape.channels == 1 and channels == 3:
        return "grey repeated to RGB"
    raise UsageError(
        f"features {name!r} see images of {channels} channel{'s' if channels > 1 else ''}, these have "
        f"{shape.channels}; take the features 'random'."
    )


def describe_resize(name: str, shape: InputShape, channels: int, side: int, how: str) -> str:
    """Such as "bicubic antialiased to 28x28", or "none". Raises UsageError as `fitting`."""
    parts = [fitting(name, shape, channels)]
    if (shape.height, shape.width) != (side, side):
        parts.append(f"{how} to {side}x{side}")
    return ", ".join(filter(None, parts)) or "none"


def resized(images: Tensor, side: int, channels: int) -> Tensor:
    """uint8 [N, C, H, W] -> float32 [N, channels, side, side] in 0..1: bicubic, antialiased, clipped, not rounded."""
    found = to_model(images, "0..1")
    if found.shape[2:] != (side, side):
        found = interpolate(found, (side, side), mode="bicubic", antialias=True, align_corners=False).clamp_(0, 1)
    return found if found.shape[1] == channels else found.expand(-1, channels, -1, -1).contiguous()
