"""Norm-free residual networks for images of any size, in the design of R3GAN: Huang et al. 2025, arXiv:2501.05441.

Written from the paper. G and D mirror each other: a stage of blocks for each size, images resampled bilinearly
between them, a learned basis of first images at the narrow end. Stages are narrower than the paper's, and a class
scales and shifts what each stage of G starts from.
"""

from itertools import pairwise
from typing import Literal

from pydantic import Field
from torch import nn

from gansmith.models.base import ModelConfig, Networks, Spec, image_sizes
from gansmith.nn.init import scaled_kernel
from gansmith.nn.modulation import Modulation
from gansmith.nn.projection import Logit
from gansmith.nn.resample import Double, Halve
from gansmith.nn.residual import Basis, OnBasis, ResidualBlock
from gansmith.nn.stack import Stack

LARGEST_FIRST = 7
"""Pixels of the shorter side of the basis, at most: 4 where the sides are powers of two, as in the paper."""
WIDEST = 4
"""How many times as many channels as next to the image there are at most."""


class Config(ModelConfig):
    """Blocks of 1x1, grouped 3x3 and 1x1 convolutions between bilinear resampling. No norm, no tanh."""

    any_size = True
    is_conditional = True

    name: Literal["residual"] = "residual"
    """The file of networks."""
    width: int = Field(32, ge=8, multiple_of=8)
    """Channels next to the image, best a multiple of 16; each halving of the sides doubles them, up to 4 times."""
    blocks: int = Field(1, ge=1, le=16)
    """Residual blocks for each size, in each network."""

    def build(self, spec: Spec) -> Networks:
        """G 176,160 and D 168,097 parameters for 28x28x1 images, 64 latents, default width."""
        sizes = image_sizes(spec, self.name, LARGEST_FIRST)
        return Networks(G=self._generator(spec, sizes), D=self._discriminator(spec, sizes))

    def _channels(self, sizes: list[tuple[int, int]]) -> list[int]:
        """Of each size, first to last."""
        return [self.width * min(2**level, WIDEST) for level in range(len(sizes) - 1, -1, -1)]

    def _stage(self, channels: int, sizes: list[tuple[int, int]]) -> list[nn.Module]:
        return [ResidualBlock(channels, self.blocks * len(sizes)) for _ in range(self.blocks)]

    def _generator(self, spec: Spec, sizes: list[tuple[int, int]]) -> nn.Module:
        """Images without bounds, to be clipped to -1..1."""
        channels = self._channels(sizes)
        layers: list[nn.Module] = [
            scaled_kernel(nn.Linear(spec.latents, channels[0], bias=False), 1),
            *_modulated(channels[0], spec.num_classes),
            Basis(channels[0], *sizes[0]),
            *self._stage(channels[0], sizes),
        ]
        for size, (before, after) in zip(sizes[1:], pairwise(channels), strict=True):
            # Narrowed before it is doubled: the two commute, and the smaller image has a quarter of the pixels.
            layers += [*_changed(before, after), Double(*size), *_modulated(after, spec.num_classes)]
            layers += self._stage(after, sizes)
        return Stack(*layers, _linear(channels[-1], spec.channels))

    def _discriminator(self, spec: Spec, sizes: list[tuple[int, int]]) -> nn.Module:
        channels = self._channels(sizes)[::-1]
        layers: list[nn.Module] = [_linear(spec.channels, channels[0]), *self._stage(channels[0], sizes)]
        for before, after in pairwise(channels):
            layers += [Halve(), *_changed(before, after), *self._stage(after, sizes)]
        logit = scaled_kernel(Logit(channels[-1], spec.num_classes), 1)
        return Stack(*layers, OnBasis(channels[-1], *sizes[0]), logit)


def _linear(before: int, after: int) -> nn.Module:
    """Other channels for each pixel, with no bias and no bend."""
    return scaled_kernel(nn.Conv2d(before, after, 1, bias=False), 1)


def _changed(before: int, after: int) -> list[nn.Module]:
    return [_linear(before, after)] if before != after else []


def _modulated(features: int, classes: int) -> list[nn.Module]:
    return [Modulation(features, classes)] if classes else []
