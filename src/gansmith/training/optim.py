"""Optimisers by the book of the framework that a recipe comes from, and one update with them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gansmith.schema import Adam, Optimizer, RMSprop


class NotFiniteError(ArithmeticError):
    """An objective or its gradient is not finite. Nothing was updated; the gradient is still there to look at."""

    def __init__(self, updater: "Updater", objective: Tensor):
        super().__init__()
        self.updater, self.objective = updater, objective


@dataclass(frozen=True, kw_only=True, slots=True)
class Updater:
    """An optimiser and the settings it was made from."""

    settings: Optimizer
    optimizer: torch.optim.Optimizer

    def descend(self, objective: Tensor, updates_done: int) -> None:
        """One update of this optimiser's parameters down the gradient of `objective`, a scalar.

        The rate is lr / (1 + lr_decay * updates_done); gradients are clipped element by element before the optimiser
        sees them, as Keras' `decay` and `clipvalue` do. Adam's "epsilon hat" is torch's epsilon divided by the root of
        the bias correction: eps_hat / sqrt(1 - beta2^t). Raises NotFiniteError before anything is moved.
        """
        settings = self.settings
        for group in self.optimizer.param_groups:
            group["lr"] = settings.lr / (1 + settings.lr_decay * updates_done)
            if isinstance(settings, Adam) and settings.epsilon_hat:
                group["eps"] = settings.epsilon / math.sqrt(1 - settings.beta2 ** (updates_done + 1))
        self.optimizer.zero_grad(set_to_none=True)
        objective.backward()
        gradients = [p.grad for group in self.optimizer.param_groups for p in group["params"] if p.grad is not None]
        if not sum_is_finite([objective, *gradients]) and not all(torch.isfinite(g).all() for g in gradients):
            raise NotFiniteError(self, objective)
        if settings.clip_value:
            for group in self.optimizer.param_groups:
                nn.utils.clip_grad_value_(group["params"], settings.clip_value)
        self.optimizer.step()


def sum_is_finite(tensors: Sequence[Tensor]) -> bool:
    """Whether the sum over all of them is a finite number: then so is every one of theirs."""
    return math.isfinite(torch.stack([tensor.detach().sum() for tensor in tensors]).sum().item())


def make_updater(settings: Optimizer, parameters: Iterable[nn.Parameter]) -> Updater:
    """The optimiser that `settings` describe, over these parameters."""
    parameters = list(parameters)
    if isinstance(settings, RMSprop):  # torch, like Keras, adds epsilon outside the root
        made = torch.optim.RMSprop(parameters, lr=settings.lr, alpha=settings.rho, eps=settings.epsilon, foreach=True)
    else:
        betas = (settings.beta1, settings.beta2)
        made = torch.optim.Adam(parameters, lr=settings.lr, betas=betas, eps=settings.epsilon, foreach=True)
    return Updater(settings=settings, optimizer=made)
