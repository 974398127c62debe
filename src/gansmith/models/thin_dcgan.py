"""Thin, fast networks of our own for images of any size: many updates a second are what a short run needs.

In the line of Radford et al. 2016, arXiv:1511.06434, but few channels, G's images grow within 3x3 convolutions (Shi
et al. 2016, arXiv:1609.05158), its layers are scaled and shifted by the latents (Chen et al. 2019, arXiv:1810.01365),
and D has no norm, so that penalties on its gradient are an image's own.
"""

from itertools import pairwise
from typing import Literal

from pydantic import Field

from gansmith import nn
from gansmith.models.base import ModelConfig, Networks, Spec, image_sizes

LARGEST_FIRST = 8
"""Pixels of the shorter side of G's first image, at most."""
WIDEST = 8
"""Channels of a layer at most, as a multiple of the width."""
HIDDEN = 32
"""Hidden units between the latents and the gains of a layer of G."""


class Config(ModelConfig):
    """G: 3x3 convolutions that double the image, with batch norm. D: strided convolutions without any norm."""

    any_size = True
    is_conditional = True

    name: Literal["thin-dcgan"] = "thin-dcgan"
    """Name of the model."""
    width: int = Field(16, ge=4, multiple_of=4)
    """Channels next to the image, best a multiple of 16; each halving of the sides doubles them, up to 8 times."""

    def build(self, spec: Spec) -> Networks:
        """G 310,417 (310,193 trainable) and D 109,281 parameters for 28x28x1, 64 latents, default width."""
        sizes = image_sizes(spec, self.name, LARGEST_FIRST)
        return Networks(G=self._generator(spec, sizes), D=self._discriminator(spec, sizes))

    def _channels(self, level: int) -> int:
        """Channels after so many halvings of the image."""
        return self.width * min(2**level, WIDEST)

    def _generator(self, spec: Spec, sizes: list[tuple[int, int]]) -> "nn.Module":
        """Images in -1..1."""
        (height, width), levels = sizes[0], range(len(sizes) - 1, -1, -1)
        first = self._channels(levels[0])
        layers: list[nn.Module] = [
            nn.Linear(spec.latents, first * height * width),
            nn.Unflatten(1, (first, height, width)),
            *_normalised(first, spec),
        ]
        for (height, width), (above, level) in zip(sizes[1:], pairwise(levels), strict=True):
            layers.append(nn.SubPixelConv2d(self._channels(above), self._channels(level), 3))
            if height % 2 or width % 2:
                layers.append(nn.Crop(height, width))
            layers += _normalised(self._channels(level), spec)
        return nn.Stack(*layers, nn.Conv2dSame(self.width, spec.channels, 3), nn.Tanh())

    def _discriminator(self, spec: Spec, sizes: list[tuple[int, int]]) -> "nn.Module":
        layers: list[nn.Module] = []
        channels = [spec.channels, *(self._channels(level) for level in range(1, len(sizes) + 1))]
        for (height, width), (narrow, wide) in zip(reversed(sizes), pairwise(channels), strict=True):
            kernel = 4 if height % 2 == width % 2 == 0 else 3  # an even side is padded evenly
            layers += [nn.Conv2dSame(narrow, wide, kernel, 2), nn.LeakyReLU(0.2)]
        height, width = (nn.same_size(side, 2) for side in sizes[0])
        return nn.Stack(*layers, nn.Flatten(), nn.Logit(channels[-1] * height * width, spec.num_classes))


def _normalised(features: int, spec: Spec) -> "list[nn.Module]":
    """Batch norm, then a gain and a shift by the latents, another by the class if there are classes, and ReLU."""
    layers: list[nn.Module] = [
        nn.BatchNorm(features, decay=0.9, epsilon=1e-3, bessel=True),
        nn.SelfModulation(spec.latents, features, HIDDEN),
    ]
    if spec.num_classes:
        layers.append(nn.Modulation(features, spec.num_classes))
    return [*layers, nn.ReLU()]
