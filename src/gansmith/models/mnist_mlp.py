"""The dense networks of "Having Fun with Deep Convolutional GANs" (Naoki Shibuya, 2017), its first system."""

from typing import Literal

from pydantic import Field

from gansmith import nn
from gansmith.models.base import ModelConfig, Networks, Spec

SLOPE = 0.01


class Config(ModelConfig):
    """One hidden dense layer with LeakyReLU in each network."""

    name: Literal["mnist-mlp"] = "mnist-mlp"
    """Name of the model."""
    width: int = Field(128, ge=1)
    """Hidden units of each network."""

    def build(self, spec: Spec) -> Networks:
        """G 114,064 and D 100,609 parameters for 28x28x1 images, 100 latents, default width."""
        image = (spec.channels, spec.height, spec.width)
        pixels = spec.channels * spec.height * spec.width
        G = nn.Stack(
            nn.Linear(spec.latents, self.width),
            nn.LeakyReLU(SLOPE),
            nn.Linear(self.width, pixels),
            nn.Tanh(),
            nn.Unflatten(1, image),
        )
        D = nn.Stack(
            nn.Flatten(),
            nn.Linear(pixels, self.width),
            nn.LeakyReLU(SLOPE),
            nn.Linear(self.width, 1),
            nn.Flatten(0),
        )
        return Networks(G=G, D=D)
