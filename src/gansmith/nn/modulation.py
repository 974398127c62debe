"""Layers that scale and shift features: by the class of an image, or by its latents."""

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from gansmith.nn.init import normal_kernel

SELF_MODULATION_STD = 0.02
"""Standard deviation of the initial kernel of gains and shifts: small, so that the layer starts near the identity."""


class Modulation(nn.Module):
    """x (1 + gain) + shift, with a gain and a shift for each class and feature: [N, C] or [N, C, H, W] -> the same.

    Behind a batch norm it is conditional batch norm: Dumoulin et al. 2016, arXiv:1610.07629; without one, FiLM: Perez
    et al. 2017, arXiv:1709.07871. Starts as the identity. `weight` is [classes, 2 C]: gains, then shifts.
    """

    is_conditional = True
    kernel_std = 0.0
    """Standard deviation of the initial weights, see `gansmith.nn.init.init_weights`."""

    def __init__(self, features: int, classes: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(classes, 2 * features))

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        """[N, C] or [N, C, H, W], labels int64 [N] -> the shape and type of x."""
        return modulated(x, embedding(labels, self.weight))

    def extra_repr(self) -> str:
        """What `print(module)` shows."""
        return f"{self.weight.shape[1] // 2}, classes={len(self.weight)}"


def modulated(x: Tensor, gains_and_shifts: Tensor) -> Tensor:
    """Scaled and shifted: x (1 + gain) + shift of [N, C] or [N, C, H, W], gains and then shifts in one [N, 2 C]."""
    given = gains_and_shifts.to(x.dtype)
    gain, shift = given.view(*given.shape, *(1 for _ in x.shape[2:])).chunk(2, 1)
    return torch.addcmul(shift, x, 1 + gain)


class SelfModulation(nn.Module):
    """x (1 + gain) + shift, with a gain and a shift for each image and feature: [N, C, H, W] -> the same shape.

    A hidden layer of `hidden` units turns the latents into both: Chen et al. 2019, arXiv:1810.01365, eq. 3, the part
    after the normalisation. Every layer of a generator then knows the latents of the image.
    """

    takes_latents = True

    def __init__(self, latents: int, features: int, hidden: int):
        super().__init__()
        self.hidden = nn.Linear(latents, hidden)
        self.out = normal_kernel(nn.Linear(hidden, 2 * features), SELF_MODULATION_STD)

    def forward(self, x: Tensor, latents: Tensor) -> Tensor:
        """[N, C, H, W], latents [N, L] -> the shape and type of x."""
        return modulated(x, self.out(self.hidden(latents).relu()))
