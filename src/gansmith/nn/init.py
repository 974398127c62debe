"""First weights, drawn from a given stream."""

import math
from typing import TypeVar

import torch
from torch import Tensor, nn

from gansmith.nn.norm import BatchNorm
from gansmith.nn.spectral import SpectralNorm

Layer = TypeVar("Layer", bound=nn.Module)


@torch.no_grad()
def init_weights(network: nn.Module, generator: torch.Generator) -> None:
    """Glorot-uniform kernels and zero biases, in the order of the layers; batch norm starts as the identity.

    Glorot & Bengio 2010, PMLR 9:249-256, eq. 16, with Keras' fans: kernel area times channels. A layer that went
    through `normal_kernel` is drawn as that says. Spectral norm starts with a random direction, before its layer. A
    layer that has parameters but no kernel of two or more axes is refused: it needs a rule of its own here.
    """
    for layer in network.modules():
        if isinstance(layer, SpectralNorm):
            u = torch.randn(layer.u.shape, generator=generator)
            layer.u.copy_(u / u.norm())
        own = dict(layer.named_parameters(recurse=False))
        if not own or isinstance(layer, BatchNorm):
            continue
        if own.keys() - {"weight", "bias"} or own["weight"].dim() < 2:
            raise TypeError(f"first_weights has no rule for the parameters of {type(layer).__name__}.")
        std = getattr(layer, "kernel_std", None)
        shape = own["weight"].shape
        own["weight"].copy_(_glorot_uniform(shape, generator) if std is None else _normal(shape, std, generator))
        if "bias" in own:
            own["bias"].zero_()


def normal_kernel(layer: Layer, std: float) -> Layer:
    """The layer, whose kernel is to start as N(0, std^2), not truncated: Keras' RandomNormal."""
    layer.__dict__["kernel_std"] = std  # past Module's own bookkeeping: it is neither a parameter nor a buffer
    return layer


def scaled_kernel(layer: Layer, gain: float) -> Layer:
    """The layer, whose kernel is to start as N(0, gain^2 / fan-in); a gain of 0 makes it zeros.

    Keeps the mean square of what goes through, times gain^2. He et al. 2015, arXiv:1502.01852, eq. 10, whose gain for
    LeakyReLU behind the layer is `leaky_gain`. For kernels laid out as [out, in, ...].
    """
    weight = layer.weight
    if not isinstance(weight, Tensor):
        raise TypeError(f"scaled_kernel has no kernel to scale in {type(layer).__name__}.")
    return normal_kernel(layer, gain / math.sqrt(weight[0].numel()))


def leaky_gain(slope: float) -> float:
    """What LeakyReLU takes from a normal variable's root mean square, to be put back. He et al. 2015, eq. 15."""
    return math.sqrt(2 / (1 + slope**2))


def _glorot_uniform(shape: torch.Size, generator: torch.Generator) -> Tensor:
    """float32 on the generator's device, so that every device and precision starts from the same numbers."""
    limit = math.sqrt(6 / ((shape[0] + shape[1]) * math.prod(shape[2:])))
    return torch.rand(shape, generator=generator).mul_(2).sub_(1).mul_(limit)


def _normal(shape: torch.Size, std: float, generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator).mul_(std) if std else torch.zeros(shape)
