"""A network's layers with output shapes and parameter counts, as Keras prints them, and the cost of a pass."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gansmith.nn.modes import eval_mode
from gansmith.nn.stack import is_conditional, takes_latents


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerRow:
    """One layer: its kind, its output's shape without the batch, channels last, and its number of parameters."""

    kind: str
    shape: tuple[int, ...]
    parameters: int
    side_input: str = ""
    """What reaches the layer beside the output of the layer before: "latents", "class", or nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """A network's layers, and its parameters: trainable, and moving statistics, which no gradient moves."""

    layers: list[LayerRow]
    trainable: int
    non_trainable: int

    @property
    def total(self) -> int:
        """All parameters, as Keras counts them."""
        return self.trainable + self.non_trainable


def summarize(network: nn.Module, input_shape: tuple[int, ...]) -> Summary:
    """The table for one input of `input_shape`. The network may be on the meta device: nothing is computed there."""
    rows: list[LayerRow] = []

    def record(layer: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        channels, *sides = output.shape[1:] or (1,)
        side_input = "latents" if takes_latents(layer) else "class" if is_conditional(layer) else ""
        shape = (*sides, channels)
        rows.append(LayerRow(kind=type(layer).__name__, shape=shape, parameters=_count(layer), side_input=side_input))

    hooks = [layer.register_forward_hook(record) for layer in _layers(network)]
    try:
        _call(network, input_shape)
    finally:
        for hook in hooks:
            hook.remove()
    trainable = sum(p.numel() for p in network.parameters() if p.requires_grad)
    return Summary(layers=rows, trainable=trainable, non_trainable=_count(network) - trainable)


def _layers(module: nn.Module) -> list[nn.Module]:
    """The layers in order; one whose own layers are no chain, such as a side branch or a shortcut, counts as one."""
    if takes_latents(module) or getattr(module, "counts_as_one", False) or not list(module.children()):
        return [module]
    return [layer for child in module.children() for layer in _layers(child)]


def multiply_adds(network: nn.Module, input_shape: tuple[int, ...]) -> int:
    """Multiply-adds of the products and convolutions of one pass over one input, which may be on the meta device."""
    from torch.utils.flop_counter import FlopCounterMode  # here, for it takes 40 ms to import

    with FlopCounterMode(display=False) as counter:
        _call(network, input_shape)
    return counter.get_total_flops() // 2


def _call(network: nn.Module, input_shape: tuple[int, ...]) -> None:
    """One pass over zeros, with class 0 if the network is conditional."""
    zeros = torch.zeros(1, *input_shape, device=next(network.parameters()).device)
    labels = zeros.new_zeros(1, dtype=torch.int64) if is_conditional(network) else None
    with torch.no_grad(), eval_mode(network):
        network(zeros) if labels is None else network(zeros, labels)


def _count(layer: nn.Module) -> int:
    return sum(t.numel() for t in (*layer.parameters(), *layer.buffers()))
