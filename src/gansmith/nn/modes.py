"""A context that changes a network for a moment and puts back exactly what was there."""

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
