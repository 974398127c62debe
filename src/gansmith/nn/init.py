"""First weights, drawn from a given stream."""

import math

import torch
from torch import Tensor, nn

from gansmith.nn.norm import BatchNorm


@torch.no_grad()
def glorot_uniform(network: nn.Module, generator: torch.Generator) -> None:
    """Glorot-uniform kernels and zero biases, in the order of the layers; batch norm starts as the identity.

    Glorot & Bengio 2010, PMLR 9:249-256, eq. 16, with Keras' fans: kernel area times channels. A layer that has
    parameters but no kernel of two or more axes is refused: it needs a rule of its own here.
    """
    for layer in network.modules():
        own = dict(layer.named_parameters(recurse=False))
        if not own or isinstance(layer, BatchNorm):
            continue
        if own.keys() - {"weight", "bias"} or own["weight"].dim() < 2:
            raise TypeError(f"glorot_uniform has no rule for the parameters of {type(layer).__name__}.")
        own["weight"].copy_(_symmetric_uniform(own["weight"].shape, generator))
        if "bias" in own:
            own["bias"].zero_()


def _symmetric_uniform(shape: torch.Size, generator: torch.Generator) -> Tensor:
    """float32 on the generator's device, so that every device and precision starts from the same numbers."""
    limit = math.sqrt(6 / ((shape[0] + shape[1]) * math.prod(shape[2:])))
    return torch.rand(shape, generator=generator).mul_(2).sub_(1).mul_(limit)
