"""Numbers that are not finite, noticed in the step in which they appear.

A check is one sum over everything it looks at: it is finite if all of that is. Only when it is not are single tensors
looked at, to name one; so a sum that merely overflows stops nothing.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from gansmith.errors import DivergedError
from gansmith.training.optim import NotFiniteError, sum_is_finite
from gansmith.training.state import GAN


@contextmanager
def watched(gan: GAN, step: int) -> Generator[None]:
    """Raise DivergedError, naming tensor, term and step, when an update inside refuses its gradient."""
    try:
        yield
    except NotFiniteError as refused:
        term = "loss/d" if refused.updater is gan.update_d else "loss/g"
        _refuse({**_state(gan), term: refused.objective, **_gradients(gan, term)}, step)


def check_step(gan: GAN, values: Mapping[str, Tensor], step: int) -> None:
    """Raise DivergedError when a step left a weight, statistic or average, or has a value, that is not finite."""
    networks = [network for network in (gan.G, gan.D, gan.G_ema) if network is not None]
    tensors = [tensor for network in networks for tensor in (*network.parameters(), *network.buffers())]
    if not sum_is_finite([*tensors, *values.values()]):
        _refuse({**_state(gan), **values}, step)


def _refuse(tensors: Mapping[str, Tensor], step: int) -> None:
    for name, tensor in tensors.items():
        broken = tensor.detach()[~torch.isfinite(tensor.detach())]
        if len(broken):
            raise DivergedError(f"{name} became {broken[0].item()} in step {step:,}.")


def _state(gan: GAN) -> dict[str, Tensor]:
    networks = {"G": gan.G, "D": gan.D, "the average of G": gan.G_ema}
    return {
        f"{name} of {of}": tensor
        for of, network in networks.items()
        if network is not None
        for name, tensor in network.state_dict().items()
    }


def _gradients(gan: GAN, term: str) -> dict[str, Tensor]:
    return {
        f"the gradient of {term} for {name} of {of}": parameter.grad
        for of, network in (("G", gan.G), ("D", gan.D))
        for name, parameter in network.named_parameters()
        if parameter.grad is not None
    }
