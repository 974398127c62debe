"""A chain of layers with the interface that every network here has."""

import torch
from torch import Tensor, nn


class Stack(nn.Module):
    """Layers in a row. Conditional layers are called with the labels, too.

    Layers that take latents are called with the network's input as well as the output of the layer before.

    Images and their gradients are channels-last throughout: convolutions are fastest so, and an operation on two
    tensors of different layouts takes several times as long.
    """

    def __init__(self, *layers: nn.Module):
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.is_conditional = any(map(is_conditional, layers))

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """The last layer's output. Raises ValueError unless exactly conditional networks get `labels`, int64 [N]."""
        if labels is not None and not self.is_conditional:
            raise ValueError("this network is unconditional: labels would have no effect.")
        if labels is None and self.is_conditional:
            raise ValueError("this network is conditional: give it a label for each image.")
        latents = x
        for layer in self.layers:
            if x.dim() == 4:
                x = _channels_last(x)
                if x.requires_grad and isinstance(layer, nn.Flatten):
                    x.register_hook(_gradient_channels_last)
            extra = [labels] if is_conditional(layer) else [latents] if takes_latents(layer) else []
            x = layer(x, *extra)
        return x


def is_conditional(layer: nn.Module) -> bool:
    """Whether the layer, or network, is called with labels."""
    return getattr(layer, "is_conditional", False)


def takes_latents(layer: nn.Module) -> bool:
    """Whether the layer is called with the input of its network."""
    return getattr(layer, "takes_latents", False)


def _channels_last(images: Tensor) -> Tensor:
    return images.contiguous(memory_format=torch.channels_last)


def _gradient_channels_last(gradient: Tensor | None) -> Tensor | None:
    """The gradient channels-last. Torch calls hooks with None where a second derivative is zero."""
    return None if gradient is None else _channels_last(gradient)
