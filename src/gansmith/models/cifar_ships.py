"""The networks of "My First GAN" (Jake Tae, 2020), which are those of Chollet's *Deep Learning with Python*, §8.5."""

from typing import Literal

from pydantic import Field

from gansmith import nn
from gansmith.errors import RecipeError
from gansmith.models.base import ModelConfig, Networks, Spec

SLOPE = 0.3
"""What Keras' LeakyReLU has when no slope is given."""
SMALLEST = 24
"""Pixels of the shortest side that survives D's four unpadded convolutions."""


class Config(ModelConfig):
    """G: one strided transposed convolution among plain ones. D: four unpadded convolutions. No batch norm."""

    name: Literal["cifar-ships"] = "cifar-ships"
    """Name of the model."""
    width: int = Field(256, ge=2, multiple_of=2)
    """Channels of the generator; half of it before its first convolution and in the discriminator."""
    dropout: float = Field(0.4, ge=0, lt=1)
    """Share of values dropped before the discriminator's dense layer."""

    def build(self, spec: Spec) -> Networks:
        """G 9,410,307 and D 790,913 parameters for 32x32x3 images, 128 latents, default width."""
        if spec.height % 2 or spec.width % 2 or min(spec.height, spec.width) < SMALLEST:
            raise RecipeError(
                f"model {self.name!r} takes images of even sides from {SMALLEST} on, got {spec.height}x{spec.width}."
            )
        return Networks(G=self._generator(spec), D=self._discriminator(spec))

    def _generator(self, spec: Spec) -> "nn.Module":
        wide, thin, height, width = self.width, self.width // 2, spec.height // 2, spec.width // 2
        return nn.Stack(
            nn.Linear(spec.latents, thin * height * width),
            nn.LeakyReLU(SLOPE),
            nn.Unflatten(1, (thin, height, width)),
            nn.Conv2dSame(thin, wide, 5),
            nn.LeakyReLU(SLOPE),
            nn.ConvTranspose2dSame(wide, wide, 4, 2),
            nn.LeakyReLU(SLOPE),
            nn.Conv2dSame(wide, wide, 5),
            nn.LeakyReLU(SLOPE),
            nn.Conv2dSame(wide, wide, 5),
            nn.LeakyReLU(SLOPE),
            nn.Conv2dSame(wide, spec.channels, 7),
            nn.Tanh(),
        )

    def _discriminator(self, spec: Spec) -> "nn.Module":
        layers: list[nn.Module] = []
        channels, height, width = spec.channels, spec.height, spec.width
        for kernel, stride in ((3, 1), (4, 2), (4, 2), (4, 2)):
            layers += [nn.Conv2d(channels, self.width // 2, kernel, stride), nn.LeakyReLU(SLOPE)]
            channels, height, width = self.width // 2, (height - kernel) // stride + 1, (width - kernel) // stride + 1
        flat = channels * height * width
        return nn.Stack(*layers, nn.Flatten(), nn.Dropout(self.dropout), nn.Linear(flat, 1), nn.Flatten(0))
