"""The table of adversarial losses: data, not a chain of ifs.

Every loss takes logits (no sigmoid) and returns per-sample values [N]; the step takes the mean.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus


@dataclass(frozen=True, kw_only=True, slots=True)
class Targets:
    """What D is asked to answer for reals and fakes, and what G wants it to answer: one number, or one a sample [N].

    They may lie outside 0 to 1: noise on a target of 1 gives such values, and the cross-entropy is still defined.
    """

    real: float | Tensor = 1.0
    fake: float | Tensor = 0.0
    generator: float | Tensor = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """D's loss of its logits of reals and of fakes, and G's of those of fakes: (logits [N], targets) -> [N] each."""

    real: Callable[[Tensor, Targets], Tensor]
    fake: Callable[[Tensor, Targets], Tensor]
    generator: Callable[[Tensor, Targets], Tensor]
    source: str
    averages_halves: bool = False
    """A batch of reals and fakes has the mean of the two losses, not their sum."""
    uses_targets: bool = False


def cross_entropy(logits: Tensor, target: float | Tensor) -> Tensor:
    """Binary cross-entropy of sigmoid(logits) [N] against one target, or one a sample [N]; per sample [N].

    -t log s(x) - (1 - t) log s(-x) = log(1 + exp(x)) - t x, in three operations where torch's own takes ten.
    """
    return softplus(logits, threshold=40) - target * logits


LOSSES: dict[str, Loss] = {
    "binary-cross-entropy": Loss(
        real=lambda logits, t: cross_entropy(logits, t.real),
        fake=lambda logits, t: cross_entropy(logits, t.fake),
        generator=lambda logits, t: cross_entropy(logits, t.generator),
        source="Keras' mean over a batch: half the usual sum when reals and fakes share one",
        averages_halves=True,
        uses_targets=True,
    ),
    "non-saturating": Loss(
        real=lambda logits, _: softplus(-logits),
        fake=lambda logits, _: softplus(logits),
        generator=lambda logits, _: softplus(-logits),
        source="Goodfellow et al. 2014, arXiv:1406.2661, §3",
    ),
    "hinge": Loss(
        real=lambda logits, _: relu(1 - logits),
        fake=lambda logits, _: relu(1 + logits),
        generator=lambda logits, _: -logits,
        source="Lim & Ye 2017, arXiv:1705.02894",
    ),
}


def clip_probability(logits: Tensor, epsilon: float) -> Tensor:
    """Logits of probabilities clipped to [epsilon, 1 - epsilon], as Keras 2.0 does before its cross-entropy.

    The gradient is zero outside. In float32 with epsilon 1e-7 the bounds are -16.118 and +15.942, because 1 - 1e-7 is
    rounded; in float64 they are symmetric.
    """
    low, high = _clip_bounds(epsilon, logits.dtype)
    return logits.clamp(low, high)


@lru_cache
def _clip_bounds(epsilon: float, dtype: torch.dtype) -> tuple[float, float]:
    p = torch.tensor(epsilon, dtype=dtype)
    low, high = ((q / (1 - q)).log() for q in (p, 1 - p))
    return low.item(), high.item()
