"""Adam and RMSprop as the framework of each recipe defines them, and one update with them.

Another optimiser has its settings in `schema.py` (`OptimizerSettings`, `OPTIMIZERS`) and its rule in `RULES` here.
"""

import math
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from gansmith.config import value_at
from gansmith.nn.finite import all_finite
from gansmith.schema import Adam, OptimizerSettings, RMSprop

UNBIASED_AFTER = 1e9
"""Number of updates after which Adam's bias correction is 1 in float64."""


class NotFiniteError(ArithmeticError):
    """A loss or a gradient is not finite, and nothing was updated; or a parameter is not finite after an update.

    `optimizer` holds the parameters and gradients; `loss` is the sum of the losses of the update.
    """

    def __init__(self, optimizer: "Optimizer", losses: list[Tensor]):
        super().__init__()
        self.optimizer, self.loss = optimizer, torch.stack(losses).sum()


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Optimizer:
    """The settings of an optimiser, the parameters that it updates, and its state for each of them.

    `fused=True` updates all parameters in one call and passes over the memory once, which is three times as fast as
    one operation at a time. `fused=False` is the readable reference.
    """

    settings: OptimizerSettings
    parameters: list[Tensor]
    state: dict[str, list[Tensor]]
    """Running statistics of the gradients, as the optimiser's rule names them: a tensor for each parameter."""
    fused: bool = True

    @contextmanager
    def update(self, updates_done: int, seen: int) -> Generator[Callable[[Tensor], None]]:
        """Yields `accumulate(loss)`, which back-propagates a scalar; leaving the context takes one step on the sum.

        Only `parameters` get gradients and change. The learning rate is lr / (1 + lr_decay * updates_done), with lr and
        beta2 at the clock `seen`; gradients are clipped element by element before the optimiser sees them, as Keras'
        `decay` and `clipvalue` do. Raises NotFiniteError before the update for a loss or gradient that is not finite,
        and after it for a parameter: at that moment the parameters are still in the processor's cache.
        """
        for parameter in self.parameters:
            parameter.grad = None
        losses: list[Tensor] = []

        def accumulate(loss: Tensor) -> None:
            torch.autograd.backward(loss, inputs=self.parameters)
            losses.append(loss.detach())

        yield accumulate
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        if len(gradients) < len(self.parameters):
            shape = next([*parameter.shape] for parameter in self.parameters if parameter.grad is None)
            raise ValueError(f"no gradient reaches a parameter of shape {shape}: it has no effect.")
        # Each loss is read by itself: even the sum of one number takes 0.1 ms right after a backward pass.
        if not (all(math.isfinite(loss.item()) for loss in losses) and gradients_finite(gradients)):
            raise NotFiniteError(self, losses)
        if bound := self.settings.clip_value:
            for gradient in gradients:
                gradient.clamp_(-bound, bound)
        rate = value_at(self.settings.lr, seen) / (1 + self.settings.lr_decay * updates_done)
        rule = RULES[self.settings.name]
        with torch.no_grad():
            step = rule.fused if self.fused else rule.step
            step(self.parameters, gradients, self.state, self.settings, Moment(rate, updates_done + 1, seen))
        if not all_finite(self.parameters):
            raise NotFiniteError(self, losses)

    def __repr__(self) -> str:
        return f"Optimizer({self.settings!r}, {len(self.parameters)} tensors)"


def gradients_finite(gradients: list[Tensor]) -> bool:
    """Whether every number in these gradients is finite, by torch's call for loss scaling, here with scale 1.

    Multiplying by 1 changes no bit and leaves the gradients in the processor's cache for the update.
    """
    found = torch.zeros((), device=gradients[0].device)
    torch._amp_foreach_non_finite_check_and_unscale_(gradients, found, torch.ones_like(found))
    return not found.item()


def make_optimizer(settings: OptimizerSettings, parameters: Iterable[nn.Parameter], *, fused: bool = True) -> Optimizer:
    """The optimiser of `settings` for these parameters, before its first update."""
    trained: list[Tensor] = list(parameters)
    names = RULES[settings.name].state
    state = {name: [torch.zeros_like(parameter).detach() for parameter in trained] for name in names}
    return Optimizer(settings=settings, parameters=trained, state=state, fused=fused)


