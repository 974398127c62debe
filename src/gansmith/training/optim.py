"""Adam and RMSprop as the framework of each recipe defines them, and one update with them.

Another optimiser has its settings in `schema.py` (`OptimizerSettings`, `OPTIMIZERS`) and its update here.
"""

import math
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gansmith.config import value_at
from gansmith.nn.finite import all_finite
from gansmith.schema import OptimizerSettings, RMSprop

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
    """Running statistics of the gradients, a tensor for each parameter: "square", and for Adam also "mean"."""
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
        hyper = _hyper_parameters(self.settings, updates_done, seen)
        means = self.state.get("mean", gradients)  # RMSprop has the gradients themselves as means
        with torch.no_grad():
            (_step_fused if self.fused else _step)(self.parameters, gradients, means, self.state["square"], hyper)
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
    names = ("square",) if isinstance(settings, RMSprop) else ("mean", "square")
    state = {name: [torch.zeros_like(parameter).detach() for parameter in trained] for name in names}
    return Optimizer(settings=settings, parameters=trained, state=state, fused=fused)


@dataclass(frozen=True, kw_only=True, slots=True)
class _UpdateNumbers:
    """The numbers of one update, in Adam's terms."""

    rate: float
    beta1: float
    beta2: float
    epsilon: float
    """Added to the root of the corrected mean square."""
    count: float
    """Number of updates for the bias correction, this one included."""


def _hyper_parameters(settings: OptimizerSettings, updates_done: int, seen: int) -> _UpdateNumbers:
    """The settings at one moment. RMSprop is Adam with beta1 = 0 and without bias correction.

    Adam's "epsilon hat" is added to the root of the uncorrected mean square, so the epsilon for the corrected one is
    eps_hat / sqrt(1 - beta2^t). A scheduled beta2 corrects by its present value, as if it had always had that value.
    """
    rate, count = value_at(settings.lr, seen) / (1 + settings.lr_decay * updates_done), updates_done + 1.0
    if isinstance(settings, RMSprop):
        beta1, beta2, epsilon, count = 0.0, settings.rho, settings.epsilon, UNBIASED_AFTER
    else:
        beta1, beta2 = settings.beta1, value_at(settings.beta2, seen)
        epsilon = settings.epsilon / (math.sqrt(1 - beta2**count) if settings.epsilon_hat else 1.0)
    return _UpdateNumbers(rate=rate, beta1=beta1, beta2=beta2, epsilon=epsilon, count=count)


def _step(
    parameters: list[Tensor],
    gradients: list[Tensor],
    means: list[Tensor],
    squares: list[Tensor],
    hyper: _UpdateNumbers,
) -> None:
    correction1, correction2 = 1 - hyper.beta1**hyper.count, 1 - hyper.beta2**hyper.count
    for p, g, m, v in zip(parameters, gradients, means, squares, strict=True):
        m.copy_(hyper.beta1 * m + (1 - hyper.beta1) * g)
        v.copy_(hyper.beta2 * v + (1 - hyper.beta2) * g**2)
        p -= hyper.rate * (m / correction1) / ((v / correction2).sqrt() + hyper.epsilon)


def _step_fused(
    parameters: list[Tensor],
    gradients: list[Tensor],
    means: list[Tensor],
    squares: list[Tensor],
    hyper: _UpdateNumbers,
) -> None:
    count = torch.tensor(hyper.count, device=gradients[0].device)
    numbers = {"lr": hyper.rate, "beta1": hyper.beta1, "beta2": hyper.beta2, "eps": hyper.epsilon, "weight_decay": 0.0}
    options = {"amsgrad": False, "maximize": False}
    torch._fused_adam_(parameters, gradients, means, squares, [], [count] * len(gradients), **numbers, **options)
