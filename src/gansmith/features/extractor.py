"""The interface of every feature network, and the resizing of images to its size."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import interpolate

from gansmith.errors import UsageError
from gansmith.pixels import to_model

LEAST = 4
"""Smallest height and width of an image, in pixels."""
CHANNELS = (1, 3, 4)
"""Numbers of channels an image can have: grey, RGB, RGBA."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InputShape:
    """Shape of the images that an extractor takes. Raises UsageError for a shape that no network accepts."""

    channels: int
    """1: grey, 3: RGB, 4: RGBA."""
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
    """Output of a feature network for N images, float32."""

    vectors: Tensor
    """[N, width]."""
    logits: Tensor | None = None
    """[N, classes]; None for a network that is no classifier."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Extractor:
    """A feature network for images of one shape; extractors with equal hash and resize give equal features."""

    name: str
    hash: str
    """SHA-256 of the weights and the architecture, in hexadecimal."""
    width: int
    """Number of values in a feature vector."""
    shape: InputShape
    """Shape of the images that `compute` takes."""
    pixels: int
    """Number of pixels of an image at the resolution of the network."""
    compute: Callable[[Tensor], Output]
    """Takes uint8 [N, C, H, W] of `shape`; call it without gradients and in float32, as `extract` does."""
    resize: str = "none"
    """How images are resized for the network, in words; "none" for images of its size."""
    classes: tuple[str, ...] | None = None
    """Names of the classes; None for a network that is no classifier."""


def hash_of(weights: str, architecture: object) -> str:
    """SHA-256 of the weights' hash and the `repr` of what describes the architecture."""
    return hashlib.sha256(f"{weights} {architecture!r}".encode()).hexdigest()


def describe_resize(name: str, shape: InputShape, channels: int, side: int, how: str) -> str:
    """Such as "grey repeated to RGB, bicubic antialiased to 32x32", or "none".

    Raises UsageError where the conversion to `channels` would lose colour or transparency.
    """
    if shape.channels not in (1, channels) or (shape.channels == 1 and channels not in (1, 3)):
        raise UsageError(
            f"features {name!r} take images of {channels} channel{'s' if channels > 1 else ''}, these have "
            f"{shape.channels}; use the features 'random'."
        )
    steps = ["grey repeated to RGB"] if shape.channels != channels else []
    steps += [f"{how} to {side}x{side}"] if (shape.height, shape.width) != (side, side) else []
    return ", ".join(steps) or "none"


def resized(images: Tensor, side: int, channels: int) -> Tensor:
    """uint8 [N, C, H, W] -> float32 [N, channels, side, side] in 0..1: bicubic, antialiased, clipped, not rounded."""
    found = to_model(images, "0..1")
    if found.shape[2:] != (side, side):
        found = interpolate(found, (side, side), mode="bicubic", antialias=True, align_corners=False).clamp_(0, 1)
    return found if found.shape[1] == channels else found.expand(-1, channels, -1, -1).contiguous()