@dataclass(frozen=True, slots=True)
class Moment:
    """When an update happens."""

    rate: float
    """The learning rate, after schedule and decay."""
    update: int
    """Number of this update, from 1."""
    seen: int
    """Real images shown to D before it."""


Step: TypeAlias = Callable[[list[Tensor], list[Tensor], Mapping[str, list[Tensor]], Any, Moment], None]
"""Changes parameters, by finite and clipped gradients, and running statistics in place: see `_adam_step`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """How an optimiser updates: a readable reference, and a fast version that agrees with it."""

    state: tuple[str, ...]
    """Names of its running statistics, all 0 at first."""
    step: Step
    fused: Step


@dataclass(frozen=True, kw_only=True, slots=True)
class _AdamNumbers:
    """The numbers of one update with Adam."""

    rate: float
    beta1: float
    beta2: float
    epsilon: float
    """Added to the root of the corrected mean square."""
    count: float
    """Number of updates for the bias correction, this one included."""


def _adam_numbers(settings: Adam | RMSprop, now: Moment) -> _AdamNumbers:
    """The settings at one moment. RMSprop is Adam with beta1 = 0 and without bias correction.

    Adam's "epsilon hat" is added to the root of the uncorrected mean square, so the epsilon for the corrected one is
    eps_hat / sqrt(1 - beta2^t). A scheduled beta2 corrects by its present value, as if it had always had that value.
    """
    if isinstance(settings, RMSprop):
        return _AdamNumbers(
            rate=now.rate, beta1=0.0, beta2=settings.rho, epsilon=settings.epsilon, count=UNBIASED_AFTER
        )
    count, beta2 = float(now.update), value_at(settings.beta2, now.seen)
    epsilon = settings.epsilon / (math.sqrt(1 - beta2**count) if settings.epsilon_hat else 1.0)
    return _AdamNumbers(rate=now.rate, beta1=settings.beta1, beta2=beta2, epsilon=epsilon, count=count)


def _adam_step(
    parameters: list[Tensor],
    gradients: list[Tensor],
    state: Mapping[str, list[Tensor]],
    settings: Adam | RMSprop,
    now: Moment,
) -> None:
    numbers = _adam_numbers(settings, now)
    correction1, correction2 = 1 - numbers.beta1**numbers.count, 1 - numbers.beta2**numbers.count
    means = state.get("mean", gradients)  # RMSprop has the gradients themselves as means
    for p, g, m, v in zip(parameters, gradients, means, state["square"], strict=True):
        m.copy_(numbers.beta1 * m + (1 - numbers.beta1) * g)
        v.copy_(numbers.beta2 * v + (1 - numbers.beta2) * g**2)
        p -= numbers.rate * (m / correction1) / ((v / correction2).sqrt() + numbers.epsilon)


def _adam_fused(
    parameters: list[Tensor],
    gradients: list[Tensor],
    state: Mapping[str, list[Tensor]],
    settings: Adam | RMSprop,
    now: Moment,
) -> None:
    """`_adam_step` for all parameters in one call."""
    numbers = _adam_numbers(settings, now)
    counts = [torch.tensor(numbers.count, device=gradients[0].device)] * len(gradients)
    options = {"amsgrad": False, "weight_decay": 0.0, "eps": numbers.epsilon, "maximize": False}
    means, squares = state.get("mean", gradients), state["square"]
    rates = {"lr": numbers.rate, "beta1": numbers.beta1, "beta2": numbers.beta2}
    torch._fused_adam_(parameters, gradients, means, squares, [], counts, **rates, **options)


RULES: dict[str, Rule] = {
    "rmsprop": Rule(state=("square",), step=_adam_step, fused=_adam_fused),
    "adam": Rule(state=("mean", "square"), step=_adam_step, fused=_adam_fused),
}
"""The rule of each optimiser by its name in recipes."""
