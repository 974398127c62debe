"""Contexts that change a network for a moment and put back exactly what was there."""

from collections.abc import Generator
from contextlib import contextmanager

from torch import nn


@contextmanager
def inference_mode(*networks: nn.Module) -> Generator[None]:
    """Batch norm uses its moving statistics and dropout is off; on exit each layer's mode is what it was."""
    layers = [layer for network in networks for layer in network.modules() if layer.training]
    try:
        for layer in layers:
            layer.training = False
        yield
    finally:
        for layer in layers:
            layer.training = True


@contextmanager
def frozen(*networks: nn.Module) -> Generator[None]:
    """No gradients for these networks' parameters; on exit each flag is what it was."""
    held = [parameter for network in networks for parameter in network.parameters() if parameter.requires_grad]
    try:
        for parameter in held:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in held:
            parameter.requires_grad_(True)
