"""The multiply-adds of an iteration as its article writes it: what the machine's limit is computed from.

The rule. A layer with F multiply-adds forward has F for the gradient of its weights and F for that of its input. Fakes
for D cost G forward. D's update sees 2N images and needs all three, but no gradient of its input at the first layer.
The generator step sees N: all of G but the input gradient at its first layer; of D forward and every input gradient,
and D's weight gradients only where the step moves D. A convolution costs kernel times channels a pixel, the zeros of
its padding and the copies of an upsampling included, because the article's layers multiply them. Everything else
(activations, norms, dropout, losses, optimisers) counts as nothing.

Where one pass of G serves both updates, D's fakes cost nothing. The penalty on D's slope at the N real images costs
4 F, in one iteration of so many: forward, the gradient of the input, and of that the gradients by what went back and by
the weights; the last layer, where a constant goes back, needs no gradient of it. D is piecewise linear, so that nothing
goes back through the forward pass; autograd sends zeros there all the same, which only the count of what is done has.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from benchmarks.peers.systems import SYSTEMS
from benchmarks.peers.torch_networks import networks


@dataclass(frozen=True, kw_only=True)
class Forward:
    """Multiply-adds of a network for one image."""

    whole: int
    first: int
    """Of the layers that multiply the network's input."""
    last: int
    """Of its last layer."""


def multiply_adds(system: str) -> int:
    """Of one iteration of the system, in the mean."""
    about, (G, D) = SYSTEMS[system], networks(system)
    height, width, channels = about.image
    of_g, of_d = forward(G, (about.latents,)), forward(D, (channels, height, width))
    d_step = 2 * (3 * of_d.whole - of_d.first)
    g_step = 3 * of_g.whole - of_g.first + (3 if about.trains_d_with_g else 2) * of_d.whole
    fakes = 0 if about.shares_images else of_g.whole
    of_penalty = about.batch_size * (4 * of_d.whole - of_d.last) // about.penalty_every if about.penalty else 0
    return about.batch_size * (fakes + d_step + g_step) + of_penalty


def forward(network: nn.Module, shape: tuple[int, ...]) -> Forward:
    """For one input of this shape; computes nothing."""
    found: list[int] = []
    first: list[int] = []

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if isinstance(layer, nn.Linear):
            found.append(layer.weight.numel())
        elif isinstance(layer, nn.Conv2d):
            found.append(layer.weight.numel() * output[0, 0].numel())
        elif isinstance(layer, nn.ConvTranspose2d):
            found.append(layer.weight.numel() * inputs[0][0, 0].numel())
        else:
            return
        if not inputs[0].requires_grad:
            first.append(found[-1])

    for layer in network.modules():
        layer.register_forward_hook(count)
    network.to("meta").eval()(torch.empty(1, *shape, device="meta"))
    return Forward(whole=sum(found), first=sum(first), last=found[-1])
