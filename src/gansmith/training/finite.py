"""Stops training at the step in which a number stops being finite, and names the number."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from gansmith.errors import DivergedError
from gansmith.nn.finite import all_finite
from gansmith.nn.modes import layers_of
from gansmith.training.optim import NotFiniteError
from gansmith.training.state import GAN, networks_of


@contextmanager
def checking_finite(gan: GAN, step: int) -> Generator[None]:
    """Turn a NotFiniteError inside the context into a DivergedError that names tensor, loss and step.

    The cause is named before its effect: a weight before the loss that follows from it, a loss before its gradients.
    """
    try:
        yield
    except NotFiniteError as error:
        loss = "loss/d" if error.optimizer is gan.optimizer_d else "loss/g"
        state = _parameters_and_buffers(gan)
        gradients = {name: tensor.grad for name, tensor in state.items() if tensor.grad is not None}
        gradients = {f"the gradient of {loss} for {name}": gradient for name, gradient in gradients.items()}
        _raise_for_first_not_finite({**state, loss: error.loss, **gradients}, step)


def check_finite(gan: GAN, values: Mapping[str, Tensor], step: int) -> None:
    """Raise DivergedError for a value, buffer or EMA that is not finite; `Optimizer.update` tests other weights."""
    tensors = [*values.values()]
    for network in networks_of(gan).values():
        for layer in layers_of(network):
            tensors += (buffer for buffer in layer._buffers.values() if buffer is not None)
    if gan.G_ema is not None:
        tensors += gan.G_ema.parameters()
    if not all_finite(tensors):
        _raise_for_first_not_finite({**_parameters_and_buffers(gan), **values}, step)


def _parameters_and_buffers(gan: GAN) -> dict[str, Tensor]:
    """Parameters and buffers by name, such as "3.weight of G"."""
    return {
        f"{name} of {'the EMA of G' if network is gan.G_ema else key}": tensor
        for key, network in networks_of(gan).items()
        for name, tensor in network.state_dict(keep_vars=True).items()
    }


@torch.no_grad()
def _raise_for_first_not_finite(tensors: Mapping[str, Tensor], step: int) -> None:
    for name, tensor in tensors.items():
        broken = tensor[~torch.isfinite(tensor)]
        if len(broken):
            raise DivergedError(f"{name} became {broken[0].item()} in step {step:,}.")
