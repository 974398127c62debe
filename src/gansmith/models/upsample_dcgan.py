"""A small DCGAN of our own, for images of any size and shape: the generator upsamples instead of transposing.

No checkerboard can come from uneven kernel overlap: Odena et al. 2016, doi:10.23915/distill.00003.
"""

from itertools import pairwise
from typing import Literal

from pydantic import Field

from gansmith import nn
from gansmith.errors import RecipeError
from gansmith.models.base import ModelConfig, Networks, Spec

SMALLEST_SIDE = range(4, 9)
"""Pixels of the shorter side of the generator's first image."""


class Config(ModelConfig):
    """G: upsampling convolutions with batch norm. D: strided convolutions without. Made to train in minutes."""

    any_size = True

    name: Literal["upsample-dcgan"] = "upsample-dcgan"
    """Name of the model."""
    width: int = Field(64, ge=4, multiple_of=4)
    """Channels of the smallest image in both networks; each doubling of the sides halves them."""
    spectral_norm: bool = False
    """Whether D's kernels are divided by their largest singular values (spectral norm)."""

    def build(self, spec: Spec) -> Networks:
        """G 256,257 (256,065 trainable) and D 28,017 parameters for 28x28x1 images, 64 latents, default width."""
        doublings = _doublings(spec)
        return Networks(G=self._generator(spec, doublings), D=self._discriminator(spec, doublings))

    def _generator(self, spec: Spec, doublings: int) -> "nn.Module":
        height, width = spec.height >> doublings, spec.width >> doublings
        layers: list[nn.Module] = [
            nn.Linear(spec.latents, self.width * height * width),
            nn.Unflatten(1, (self.width, height, width)),
        ]
        channels = [max(self.width >> level, 1) for level in range(doublings)]
        for wide, narrow in zip(channels, [*channels[1:], spec.channels], strict=True):
            norm = nn.BatchNorm(wide, decay=0.9, epsilon=1e-3, bessel=True)
            layers += [norm, nn.ReLU(), nn.UpsampleConv2d(wide, narrow, 5)]
        return nn.Stack(*layers, nn.Tanh())

    def _discriminator(self, spec: Spec, doublings: int) -> "nn.Module":
        layers: list[nn.Module] = []
        channels = [spec.channels, *(max(self.width >> level, 1) for level in range(doublings, -1, -1))]
        for level, (narrow, wide) in enumerate(pairwise(channels)):
            kernel = 3 if level == doublings else 4
            layers += [self._normed(nn.Conv2dSame(narrow, wide, kernel, 2)), nn.LeakyReLU(0.2)]
        height, width = (nn.same_size(side, 2 << doublings) for side in (spec.height, spec.width))
        last = self._normed(nn.Linear(self.width * height * width, 1))
        return nn.Stack(*layers, nn.Flatten(), last, nn.Flatten(0))

    def _normed(self, layer: "nn.Layer") -> "nn.Module":
        return nn.SpectralNorm(layer) if self.spectral_norm else layer


def _doublings(spec: Spec) -> int:
    """How often both sides can be halved until the shorter one is 4 to 8 pixels. Raises RecipeError if never."""
    height, width, doublings = spec.height, spec.width, 0
    while height % 2 == 0 and width % 2 == 0 and min(height, width) // 2 >= SMALLEST_SIDE.start:
        height, width, doublings = height // 2, width // 2, doublings + 1
    if not doublings or min(height, width) not in SMALLEST_SIDE:
        raise RecipeError(
            "model 'upsample-dcgan' halves the image until its shorter side is 4 to 8 pixels, and "
            f"{spec.height}x{spec.width} ends at {height}x{width}; take sides such as 28, 32, 64 or 96x64."
        )
    return doublings
