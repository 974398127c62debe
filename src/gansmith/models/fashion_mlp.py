"""The dense networks of "Generative Adversarial Networks" (Baptiste Pesquet's course page, 2020)."""

from typing import Literal

from pydantic import Field

from gansmith import nn
from gansmith.models.base import ModelConfig, Networks, Spec


class Config(ModelConfig):
    """Two hidden dense layers with SELU in each network, the wide one next to the image."""

    name: Literal["fashion-mlp"] = "fashion-mlp"
    """Name of the model."""
    width: int = Field(150, ge=2)
    """Units next to the image; two thirds of it in the middle."""

    def build(self, spec: Spec) -> Networks:
        """G 136,634 and D 132,951 parameters for 28x28x1 images, 30 latents, default width."""
        image = (spec.channels, spec.height, spec.width)
        pixels, wide, thin = spec.channels * spec.height * spec.width, self.width, self.width * 2 // 3
        G = nn.Stack(
            nn.Linear(spec.latents, thin),
            nn.SELU(),
            nn.Linear(thin, wide),
            nn.SELU(),
            nn.Linear(wide, pixels),
            nn.Sigmoid(),
            nn.Unflatten(1, image),
        )
        D = nn.Stack(
            nn.Flatten(),
            nn.Linear(pixels, wide),
            nn.SELU(),
            nn.Linear(wide, thin),
            nn.SELU(),
            nn.Linear(thin, 1),
            nn.Flatten(0),
        )
        return Networks(G=G, D=D)
