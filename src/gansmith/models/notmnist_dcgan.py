"""Networks for letters: Zackory Erickson's `mnist_dcgan.py` (2017), the closest complete relative of a lost article.

The article (Zhihang Liu, Medium, 7 April 2017) gives no layer sizes; the recipe says what is known.
"""

from typing import Literal

from pydantic import Field

from gansmith import nn
from gansmith.models.base import ModelConfig, Networks, Spec, whole_part

SLOPE = 0.2
FIRST_STD = 0.02
"""Standard deviation of the first kernel of each network; the others start by Glorot's uniform distribution."""


class Config(ModelConfig):
    """G: two upsampling convolutions. D: two strided convolutions with dropout. No batch norm."""

    name: Literal["notmnist-dcgan"] = "notmnist-dcgan"
    """Name of the model."""
    width: int = Field(128, ge=2, multiple_of=2)
    """Channels of the smallest image in both networks; half of it in the middle."""
    dropout: float = Field(0.3, ge=0, lt=1)
    """Share of values dropped after each convolution of the discriminator."""

    def build(self, spec: Spec) -> Networks:
        """G 839,937 and D 212,865 parameters for 28x28x1 images, 100 latents, default width."""
        height, width = whole_part(spec, self.name, 4)
        wide, thin = self.width, self.width // 2
        G = nn.Stack(
            nn.normal_kernel(nn.Linear(spec.latents, wide * height * width), FIRST_STD),
            nn.LeakyReLU(SLOPE),
            nn.Unflatten(1, (wide, height, width)),
            nn.UpsampleConv2d(wide, thin, 5),
            nn.LeakyReLU(SLOPE),
            nn.UpsampleConv2d(thin, spec.channels, 5),
            nn.Tanh(),
        )
        D = nn.Stack(
            nn.normal_kernel(nn.Conv2dSame(spec.channels, thin, 5, 2), FIRST_STD),
            nn.LeakyReLU(SLOPE),
            nn.Dropout(self.dropout),
            nn.Conv2dSame(thin, wide, 5, 2),
            nn.LeakyReLU(SLOPE),
            nn.Dropout(self.dropout),
            nn.Flatten(),
            nn.Linear(wide * height * width, 1),
            nn.Flatten(0),
        )
        return Networks(G=G, D=D)
