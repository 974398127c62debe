"""Optimisers by the book of the framework that a recipe comes from, and one update with them."""

import math
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gansmith.config import value_at
from gansmith.schema import OptimizerSettings, RMSprop

LATE = 1e9
"""A number of updates after which no bias is left to correct."""


class NotFiniteError(ArithmeticError):
    """An objective or a gradient is not finite, and nothing was updated; or, after an update, a parameter is not.

    What it is about is still there to be looked at.
    """

    def __init__(self, optimizer: "Optimizer", objective: Tensor):
        super().__init__()
        self.optimizer, self.objective = optimizer, objective.detach()


@dataclass(frozen=True, kw_only=True, slots=True)
class Optimizer:
    """The settings of an optimiser, the parameters it moves, and what it remembers of each.

    `fused` passes once over the memory, in one call for all parameters: three times as fast as an operation at a time.
    `fused=False` is the readable reference.
    """

    settings: OptimizerSettings
    parameters: list[Tensor]
    slots: dict[str, list[Tensor]]
    """A tensor for each parameter, laid out as it is: "square", the mean square, and for Adam "mean"."""
    fused: bool = True

    @contextmanager
    def update(self, updates_done: int, seen: int) -> Generator[Callable[[Tensor], None]]:
        """One update of these parameters, and of no others, when the context ends without an error.

        What it gives takes a scalar and goes back through its graph; the update is down the gradient of their sum. The
        rate is lr / (1 + lr_decay * updates_done), lr and beta2 are those of the clock `seen`; gradients are clipped
        element by element before the optimiser sees them, as Keras' `decay` and `clipvalue` do. Raises NotFiniteError
        before anything is moved, and after it where a parameter is not finite: there and then it is still in the
        processor's cache.
        """
        for parameter in self.parameters:
            parameter.grad = None
        objectives: list[Tensor] = []

        def add(objective: Tensor) -> None:
            torch.autograd.backward(objective, inputs=self.parameters)
            objectives.append(objective.detach())

        yield add
        gradients = [_gradient(parameter) for parameter in self.parameters]
        # A number is read by itself: even to sum one takes a tenth of a millisecond after the rush of a backward pass.
        if not (all(math.isfinite(one.item()) for one in objectives) and gradients_finite(gradients)):
            raise self._not_finite(objectives)
        if bound := self.settings.clip_value:
            for gradient in gradients:
                gradient.clamp_(-bound, bound)
        with torch.no_grad():
            (self._move_fused if self.fused else self._move)(gradients, updates_done, seen)
        if not all_finite(self.parameters):
            raise self._not_finite(objectives)

    def _not_finite(self, objectives: list[Tensor]) -> NotFiniteError:
        return NotFiniteError(self, torch.stack(objectives).sum())

    def _move(self, gradients: list[Tensor], updates_done: int, seen: int) -> None:
        hyper = _hyper_parameters(self.settings, updates_done, seen)
        correction1, correction2 = 1 - hyper.beta1**hyper.count, 1 - hyper.beta2**hyper.count
        means, squares = self._memory(gradients)
        for p, g, m, v in zip(self.parameters, gradients, means, squares, strict=True):
            m.copy_(hyper.beta1 * m + (1 - hyper.beta1) * g)
            v.copy_(hyper.beta2 * v + (1 - hyper.beta2) * g**2)
            p -= hyper.rate * (m / correction1) / ((v / correction2).sqrt() + hyper.epsilon)

    def _move_fused(self, gradients: list[Tensor], updates_done: int, seen: int) -> None:
        hyper = _hyper_parameters(self.settings, updates_done, seen)
        means, squares = self._memory(gradients)
        torch._fused_adam_(
            self.parameters,
            gradients,
            means,
            squares,
            [],
            [torch.tensor(hyper.count, device=gradients[0].device)] * len(gradients),
            lr=hyper.rate,
            beta1=hyper.beta1,
            beta2=hyper.beta2,
            weight_decay=0.0,
            eps=hyper.epsilon,
            amsgrad=False,
            maximize=False,
        )

    def _memory(self, gradients: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Means and mean squares. RMSprop has no mean: the gradient stands for it."""
        return self.slots.get("mean", gradients), self.slots["square"]


@torch.no_grad()
def all_finite(tensors: Sequence[Tensor]) -> bool:
    """Whether every number in these tensors is finite.

    Their sums say so at the pace of the memory; only where one is not finite, which it may be for being too large, are
    single numbers looked at. On a processor the sums are read one by one, which is faster than any operation that joins
    them; elsewhere each reading waits for the device, so there is one.
    """
    sums = [tensor.sum() for tensor in tensors]
    total = sum(each.item() for each in sums) if sums[0].is_cpu else torch.stack(sums).sum().item()
    return math.isfinite(total) or all(torch.isfinite(tensor).all().item() for tensor in tensors)


def gradients_finite(gradients: list[Tensor]) -> bool:
    """Whether every number in these gradients is finite: in one call, torch's own for gradients that were scaled.

    They are multiplied by 1, which changes no bit and leaves them in the processor's cache for the update.
    """
    found = torch.zeros((), device=gradients[0].device)
    torch._amp_foreach_non_finite_check_and_unscale_(gradients, found, torch.ones_like(found))
    return not found.item()


def make_optimizer(settings: OptimizerSettings, parameters: Iterable[nn.Parameter], *, fused: bool = True) -> Optimizer:
    """The optimiser that `settings` describe, over these parameters, before its first update."""
    moved: list[Tensor] = list(parameters)
    names = ("square",) if isinstance(settings, RMSprop) else ("mean", "square")
    slots = {name: [torch.zeros_like(parameter).detach() for parameter in moved] for name in names}
    return Optimizer(settings=settings, parameters=moved, slots=slots, fused=fused)


@dataclass(frozen=True, kw_only=True, slots=True)
class _HyperParameters:
    """The numbers of one update, in Adam's terms."""

    rate: float
    beta1: float
    beta2: float
    epsilon: float
    """Added to the root of the corrected mean square."""
    count: float
    """Updates so far, this one included: what the correction of the bias goes by."""


def _hyper_parameters(settings: OptimizerSettings, updates_done: int, seen: int) -> _HyperParameters:
    """RMSprop is Adam with beta1 = 0 whose bias has worn off.

    Adam's "epsilon hat" is added to the root of the mean square itself, so that of the corrected one is
    eps_hat / sqrt(1 - beta2^t). A beta2 that moves corrects by its value of now, as if it had always been that.
    """
    rate, count = value_at(settings.lr, seen) / (1 + settings.lr_decay * updates_done), updates_done + 1.0
    if isinstance(settings, RMSprop):
        return _HyperParameters(rate=rate, beta1=0.0, beta2=settings.rho, epsilon=settings.epsilon, count=LATE)
    beta2 = value_at(settings.beta2, seen)
    correction = math.sqrt(1 - beta2**count) if settings.epsilon_hat else 1.0
    return _HyperParameters(
        rate=rate, beta1=settings.beta1, beta2=beta2, epsilon=settings.epsilon / correction, count=count
    )


def _gradient(parameter: Tensor) -> Tensor:
    if parameter.grad is None:
        raise ValueError(f"no gradient reaches a parameter of shape {list(parameter.shape)}: it has no effect.")
    return parameter.grad
