"""Batch normalisation with the two moving variances of the classic frameworks. Ioffe & Szegedy 2015, arXiv:1502.03167."""

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm


class BatchNorm(nn.Module):
    """Normalises each feature over the batch (and the pixels, if any): [N, C] or [N, C, H, W] -> the same shape.

    `decay` is the share of the moving statistics kept at each update: Keras' `momentum`, 1 - torch's. `bessel` says
    whether the moving variance takes the unbiased batch variance, as TensorFlow's fused kernel does for pictures, or
    the biased one, as Keras 2.0 does. Batches are always normalised with the biased one.
    """

    weight: nn.Parameter
    bias: nn.Parameter
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, features: int, *, decay: float, epsilon: float, bessel: bool):
        super().__init__()
        self.decay, self.epsilon, self.bessel = decay, epsilon, bessel
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_var", torch.ones(features))

    def forward(self, x: Tensor) -> Tensor:
        """[N, C] or [N, C, H, W] -> the same shape."""
        before = None if self.bessel or not self.training else self.running_var * self.decay
        out = batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training,
            1 - self.decay,
            self.epsilon,
        )
        if before is not None:  # torch added (1 - decay) * unbiased variance; take the surplus out again
            count = x.numel() // x.shape[1]
            self.running_var.sub_(before).mul_((count - 1) / count).add_(before)
        return out

    def extra_repr(self) -> str:
        """What `print(module)` shows."""
        return f"{len(self.weight)}, decay={self.decay}, epsilon={self.epsilon}, bessel={self.bessel}"
