"""The table of adversarial losses: data, not a chain of ifs.

Every loss takes logits (no sigmoid) and returns per-sample values [N]; the step takes the mean. D's loss of a pair
(real, fake) is one value, so a batch of N reals and N fakes gives N values.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, relu, softplus


@dataclass(frozen=True, kw_only=True, slots=True)
class Targets:
    """What D is asked to answer for reals and fakes, and what G wants it to answer for its pictures."""

    real: float = 1.0
    fake: float = 0.0
    generator: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """`d(real_logits, fake_logits, targets)` and `g(fake_logits, targets)`, all [N] -> [N]."""

    d: Callable[[Tensor, Tensor, Targets], Tensor]
    g: Callable[[Tensor, Targets], Tensor]
    source: str
    uses_targets: bool


def cross_entropy(logits: Tensor, target: float) -> Tensor:
    """Binary cross-entropy of sigmoid(logits) [N] against one target, per sample [N]."""
    return binary_cross_entropy_with_logits(logits, torch.full_like(logits, target), reduction="none")


LOSSES: dict[str, Loss] = {
    "binary-cross-entropy": Loss(
        d=lambda real, fake, t: (cross_entropy(real, t.real) + cross_entropy(fake, t.fake)) / 2,
        g=lambda fake, t: cross_entropy(fake, t.generator),
        source="Keras' mean over one batch of N reals and N fakes: half the usual sum",
        uses_targets=True,
    ),
    "non-saturating": Loss(
        d=lambda real, fake, _: softplus(-real) + softplus(fake),
        g=lambda fake, _: softplus(-fake),
        source="Goodfellow et al. 2014, arXiv:1406.2661, §3",
        uses_targets=False,
    ),
    "hinge": Loss(
        d=lambda real, fake, _: relu(1 - real) + relu(1 + fake),
        g=lambda fake, _: -fake,
        source="Lim & Ye 2017, arXiv:1705.02894",
        uses_targets=False,
    ),
}


def clip_probability(logits: Tensor, epsilon: float) -> Tensor:
    """Logits of probabilities clipped to [epsilon, 1 - epsilon], as Keras 2.0 does before its cross-entropy.

    The gradient is zero outside. In float32 with epsilon 1e-7 the bounds are -16.118 and +15.942, because 1 - 1e-7 is
    rounded; in float64 they are symmetric.
    """
    p = torch.tensor(epsilon, dtype=logits.dtype)
    low, high = (float((q / (1 - q)).log()) for q in (p, 1 - p))
    return logits.clamp(low, high)
