"""Layers without opinions: what the models are made of.

Model files write `from gansmith import nn`, then `nn.Conv2dSame` for our layers and `nn.Linear` for torch's. A layer is
imported when it is first used, so that recipes are read without torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

# ruff: noqa: F401 - re-exported
if TYPE_CHECKING:
    from torch.nn import *  # noqa: F403

    from gansmith.nn.conv import Conv2dSame, ConvTranspose2dSame, same_size
    from gansmith.nn.dropout import Dropout
    from gansmith.nn.init import normal_kernel, scaled_kernel
    from gansmith.nn.modulation import Modulation, SelfModulation
    from gansmith.nn.norm import BatchNorm
    from gansmith.nn.projection import Logit
    from gansmith.nn.resample import Double, Halve
    from gansmith.nn.residual import Basis, OnBasis, ResidualBlock
    from gansmith.nn.spectral import Layer, SpectralNorm
    from gansmith.nn.stack import Stack
    from gansmith.nn.upsample import Crop, SubPixelConv2d, UpsampleConv2d

_LAYERS = {
    "conv": ("Conv2dSame", "ConvTranspose2dSame", "same_size"),
    "dropout": ("Dropout",),
    "init": ("normal_kernel", "scaled_kernel"),
    "modulation": ("Modulation", "SelfModulation"),
    "norm": ("BatchNorm",),
    "projection": ("Logit",),
    "resample": ("Double", "Halve"),
    "residual": ("Basis", "OnBasis", "ResidualBlock"),
    "spectral": ("Layer", "SpectralNorm"),
    "stack": ("Stack",),
    "upsample": ("Crop", "SubPixelConv2d", "UpsampleConv2d"),
}
"""Layers that models are made of, by module. A new layer has its name here, and under TYPE_CHECKING."""


def __getattr__(name: str) -> object:
    for module, layers in _LAYERS.items():
        if name in layers:
            return getattr(import_module(f"{__name__}.{module}"), name)
    if not name[:1].isupper():  # no layer: a module of ours, or what import asks for
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("torch.nn"), name)
