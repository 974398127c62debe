"""Initial weights, drawn from a given stream."""

import math
from typing import TypeVar

import torch
from torch import Tensor, nn

from gansmith.nn.norm import BatchNorm
from gansmith.nn.spectral import SpectralNorm

Layer = TypeVar("Layer", bound=nn.Module)


@torch.no_grad()
def init_weights(network: nn.Module, generator: torch.Generator) -> None:
    """Draw Glorot-uniform kernels and set biases to zero, in the order of the layers; batch norm is left as it is.

    Glorot & Bengio 2010, PMLR 9:249-256, eq. 16, with Keras' fans: kernel area times channels. Layers marked by
    `normal_kernel` get a normal kernel. Spectral norm gets a random direction, drawn before the kernel of its layer.
    Raises TypeError for any other layer whose parameters are not a kernel of two or more axes and a bias.
    """
    for layer in network.modules():
        if isinstance(layer, SpectralNorm):
            u = torch.randn(layer.u.shape, generator=generator)
            layer.u.copy_(u / u.norm())
        own = dict(layer.named_parameters(recurse=False))
        if not own or isinstance(layer, BatchNorm):
            continue
        if own.keys() - {"weight", "bias"} or own["weight"].dim() < 2:
            raise TypeError(f"init_weights has no rule for the parameters of {type(layer).__name__}.")
        std, shape = getattr(layer, "kernel_std", None), own["weight"].shape
        if std is None:
            own["weight"].copy_(_glorot_uniform(shape, generator))
        elif std:
            own["weight"].copy_(torch.randn(shape, generator=generator).mul_(std))
        else:
            own["weight"].zero_()
        if "bias" in own:
            own["bias"].zero_()


def normal_kernel(layer: Layer, std: float) -> Layer:
    """The layer, marked so that `init_weights` draws its kernel from N(0, std^2), as Keras' RandomNormal."""
    layer.__dict__["kernel_std"] = std  # past Module's own bookkeeping: it is neither a parameter nor a buffer
    return layer


def scaled_kernel(layer: Layer, gain: float) -> Layer:
    """The layer, marked so that `init_weights` draws its kernel from N(0, gain^2 / fan-in); gain 0 makes it zero.

    The output of such a layer has gain^2 times the mean square of its input. He et al. 2015, arXiv:1502.01852, eq. 10;
    `leaky_gain` is their gain before a LeakyReLU. For kernels laid out as [out, in, ...].
    """
    weight = layer.weight
    if not isinstance(weight, Tensor):
        raise TypeError(f"scaled_kernel has no kernel to scale in {type(layer).__name__}.")
    return normal_kernel(layer, gain / math.sqrt(weight[0].numel()))


def leaky_gain(slope: float) -> float:
    """The gain that makes up for what LeakyReLU takes from the root mean square. He et al. 2015, eq. 15."""
    return math.sqrt(2 / (1 + slope**2))


def _glorot_uniform(shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Drawn in float32 on the generator's device, so that every device and precision has the same initial weights."""
    limit = math.sqrt(6 / ((shape[0] + shape[1]) * math.prod(shape[2:])))
    return torch.rand(shape, generator=generator).mul_(2).sub_(1).mul_(limit)
