"""A plain chain of layers behind the interface that every network here has."""

import torch
from torch import Tensor, nn


class Stack(nn.Module):
    """Layers in a row. Those that take labels get them; a network without such a layer refuses labels.

    Layers that take the latents get what the network itself was given, besides what comes from the layer before.

    Images go through it channels-last, and so do their gradients, wherever they come from: convolutions want them so,
    and an operation on two tensors of unlike layout takes several times as long.
    """

    def __init__(self, *layers: nn.Module):
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.is_conditional = any(map(is_conditional, layers))

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """The last layer's output. `labels` are int64 [N], a class for each row of x.

        Raises ValueError when labels are given that would have no effect, or are not given and needed.
        """
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
            told = [labels] if is_conditional(layer) else [latents] if takes_latents(layer) else []
            x = layer(x, *told)
        return x


def is_conditional(layer: nn.Module) -> bool:
    """Whether the layer, or network, is called with labels."""
    return getattr(layer, "is_conditional", False)


def takes_latents(layer: nn.Module) -> bool:
    """Whether the layer is called with what its network was given."""
    return getattr(layer, "takes_latents", False)


def _channels_last(images: Tensor) -> Tensor:
    return images.contiguous(memory_format=torch.channels_last)


def _gradient_channels_last(gradient: Tensor | None) -> Tensor | None:
    """None is what torch calls hooks with where a second derivative is zero."""
    return None if gradient is None else _channels_last(gradient)
