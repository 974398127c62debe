"""How a network is told the class of an image: a gain and a shift in G, a direction in D."""

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding


class Modulation(nn.Module):
    """x (1 + gain) + shift, with a gain and a shift for each class and feature: [N, C] or [N, C, H, W] -> the same.

    Behind a batch norm it is conditional batch norm: Dumoulin et al. 2016, arXiv:1610.07629; without one, FiLM: Perez
    et al. 2017, arXiv:1709.07871. Starts as the identity. `weight` is [classes, 2 C]: gains, then shifts.
    """

    is_conditional = True
    kernel_std = 0.0
    """What `gansmith.nn.init.init_weights` draws it with."""

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


class Logit(nn.Module):
    """The end of a discriminator: features [N, F] -> logits [N], in the weight's precision.

    With classes the logit is <x, w> + b + <x, v of the class>: the projection of Miyato & Koyama 2018,
    arXiv:1802.05637, eq. 4. `weight` is [1 + classes, F]: w, then each class's v.
    """

    def __init__(self, features: int, classes: int = 0):
        super().__init__()
        self.is_conditional = classes > 0
        self.weight = nn.Parameter(torch.empty(1 + classes, features))
        self.bias = nn.Parameter(torch.empty(1))

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """[N, F], and labels int64 [N] where there are classes -> [N]."""
        weight = self.weight[0]
        if labels is not None:
            weight = weight + embedding(labels + 1, self.weight)
        return (x * weight).sum(1) + self.bias

    def extra_repr(self) -> str:
        """What `print(module)` shows."""
        return f"{self.weight.shape[1]}, classes={len(self.weight) - 1}"
