"""Numbers that are not finite: noticed in the step in which they appear, and named."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from gansmith.errors import DivergedError
from gansmith.nn.modes import layers_of
from gansmith.training.optim import NotFiniteError, all_finite
from gansmith.training.state import GAN


@contextmanager
def checking_finite(gan: GAN, step: int) -> Generator[None]:
    """Raise DivergedError, naming tensor, term and step, when an update inside meets what is not finite.

    What is named is where it began: a weight before the loss that came of it, a loss before its gradient.
    """
    try:
        yield
    except NotFiniteError as refused:
        term = "loss/d" if refused.optimizer is gan.optimizer_d else "loss/g"
        gradients = {
            f"the gradient of {term} for {name}": parameter.grad
            for name, parameter in _state(gan).items()
            if parameter.grad is not None
        }
        _refuse({**_state(gan), term: refused.objective, **gradients}, step)


def check_finite(gan: GAN, values: Mapping[str, Tensor], step: int) -> None:
    """Raise DivergedError when a step left a statistic or average, or has a value, that is not finite.

    Weights are not looked at again: the updates that moved them have done so.
    """
    networks = [network for network in (gan.G, gan.D, gan.G_ema) if network is not None]
    kept = [buffer for network in networks for layer in layers_of(network) for buffer in layer._buffers.values()]
    if gan.G_ema is not None:
        kept += gan.G_ema.parameters()
    if not all_finite([*values.values(), *(tensor for tensor in kept if tensor is not None)]):
        _refuse({**_state(gan), **values}, step)


def _state(gan: GAN) -> dict[str, Tensor]:
    """Parameters and buffers by name, such as "3.weight of G"."""
    networks = {"G": gan.G, "D": gan.D, "the average of G": gan.G_ema}
    return {
        f"{name} of {of}": tensor
        for of, network in networks.items()
        if network is not None
        for name, tensor in network.state_dict(keep_vars=True).items()
    }


@torch.no_grad()
def _refuse(tensors: Mapping[str, Tensor], step: int) -> None:
    for name, tensor in tensors.items():
        broken = tensor[~torch.isfinite(tensor)]
        if len(broken):
            raise DivergedError(f"{name} became {broken[0].item()} in step {step:,}.")
