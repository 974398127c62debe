"""The convolutional networks of "Generative Adversarial Networks" (Baptiste Pesquet's course page, 2020)."""

from typing import Literal

from pydantic import Field

from gansmith import nn
from gansmith.models.base import ModelConfig, Networks, Spec, whole_part


class Config(ModelConfig):
    """A generator of two strided transposed convolutions with SELU and tanh; a discriminator of two convolutions."""

    name: Literal["fashion-dcgan"] = "fashion-dcgan"
    """Name of the model."""
    width: int = Field(128, ge=2, multiple_of=2)
    """Channels of the smallest image in both networks; half of it in the middle."""
    dropout: float = Field(0.4, ge=0, lt=1)
    """Share of values dropped after each convolution of the discriminator."""

    def build(self, spec: Spec) -> Networks:
        """G 840,705 (840,321 trainable) and D 212,865 parameters for 28x28x1 images, 100 latents, default width."""
        height, width = whole_part(spec, self.name, 4)
        wide, thin = self.width, self.width // 2
        G = nn.Stack(
            nn.Linear(spec.latents, wide * height * width),
            nn.Unflatten(1, (wide, height, width)),
            _batch_norm(wide),
            nn.ConvTranspose2dSame(wide, thin, 5, 2),
            nn.SELU(),
            _batch_norm(thin),
            nn.ConvTranspose2dSame(thin, spec.channels, 5, 2),
            nn.Tanh(),
        )
        D = nn.Stack(
            nn.Conv2dSame(spec.channels, thin, 5, 2),
            nn.LeakyReLU(0.2),
            nn.Dropout(self.dropout),
            nn.Conv2dSame(thin, wide, 5, 2),
            nn.LeakyReLU(0.2),
            nn.Dropout(self.dropout),
            nn.Flatten(),
            nn.Linear(wide * height * width, 1),
            nn.Flatten(0),
        )
        return Networks(G=G, D=D)


def _batch_norm(features: int) -> "nn.BatchNorm":
    return nn.BatchNorm(features, decay=0.99, epsilon=1e-3, bessel=True)
