"""A plain chain of layers behind the interface that every network here has."""

from torch import Tensor, nn


class Stack(nn.Module):
    """Layers in a row. Takes no labels: `labels` is there because every network is called the same way."""

    def __init__(self, *layers: nn.Module):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """The last layer's output. Raises ValueError when given labels, which would have no effect."""
        if labels is not None:
            raise ValueError("this network is unconditional: labels would have no effect.")
        return self.layers(x)
