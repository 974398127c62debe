"""The table of adversarial losses.

Every loss takes logits (no sigmoid) and returns per-sample values [N]; the step takes the mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, TypeAlias

from gansmith.lazy import LazyModule

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from torch.nn import functional
else:
    torch, functional = LazyModule("torch"), LazyModule("torch.nn.functional")


@dataclass(frozen=True, kw_only=True, slots=True)
class Targets:
    """D's target for real and for fake images, and G's target for D: one number, or one for each sample [N].

    Targets may lie outside 0 to 1, as with noise on a target of 1; the cross-entropy is still defined there.
    """

    real: float | Tensor = 1.0
    fake: float | Tensor = 0.0
    generator: float | Tensor = 1.0


LossTerm: TypeAlias = "Callable[[Tensor, Targets], Tensor]"
"""(logits [N], targets) -> values [N]."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """D's loss terms for the logits of real and of fake images, and G's loss for the logits of fake images.

    A loss without `fake` compares pairs of a real and a fake image: `real` then gets D(real) - D(fake), and
    `generator` gets D(fake) - D(real).
    """

    real: LossTerm
    fake: LossTerm | None
    generator: LossTerm
    source: str
    boundary: float | Literal["between targets"] | None = 0.0
    """The logit at which D decides between real and fake; None for losses in which only differences have a meaning."""
    averages_halves: bool = False
    """Whether a batch of real and fake images has the mean of the two terms; otherwise it has their sum."""
    uses_targets: bool = False
    """Whether the terms use the targets of the recipe."""
    clips_probability: bool = False
    """Whether sigmoid(logit) is a probability that Keras clips before the logarithm."""


def cross_entropy(logits: Tensor, target: float | Tensor) -> Tensor:
    """Binary cross-entropy of sigmoid(logits) [N] against one target, or one a sample [N]; per sample [N].

    -t log s(x) - (1 - t) log s(-x) = log(1 + exp(x)) - t x, in three operations where torch's own takes ten.
    """
    return functional.softplus(logits, threshold=40) - target * logits


def half_square(logits: Tensor, target: float | Tensor) -> Tensor:
    """(x - t)^2 / 2 of logits [N] against one target, or one a sample [N]; per sample [N]."""
    return (logits - target).square() / 2


LOSSES: dict[str, Loss] = {
    "binary-cross-entropy": Loss(
        real=lambda logits, t: cross_entropy(logits, t.real),
        fake=lambda logits, t: cross_entropy(logits, t.fake),
        generator=lambda logits, t: cross_entropy(logits, t.generator),
        source="Keras' mean over a batch: half the usual sum when reals and fakes share one",
        averages_halves=True,
        uses_targets=True,
        clips_probability=True,
    ),
    "minimax": Loss(
        real=lambda logits, _: functional.softplus(-logits),
        fake=lambda logits, _: functional.softplus(logits),
        generator=lambda logits, _: -functional.softplus(logits),
        source="Goodfellow et al. 2014, arXiv:1406.2661, eq. 1; its G learns nothing where D is sure",
    ),
    "non-saturating": Loss(
        real=lambda logits, _: functional.softplus(-logits),
        fake=lambda logits, _: functional.softplus(logits),
        generator=lambda logits, _: functional.softplus(-logits),
        source="Goodfellow et al. 2014, arXiv:1406.2661, §3",
    ),
    "least-squares": Loss(
        real=lambda logits, t: half_square(logits, t.real),
        fake=lambda logits, t: half_square(logits, t.fake),
        generator=lambda logits, t: half_square(logits, t.generator),
        source="Mao et al. 2017, arXiv:1611.04076; its a, b and c are the targets of fakes, of reals and of G",
        boundary="between targets",
        uses_targets=True,
    ),
    "hinge": Loss(
        real=lambda logits, _: functional.relu(1 - logits),
        fake=lambda logits, _: functional.relu(1 + logits),
        generator=lambda logits, _: -logits,
        source="Lim & Ye 2017, arXiv:1705.02894",
    ),
    "wasserstein": Loss(
        real=lambda logits, _: -logits,
        fake=lambda logits, _: +logits,
        generator=lambda logits, _: -logits,
        source="Arjovsky et al. 2017, arXiv:1701.07875; D must be bounded by other means",
        boundary=None,
    ),
    "relativistic": Loss(
        real=lambda difference, _: functional.softplus(-difference),
        fake=None,
        generator=lambda difference, _: functional.softplus(-difference),
        source="Jolicoeur-Martineau 2019, arXiv:1901.02474, as Huang et al. 2025, arXiv:2501.05441, take it",
        boundary=None,
    ),
}


def discriminator_loss(loss: Loss, logits: Mapping[str, Tensor], targets: Targets) -> Tensor:
    """D's loss per sample [N] from its logits [N] for "real" images, for "fake" images, or for both in one update."""
    if loss.fake is None:
        return loss.real(logits["real"] - logits["fake"], targets)
    terms = {"real": loss.real, "fake": loss.fake}
    losses = torch.stack([terms[kind](values, targets) for kind, values in logits.items()])
    return losses.mean(0) if loss.averages_halves else losses.sum(0)


def generator_loss(loss: Loss, fake: Tensor, real: Tensor | None, targets: Targets) -> Tensor:
    """G's loss per sample [N] from D's logits [N] for fake images, and for real ones if the loss compares pairs."""
    return loss.generator(fake if real is None else fake - real, targets)


def margins(loss: Loss, real: Tensor, fake: Tensor, targets: Targets) -> dict[str, Tensor]:
    """By how much D is right about each image, {"real": [N], "fake": [N]}: above 0 where it is right.

    A loss without a boundary has the margin of each pair. With flipped targets D is right when fake images get the
    higher logit.
    """
    if loss.boundary is None:
        return {"real": real - fake, "fake": real - fake}
    boundary = (targets.real + targets.fake) / 2 if loss.boundary == "between targets" else loss.boundary
    towards = 1 - 2 * (targets.real < targets.fake)
    return {"real": towards * (real - boundary), "fake": towards * (boundary - fake)}


def clip_probability(logits: Tensor, epsilon: float) -> Tensor:
    """Logits of probabilities clipped to [epsilon, 1 - epsilon], as Keras 2.0 does before its cross-entropy.

    With epsilon 0 the logits are returned unchanged. The gradient is zero outside the bounds. In float32 with epsilon
    1e-7 the bounds are -16.118 and +15.942, because 1 - 1e-7 is rounded; in float64 they are symmetric.
    """
    if not epsilon:
        return logits
    low, high = _clip_bounds(epsilon, logits.dtype)
    return logits.clamp(low, high)


@lru_cache
def _clip_bounds(epsilon: float, dtype: torch.dtype) -> tuple[float, float]:
    p = torch.tensor(epsilon, dtype=dtype)
    low, high = ((q / (1 - q)).log() for q in (p, 1 - p))
    return low.item(), high.item()
