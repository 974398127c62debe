"""Spectral normalisation: kernels divided by their largest singular value. Miyato et al. 2018, arXiv:1802.05957."""

import torch
from torch import Tensor, nn
from torch.func import functional_call

from gansmith.nn.conv import Conv2dSame
from gansmith.nn.modes import layers_of
from gansmith.nn.projection import Logit
from gansmith.nn.stack import is_conditional

Layer = nn.Linear | nn.Conv2d | Conv2dSame | Logit
"""Layers whose kernel is laid out as [C_out, ...]."""


class SpectralNorm(nn.Module):
    """The layer with W / sigma(W) in place of its kernel W, seen as a matrix of one row for each output channel.

    sigma = |W^T u|, where `u` approximates the left singular vector. `power_iteration` improves `u` once a training
    step, and nothing else changes it: it is saved in checkpoints, and a forward pass in any mode changes no state. For
    a convolution, W is the matrix of the kernel, not the linear map of whole images. For a logit without classes, sigma
    is the norm of its one row. With classes, the rows of all classes form one matrix, and the gradient of the logit of
    a class, w + v of the class, has norm at most sqrt(2).
    """

    u: Tensor

    def __init__(self, layer: Layer):
        super().__init__()
        if not isinstance(layer, Layer):
            raise TypeError(f"{type(layer).__name__} has no kernel of one row for each output channel.")
        rows = len(layer.weight)
        self.layer, self.is_conditional = layer, is_conditional(layer)
        self.register_buffer("u", torch.full((rows,), rows**-0.5))

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """The layer's output for x, and for labels int64 [N] if it is conditional, with the divided kernel."""
        weight = self.layer.weight
        sigma = _transposed_times(weight, self.u).norm()
        return functional_call(self.layer, {"weight": weight / sigma}, (x,) if labels is None else (x, labels))


def every_kernel_is_normed(network: nn.Module) -> bool:
    """Whether each parameter of two or more axes is divided by its largest singular value."""
    normed = {id(layer.layer.weight) for layer in layers_of(network) if isinstance(layer, SpectralNorm)}
    return all(id(parameter) in normed for parameter in network.parameters() if parameter.dim() > 1)


@torch.no_grad()
def power_iteration(network: nn.Module) -> None:
    """One power iteration of every spectral norm in this network: u <- W W^T u, with length 1."""
    for layer in layers_of(network):
        if isinstance(layer, SpectralNorm):
            weight = layer.layer.weight
            moved = weight.flatten(1) @ _transposed_times(weight, layer.u)
            layer.u.copy_(moved / moved.norm().clamp_min(torch.finfo(moved.dtype).tiny))


def _transposed_times(weight: Tensor, u: Tensor) -> Tensor:
    """W^T u, by an elementwise product: autocast would make a matrix product one in bfloat16."""
    return (weight.flatten(1) * u[:, None]).sum(0)
