"""A small DCGAN of our own: the generator upsamples, so no checkerboard can come from uneven kernel overlap."""

from typing import Literal

from pydantic import Field
from torch import nn

from gansmith.models.base import ModelConfig, Networks, Spec, whole_quarter
from gansmith.nn.conv import Conv2dSame, same_size
from gansmith.nn.norm import BatchNorm
from gansmith.nn.stack import Stack
from gansmith.nn.upsample import UpsampleConv2d


class Config(ModelConfig):
    """Two upsampling convolutions with batch norm; three strided convolutions without. Made to train in minutes."""

    name: Literal["upsample-dcgan"] = "upsample-dcgan"
    """The file of networks."""
    width: int = Field(64, ge=4, multiple_of=4)
    """Channels of the smallest picture in both networks; half and a quarter of it towards the full size."""

    def build(self, spec: Spec) -> Networks:
        """G 256,257 (256,065 trainable) and D 28,017 parameters for 28x28x1 pictures, 64 latents, default width."""
        height, width = whole_quarter(spec, self.name)
        wide, half, thin = self.width, self.width // 2, self.width // 4
        G = Stack(
            nn.Linear(spec.latents, wide * height * width),
            nn.Unflatten(1, (wide, height, width)),
            _batch_norm(wide),
            nn.ReLU(),
            UpsampleConv2d(wide, half, 5),
            _batch_norm(half),
            nn.ReLU(),
            UpsampleConv2d(half, spec.channels, 5),
            nn.Tanh(),
        )
        last_height, last_width = (same_size(side, 8) for side in (spec.height, spec.width))
        D = Stack(
            Conv2dSame(spec.channels, thin, 4, 2),
            nn.LeakyReLU(0.2),
            Conv2dSame(thin, half, 4, 2),
            nn.LeakyReLU(0.2),
            Conv2dSame(half, wide, 3, 2),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(wide * last_height * last_width, 1),
            nn.Flatten(0),
        )
        return Networks(G=G, D=D)


def _batch_norm(features: int) -> BatchNorm:
    return BatchNorm(features, decay=0.9, epsilon=1e-3, bessel=True)
