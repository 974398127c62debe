"""Doubling an image's sides within a convolution: nearest-neighbour first, or one kernel for each of four pixels.

Odena et al. 2016, doi:10.23915/distill.00003, on what becomes of checkerboards.
"""

from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, pixel_shuffle


class UpsampleConv2d(nn.Module):
    """Doubles height and width, then convolves: [N, C_in, H, W] -> [N, C_out, 2H, 2W], with a bias.

    `fast` computes the two at once, on the small image: each of the four output phases sees only a few distinct
    input pixels, so a kernel of 5 becomes one of 3 with four times the channels (25 -> 9 multiplies an output). The
    fold is part of the graph, so gradients reach the original weight. `fast=False` is the readable reference.

    `transposed` reads the weight as that of a stride-1 transposed convolution, [C_in, C_out, k, k] and turned by 180
    degrees, which is how Keras stores `UpSampling2D` + `Conv2DTranspose`.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, *, transposed: bool = False, fast: bool = True
    ):
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"kernel={kernel} has no centre; take an odd one.")
        self.kernel, self.transposed, self.fast = kernel, transposed, fast
        shape = (in_channels, out_channels) if transposed else (out_channels, in_channels)
        self.weight = nn.Parameter(torch.empty(*shape, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """[N, C_in, H, W] -> [N, C_out, 2H, 2W]."""
        weight = self.weight.transpose(0, 1).flip(2, 3) if self.transposed else self.weight
        if not self.fast:
            return conv2d(interpolate(x, scale_factor=2, mode="nearest"), weight, self.bias, padding=self.kernel // 2)
        small = fold_upsampling(weight)
        return pixel_shuffle(conv2d(x, small, self.bias.repeat_interleave(4), padding=small.shape[-1] // 2), 2)

    def extra_repr(self) -> str:
        """What `print(module)` shows."""
        sides = self.weight.shape[:2] if self.transposed else self.weight.shape[:2][::-1]
        return f"{sides[0]}, {sides[1]}, kernel={self.kernel}, transposed={self.transposed}"


class SubPixelConv2d(nn.Module):
    """A 'same' convolution that makes four pixels of each: [N, C_in, H, W] -> [N, C_out, 2H, 2W], with a bias.

    Shi et al. 2016, arXiv:1609.05158. Of kernel 3 it multiplies as often as an `UpsampleConv2d` of kernel 5, but its
    four phases are free of each other. The kernel has an odd side.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(4 * out_channels, in_channels, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(4 * out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """[N, C_in, H, W] -> [N, C_out, 2H, 2W]."""
        return pixel_shuffle(conv2d(x, self.weight, self.bias, padding=self.weight.shape[-1] // 2), 2)

    def extra_repr(self) -> str:
        """What `print(module)` shows."""
        return f"{self.weight.shape[1]}, {self.weight.shape[0] // 4}, kernel={self.weight.shape[-1]}"


class Crop(nn.Module):
    """Keeps the first rows and columns: [N, C, H, W] -> [N, C, height, width]."""

    def __init__(self, height: int, width: int):
        super().__init__()
        self.height, self.width = height, width

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C, height, width]."""
        return x[:, :, : self.height, : self.width]

    def extra_repr(self) -> str:
        """What `print(module)` shows."""
        return f"{self.height}, {self.width}"


def fold_upsampling(weight: Tensor) -> Tensor:
    """Kernel [O, I, k, k] for the doubled image -> [4 O, I, m, m] for the small one, in pixel_shuffle's order.

    Output pixel 2i + a reads doubled pixels 2i + a + u - k // 2, which are small pixels i + (a + u - k // 2) // 2: taps
    that fall on the same small pixel add up.
    """
    taps = _taps(weight.shape[-1]).to(weight)
    folded = torch.einsum("apu,bqv,oiuv->oabipq", taps, taps, weight)
    return folded.flatten(0, 2)


@lru_cache
def _taps(kernel: int) -> Tensor:
    """[phase, small tap, tap] of zeros and ones: which small pixel each tap of each phase reads."""
    reach = (kernel // 2 + 1) // 2
    taps = torch.zeros(2, 2 * reach + 1, kernel)
    for phase in range(2):
        for tap in range(kernel):
            taps[phase, (phase + tap - kernel // 2) // 2 + reach, tap] = 1
    return taps
