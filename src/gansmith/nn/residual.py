"""The layers of norm-free residual networks in the design of R3GAN: Huang et al. 2025, arXiv:2501.05441, §3."""

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from gansmith.nn.init import leaky_gain, normal_kernel, scaled_kernel

SLOPE = 0.2
"""Negative slope of every LeakyReLU."""
GROUP = 16
"""Channels in a group of the 3x3 convolution: as many as processors compute at once."""
EXPANSION = 2
"""Width of the inside of a block, as a multiple of the width outside."""


class ResidualBlock(nn.Module):
    """x + convolutions 1x1 (wider), 3x3 in groups, 1x1 (back), LeakyReLU after the first two: [N, C, H, W] -> the same.

    Starts as the identity, because the last kernel starts at zero. The standard deviations of the other kernels are
    L^(-1/4) times He's, for L = `depth` blocks in a row: Zhang et al. 2019, arXiv:1901.09321, §3.
    """

    counts_as_one = True
    """Its convolutions are beside the shortcut, so tables of layers show the block as one."""

    def __init__(self, channels: int, depth: int):
        super().__init__()
        wide, gain = EXPANSION * channels, leaky_gain(SLOPE) * depth**-0.25
        self.widen = scaled_kernel(nn.Conv2d(channels, wide, 1), gain)
        self.mix = scaled_kernel(nn.Conv2d(wide, wide, 3, padding=1, groups=max(wide // GROUP, 1)), gain)
        self.narrow = scaled_kernel(nn.Conv2d(wide, channels, 1, bias=False), 0)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C, H, W]."""
        inside = leaky_relu(self.mix(leaky_relu(self.widen(x), SLOPE)), SLOPE)
        return x + self.narrow(inside)


class Basis(nn.Module):
    """A learned image for each feature, multiplied by the feature: [N, C] -> [N, C, H, W]."""

    def __init__(self, channels: int, height: int, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, height, width))
        normal_kernel(self, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C] -> [N, C, H, W]."""
        return x[:, :, None, None] * self.weight


class OnBasis(nn.Module):
    """The scalar product of each channel with a learned image: [N, C, H, W] -> [N, C]."""

    def __init__(self, channels: int, height: int, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, height, width))
        scaled_kernel(self, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C]."""
        return (x * self.weight).sum((2, 3))
