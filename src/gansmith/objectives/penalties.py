"""The table of gradient penalties: what is asked of the slope of D's logit, and at which images.

Every penalty returns per-sample values [N] that can be differentiated again. D has to look at each image by itself:
the gradient of the summed logits is then that of each logit at its own image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from gansmith.lazy import LazyModule

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = LazyModule("torch")


Critic: TypeAlias = "Callable[[Tensor, str], Tensor]"
"""D as it sees images [N, C, H, W] that stand for reals or for fakes ("real" or "fake"); -> logits [N]."""

DEVIATIONS = 0.5
"""How many standard deviations of an image DRAGAN's noise reaches, as in its authors' code."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Penalty:
    """The sum of `cost` over `points`.

    `points` takes reals, fakes and uniform numbers, and gives the images, by the kind that they stand for; `cost`
    takes the norms [N] of the slopes there.
    """

    points: Callable[[Tensor, Tensor, Tensor], dict[str, Tensor]]
    cost: Callable[[Tensor], Tensor]
    source: str
    draws: Literal["nothing", "a sample", "a pixel"] = "nothing"
    """For what there is a number of U(0, 1)."""


def slope_norms(critic: Critic, images: Tensor, kind: str) -> Tensor:
    """Norm of the gradient of the logit at each image [N, ...] -> [N], zero where the logit is flat.

    The sums are in the images' own precision, and nothing here is in autocast's: bfloat16 has three digits, and a
    slope is a sum over all of D's paths that may cancel.
    """
    at = images.detach().requires_grad_()
    with torch.autocast(at.device.type, enabled=False):
        (slope,) = torch.autograd.grad(critic(at, kind).sum(), at, create_graph=True)
        return torch.linalg.vector_norm(slope.flatten(1), dim=1)


def penalty_of(penalty: Penalty, critic: Critic, real: Tensor, fake: Tensor, uniform: Tensor) -> Tensor:
    """The penalty per sample [N] for reals and fakes [N, C, H, W] and the `uniform` numbers that it draws."""
    points = penalty.points(real, fake.to(real.dtype), uniform)
    return torch.stack([penalty.cost(slope_norms(critic, at, kind)) for kind, at in points.items()]).sum(0)


def uniform_shape(penalty: Penalty, real: Tensor) -> tuple[int, ...]:
    """How many numbers a batch of images [N, C, H, W] draws, in the shape in which `points` takes them."""
    return {"nothing": (len(real), 0), "a sample": (len(real), 1, 1, 1), "a pixel": (*real.shape,)}[penalty.draws]


def _half_square(norms: Tensor) -> Tensor:
    return norms.square() / 2


def _off_one(norms: Tensor) -> Tensor:
    return (norms - 1).square()


def _between(real: Tensor, fake: Tensor, uniform: Tensor) -> dict[str, Tensor]:
    return {"real": real + uniform * (fake - real)}


def _around(real: Tensor, _fake: Tensor, uniform: Tensor) -> dict[str, Tensor]:
    """The authors take the standard deviation of the whole batch; an image's own does not couple the samples.

    Their paper's points are real + noise, as here; their code goes a random part of the way from real to there.
    """
    return {"real": real + DEVIATIONS * real.std((1, 2, 3), keepdim=True) * uniform}


PENALTIES: dict[str, Penalty] = {
    "r1": Penalty(
        points=lambda real, _fake, _uniform: {"real": real},
        cost=_half_square,
        source="Mescheder et al. 2018, arXiv:1801.04406, on real images",
    ),
    "r2": Penalty(
        points=lambda _real, fake, _uniform: {"fake": fake},
        cost=_half_square,
        source="Mescheder et al. 2018, arXiv:1801.04406, on generated images",
    ),
    "r1+r2": Penalty(
        points=lambda real, fake, _uniform: {"real": real, "fake": fake},
        cost=_half_square,
        source="both, as Huang et al. 2025, arXiv:2501.05441, need them",
    ),
    "wgan-gp": Penalty(
        points=_between,
        cost=_off_one,
        draws="a sample",
        source="Gulrajani et al. 2017, arXiv:1704.00028, eq. 3; gamma is its λ, 10 there",
    ),
    "dragan": Penalty(
        points=_around,
        cost=_off_one,
        draws="a pixel",
        source="Kodali et al. 2017, arXiv:1705.07215, algorithm 1, with uniform noise; gamma is its λ, 10 there",
    ),
}
