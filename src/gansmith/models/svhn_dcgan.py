"""The networks for colour images of "Having Fun with Deep Convolutional GANs" (Naoki Shibuya, 2017)."""

from typing import Literal

from pydantic import Field

from gansmith import nn
from gansmith.models.base import ModelConfig, Networks, Spec, whole_part


class Config(ModelConfig):
    """Three strided transposed convolutions; three strided ones. Batch norm except at D's input and G's output."""

    name: Literal["svhn-dcgan"] = "svhn-dcgan"
    """Name of the model."""
    width: int = Field(512, ge=8, multiple_of=8)
    """Channels of the generator's smallest image; half of it in the discriminator's."""
    slope: float = Field(0.2, ge=0, le=1)
    """Slope of LeakyReLU below 0."""
    init_std: float = Field(0.0, ge=0)
    """Every kernel starts as N(0, init_std^2); 0 takes Glorot's uniform distribution."""

    def build(self, spec: Spec) -> Networks:
        """G 4,936,963 (4,935,171 trainable), D 1,034,881 (1,034,113) for 32x32x3, 100 latents, default width."""
        height, width = whole_part(spec, self.name, 8)
        G = nn.Stack(
            nn.Linear(spec.latents, self.width * height * width),
            nn.Unflatten(1, (self.width, height, width)),
            *self._normalised(self.width),
            nn.ConvTranspose2dSame(self.width, self.width // 2, 5, 2),
            *self._normalised(self.width // 2),
            nn.ConvTranspose2dSame(self.width // 2, self.width // 4, 5, 2),
            *self._normalised(self.width // 4),
            nn.ConvTranspose2dSame(self.width // 4, spec.channels, 5, 2),
            nn.Tanh(),
        )
        D = nn.Stack(
            nn.Conv2dSame(spec.channels, self.width // 8, 5, 2),
            nn.LeakyReLU(self.slope),
            nn.Conv2dSame(self.width // 8, self.width // 4, 5, 2),
            *self._normalised(self.width // 4),
            nn.Conv2dSame(self.width // 4, self.width // 2, 5, 2),
            *self._normalised(self.width // 2),
            nn.Flatten(),
            nn.Linear(self.width // 2 * height * width, 1),
            nn.Flatten(0),
        )
        if self.init_std:
            for layer in (*G.layers, *D.layers):
                nn.normal_kernel(layer, self.init_std)
        return Networks(G=G, D=D)

    def _normalised(self, features: int) -> "tuple[nn.Module, nn.Module]":
        return nn.BatchNorm(features, decay=0.99, epsilon=1e-3, bessel=False), nn.LeakyReLU(self.slope)
