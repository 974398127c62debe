"""The networks of "GAN by Example using Keras on Tensorflow Backend" (Rowel Atienza, 29 March 2017)."""

from typing import Literal

from pydantic import Field

from gansmith import nn
from gansmith.models.base import ModelConfig, Networks, Spec, whole_part


class Config(ModelConfig):
    """A generator that upsamples twice and ends in a sigmoid; a discriminator of four convolutions with dropout."""

    name: Literal["mnist-dcgan"] = "mnist-dcgan"
    """Name of the model."""
    width: int = Field(256, ge=8, multiple_of=8)
    """Channels of the generator's smallest image; every other width follows from it."""
    dropout: float = Field(0.4, ge=0, lt=1)
    """Share of values dropped: once in the generator, after every convolution of the discriminator."""
    doubling: Literal["upsampling", "transposed"] = "upsampling"
    """How the generator doubles its image: upsampling and a convolution, or a transposed convolution of stride 2."""

    def build(self, spec: Spec) -> Networks:
        """G 2,394,241 and D 4,311,553 parameters for 28x28x1 images, 100 latents and the default width."""
        return Networks(G=self._generator(spec), D=self._discriminator(spec))

    def _generator(self, spec: Spec) -> "nn.Module":
        height, width = whole_part(spec, self.name, 4)
        wide = self.width
        return nn.Stack(
            nn.Linear(spec.latents, wide * height * width),
            _batch_norm(wide * height * width),
            nn.ReLU(),
            nn.Unflatten(1, (wide, height, width)),
            nn.Dropout(self.dropout),
            self._doubled(wide, wide // 2),
            _batch_norm(wide // 2),
            nn.ReLU(),
            self._doubled(wide // 2, wide // 4),
            _batch_norm(wide // 4),
            nn.ReLU(),
            nn.ConvTranspose2dSame(wide // 4, wide // 8, 5),
            _batch_norm(wide // 8),
            nn.ReLU(),
            nn.ConvTranspose2dSame(wide // 8, spec.channels, 5),
            nn.Sigmoid(),
        )

    def _doubled(self, channels: int, filters: int) -> "nn.Module":
        """[N, channels, H, W] -> [N, filters, 2H, 2W]; the same number of parameters either way."""
        if self.doubling == "transposed":
            return nn.ConvTranspose2dSame(channels, filters, 5, 2)
        return nn.UpsampleConv2d(channels, filters, 5, transposed=True)

    def _discriminator(self, spec: Spec) -> "nn.Module":
        layers: list[nn.Module] = []
        channels, height, width = spec.channels, spec.height, spec.width
        for filters, stride in ((self.width // 4, 2), (self.width // 2, 2), (self.width, 2), (self.width * 2, 1)):
            layers += [nn.Conv2dSame(channels, filters, 5, stride), nn.LeakyReLU(0.2), nn.Dropout(self.dropout)]
            channels, height, width = filters, nn.same_size(height, stride), nn.same_size(width, stride)
        return nn.Stack(*layers, nn.Flatten(), nn.Linear(channels * height * width, 1), nn.Flatten(0))


def _batch_norm(features: int) -> "nn.BatchNorm":
    return nn.BatchNorm(features, decay=0.9, epsilon=1e-3, bessel=False)
