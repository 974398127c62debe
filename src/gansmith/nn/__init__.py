"""Layers without opinions: what the models are made of.

Model files write `from gansmith import nn`, then `nn.Conv2dSame` for our layers and `nn.Linear` for torch's. A layer is
imported when it is first used, so that recipes are read without torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.nn import *  # noqa: F403

    from gansmith.nn.conv import Conv2dSame as Conv2dSame
    from gansmith.nn.conv import ConvTranspose2dSame as ConvTranspose2dSame
    from gansmith.nn.conv import same_size as same_size
    from gansmith.nn.dropout import Dropout as Dropout
    from gansmith.nn.init import normal_kernel as normal_kernel
    from gansmith.nn.init import scaled_kernel as scaled_kernel
    from gansmith.nn.labels import Logit as Logit
    from gansmith.nn.labels import Modulation as Modulation
    from gansmith.nn.modulation import SelfModulation as SelfModulation
    from gansmith.nn.norm import BatchNorm as BatchNorm
    from gansmith.nn.resample import Double as Double
    from gansmith.nn.resample import Halve as Halve
    from gansmith.nn.residual import Basis as Basis
    from gansmith.nn.residual import OnBasis as OnBasis
    from gansmith.nn.residual import ResidualBlock as ResidualBlock
    from gansmith.nn.spectral import Layer as Layer
    from gansmith.nn.spectral import SpectralNorm as SpectralNorm
    from gansmith.nn.stack import Stack as Stack
    from gansmith.nn.upsample import Crop as Crop
    from gansmith.nn.upsample import SubPixelConv2d as SubPixelConv2d
    from gansmith.nn.upsample import UpsampleConv2d as UpsampleConv2d

_HOMES = {
    "Basis": "residual",
    "BatchNorm": "norm",
    "Conv2dSame": "conv",
    "ConvTranspose2dSame": "conv",
    "Crop": "upsample",
    "Double": "resample",
    "Dropout": "dropout",
    "Halve": "resample",
    "Layer": "spectral",
    "Logit": "labels",
    "Modulation": "labels",
    "OnBasis": "residual",
    "ResidualBlock": "residual",
    "SelfModulation": "modulation",
    "SpectralNorm": "spectral",
    "Stack": "stack",
    "SubPixelConv2d": "upsample",
    "UpsampleConv2d": "upsample",
    "normal_kernel": "init",
    "same_size": "conv",
    "scaled_kernel": "init",
}
"""The module of each layer that models are made of. A new layer has a line here, and one under TYPE_CHECKING."""


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    if not name[:1].isupper():  # no layer: a module of ours, or what import asks for
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("torch.nn"), name)
