"""Halving and doubling images of any size with the filter [1, 2, 1], as R3GAN does: Huang et al., arXiv:2501.05441.

Pixel i of the small image lies on pixel 2i of the large one, so a side of n pixels has a half of n / 2, rounded up,
and any side can be come back to. Around the image there are zeros.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, interpolate, pad


class Halve(nn.Module):
    """[N, C, H, W] -> [N, C, H / 2, W / 2], rounded up: every other pixel of the blurred image.

    `fast` has the gradient, a doubling, computed as one; `fast=False` is the readable reference.
    """

    def __init__(self, *, fast: bool = True):
        super().__init__()
        self.fast = fast

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C, H / 2, W / 2], rounded up."""
        if self.fast:
            return _Halved.apply(x)
        return conv2d(x, _filter(x), stride=2, padding=1, groups=x.shape[1])


class Double(nn.Module):
    """[N, C, H / 2, W / 2], rounded up -> [N, C, H, W]: bilinear, the pixels between are means of their neighbours.

    It is four times the transposed map of `Halve`. `fast` is that of `Halve`.
    """

    def __init__(self, height: int, width: int, *, fast: bool = True):
        super().__init__()
        self.size, self.fast = (height, width), fast

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H / 2, W / 2], rounded up -> [N, C, H, W]."""
        if self.fast:
            return _Doubled.apply(x, self.size)
        more = [1 - side % 2 for side in self.size]
        return conv_transpose2d(x, 4 * _filter(x), stride=2, padding=1, output_padding=more, groups=x.shape[1])

    def extra_repr(self) -> str:
        """What `print(module)` shows."""
        return f"{self.size[0]}, {self.size[1]}"


class _Halved(torch.autograd.Function):
    """The strided convolution, whose own gradient takes a hundred times as long in oneDNN 3.11."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.size = tuple(x.shape[2:])
        with _in_its_own_type(x):
            return conv2d(x, _filter(x), stride=2, padding=1, groups=x.shape[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _Doubled.apply(gradients[0], ctx.size) / 4


class _Doubled(torch.autograd.Function):
    """torch's bilinear interpolation: with corners aligned, 2n - 1 pixels of n are those of the filter [1, 2, 1]."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, size: tuple[int, int]) -> Tensor:
        height, width = size
        bordered = pad(x, (0, 1 - width % 2, 0, 1 - height % 2))
        between = [2 * side - 1 for side in bordered.shape[2:]]
        with _in_its_own_type(x):
            doubled = interpolate(bordered, between, mode="bilinear", align_corners=True)
        return doubled[:, :, :height, :width].contiguous(memory_format=torch.channels_last)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _Halved.apply(gradients[0]) * 4, None


def _in_its_own_type(x: Tensor) -> AbstractContextManager:
    """No autocast, which takes interpolation for something that needs float32."""
    device = x.device.type
    return torch.autocast(device, enabled=False) if torch.amp.is_autocast_available(device) else nullcontext()


def _filter(x: Tensor) -> Tensor:
    """[C, 1, 3, 3] that sums to one, for each channel of x by itself."""
    row = torch.tensor([1.0, 2.0, 1.0], dtype=x.dtype, device=x.device) / 4
    return (row[:, None] * row).expand(x.shape[1], 1, 3, 3)
