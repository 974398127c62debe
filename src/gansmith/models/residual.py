"""Norm-free residual networks for images of any size, in the design of R3GAN: Huang et al. 2025, arXiv:2501.05441.

Written from the paper. G and D mirror each other: a stage of blocks for each size, images resampled bilinearly
between them, a learned basis of first images at the narrow end. Stages are narrower than the paper's, and a class
scales and shifts what each stage of G starts from.
"""

from itertools import pairwise
from typing import Literal

from pydantic import Field

from gansmith import nn
from gansmith.models.base import ModelConfig, Networks, Spec, image_sizes

LARGEST_FIRST = 7
"""Pixels of the shorter side of the basis, at most: 4 where the sides are powers of two, as in the paper."""
WIDEST = 4
"""Channels of a layer at most, as a multiple of the width."""


class Config(ModelConfig):
    """G and D: blocks of 1x1, grouped 3x3 and 1x1 convolutions between bilinear resampling. No norm, no tanh."""

    any_size = True
    is_conditional = True

    name: Literal["residual"] = "residual"
    """Name of the model."""
    width: int = Field(32, ge=8, multiple_of=8)
    """Channels next to the image, best a multiple of 16; each halving of the sides doubles them, up to 4 times."""
    blocks: int = Field(1, ge=1, le=16)
    """Residual blocks at each image size, in each network."""

    def build(self, spec: Spec) -> Networks:
        """G 176,160 and D 168,097 parameters for 28x28x1 images, 64 latents, default width."""
        sizes = image_sizes(spec, self.name, LARGEST_FIRST)
        return Networks(G=self._generator(spec, sizes), D=self._discriminator(spec, sizes))

    def _channels(self, sizes: list[tuple[int, int]]) -> list[int]:
        """Channels at each image size, from the smallest on."""
        return [self.width * min(2**level, WIDEST) for level in range(len(sizes) - 1, -1, -1)]

    def _stage(self, channels: int, sizes: list[tuple[int, int]]) -> "list[nn.Module]":
        return [nn.ResidualBlock(channels, self.blocks * len(sizes)) for _ in range(self.blocks)]

    def _generator(self, spec: Spec, sizes: list[tuple[int, int]]) -> "nn.Module":
        """Images without bounds, to be clipped to -1..1."""
        channels = self._channels(sizes)
        layers: list[nn.Module] = [
            nn.scaled_kernel(nn.Linear(spec.latents, channels[0], bias=False), 1),
            *_modulated(channels[0], spec.num_classes),
            nn.Basis(channels[0], *sizes[0]),
            *self._stage(channels[0], sizes),
        ]
        for size, (before, after) in zip(sizes[1:], pairwise(channels), strict=True):
            # Narrowed before it is doubled: the two commute, and the smaller image has a quarter of the pixels.
            layers += [*_widened(before, after), nn.Double(*size), *_modulated(after, spec.num_classes)]
            layers += self._stage(after, sizes)
        return nn.Stack(*layers, _linear(channels[-1], spec.channels))

    def _discriminator(self, spec: Spec, sizes: list[tuple[int, int]]) -> "nn.Module":
        channels = self._channels(sizes)[::-1]
        layers: list[nn.Module] = [_linear(spec.channels, channels[0]), *self._stage(channels[0], sizes)]
        for before, after in pairwise(channels):
            layers += [nn.Halve(), *_widened(before, after), *self._stage(after, sizes)]
        logit = nn.scaled_kernel(nn.Logit(channels[-1], spec.num_classes), 1)
        return nn.Stack(*layers, nn.OnBasis(channels[-1], *sizes[0]), logit)


def _linear(before: int, after: int) -> "nn.Module":
    """A 1x1 convolution that changes the number of channels, without bias or nonlinearity."""
    return nn.scaled_kernel(nn.Conv2d(before, after, 1, bias=False), 1)


def _widened(before: int, after: int) -> "list[nn.Module]":
    return [_linear(before, after)] if before != after else []


def _modulated(features: int, classes: int) -> "list[nn.Module]":
    return [nn.Modulation(features, classes)] if classes else []
