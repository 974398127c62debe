"""How a generator is told at each layer which image it is making."""

from torch import Tensor, nn

from gansmith.nn.init import normal_kernel
from gansmith.nn.labels import modulated

INITIAL_WEIGHTS = 0.02
"""Standard deviation of the gains' and shifts' first kernel: small, so that a layer starts near the identity."""


class SelfModulation(nn.Module):
    """x (1 + gain) + shift, with a gain and a shift for each image and feature: [N, C, H, W] -> the same shape.

    Both come from the latents by one hidden layer of `hidden` units: Chen et al. 2019, arXiv:1810.01365, eq. 3, of
    which it is the part behind the normalisation. Every layer of a generator then knows where the image started.
    """

    takes_latents = True

    def __init__(self, latents: int, features: int, hidden: int):
        super().__init__()
        self.hidden = nn.Linear(latents, hidden)
        self.out = normal_kernel(nn.Linear(hidden, 2 * features), INITIAL_WEIGHTS)

    def forward(self, x: Tensor, latents: Tensor) -> Tensor:
        """[N, C, H, W], latents [N, L] -> the shape and type of x."""
        return modulated(x, self.out(self.hidden(latents).relu()))
