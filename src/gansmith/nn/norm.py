"""Batch normalisation with the two moving variances of the classic frameworks. Ioffe & Szegedy, arXiv:1502.03167."""

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm


class BatchNorm(nn.Module):
    """Normalises each feature over the batch (and the pixels, if any): [N, C] or [N, C, H, W] -> the same shape.

    `decay` is the share of the moving statistics kept at each update: Keras' `momentum`, 1 - torch's. `bessel` says
    whether the moving variance takes the unbiased batch variance, as TensorFlow's fused kernel does for images, or
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
        if self.bessel or not self.training:
            return self._normalise(x, self.running_var)
        unbiased = self.running_var.clone()  # autograd holds on to what it is given: the buffer itself must be free
        out = self._normalise(x, unbiased)
        kept, count = self.running_var * self.decay, x.numel() // x.shape[1]
        self.running_var.copy_(kept + (unbiased - kept) * (count - 1) / count)
        return out

    def _normalise(self, x: Tensor, running_var: Tensor) -> Tensor:
        """Moves `running_mean` and `running_var` in training mode, towards the unbiased variance."""
        momentum = 1 - self.decay
        return batch_norm(
            x, self.running_mean, running_var, self.weight, self.bias, self.training, momentum, self.epsilon
        )

    def extra_repr(self) -> str:
        """What `print(module)` shows."""
        return f"{len(self.weight)}, decay={self.decay}, epsilon={self.epsilon}, bessel={self.bessel}"


def normalises_batches(*networks: nn.Module) -> bool:
    """Whether a layer of these networks makes an image depend on the other images of its batch."""
    kinds = (BatchNorm, nn.modules.batchnorm._BatchNorm)
    return any(isinstance(layer, kinds) for network in networks for layer in network.modules())
