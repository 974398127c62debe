"""A plain chain of layers behind the interface that every network here has."""

import torch
from torch import Tensor, nn


class Stack(nn.Module):
    """Layers in a row. Takes no labels: `labels` is there because every network is called the same way.

    Pictures go through it channels-last, and so do their gradients, wherever they come from: convolutions want them so,
    and an operation on two tensors of unlike layout takes several times as long.
    """

    def __init__(self, *layers: nn.Module):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """The last layer's output. Raises ValueError when given labels, which would have no effect."""
        if labels is not None:
            raise ValueError("this network is unconditional: labels would have no effect.")
        for layer in self.layers:
            if x.dim() == 4:
                x = _channels_last(x)
                if x.requires_grad and isinstance(layer, nn.Flatten):
                    x.register_hook(_channels_last)
            x = layer(x)
        return x


def _channels_last(pictures: Tensor) -> Tensor:
    return pictures.contiguous(memory_format=torch.channels_last)
