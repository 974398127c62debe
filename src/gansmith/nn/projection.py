"""The end of a discriminator, conditional by projection."""

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding


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
