"""The small networks for digits of "Having Fun with Deep Convolutional GANs" (Naoki Shibuya, 2017)."""

from typing import Literal

from pydantic import Field

from gansmith import nn
from gansmith.models.base import ModelConfig, Networks, Spec, whole_part


class Config(ModelConfig):
    """G: two strided transposed convolutions. D: two strided convolutions, the second narrower, and a dense layer."""

    name: Literal["mnist-small-dcgan"] = "mnist-small-dcgan"
    """Name of the model."""
    width: int = Field(16, ge=1)
    """Channels of the smallest image in both networks; twice that in the middle."""
    slope: float = Field(0.01, ge=0, le=1)
    """Slope of LeakyReLU below 0."""

    def build(self, spec: Spec) -> Networks:
        """G 93,009 (92,913 trainable), D 633,073 (631,473) parameters for 28x28x1, 100 latents, default width."""
        height, width = whole_part(spec, self.name, 4)
        thin, wide, flat = self.width, 2 * self.width, self.width * height * width
        G = nn.Stack(
            nn.Linear(spec.latents, flat),
            nn.Unflatten(1, (thin, height, width)),
            *self._normalised(thin),
            nn.ConvTranspose2dSame(thin, wide, 5, 2),
            *self._normalised(wide),
            nn.ConvTranspose2dSame(wide, spec.channels, 5, 2),
            nn.Tanh(),
        )
        D = nn.Stack(
            nn.Conv2dSame(spec.channels, wide, 5, 2),
            nn.LeakyReLU(self.slope),
            nn.Conv2dSame(wide, thin, 5, 2),
            *self._normalised(thin),
            nn.Flatten(),
            nn.Linear(flat, flat),
            *self._normalised(flat),
            nn.Linear(flat, 1),
            nn.Flatten(0),
        )
        return Networks(G=G, D=D)

    def _normalised(self, features: int) -> "tuple[nn.Module, nn.Module]":
        return nn.BatchNorm(features, decay=0.99, epsilon=1e-3, bessel=False), nn.LeakyReLU(self.slope)
