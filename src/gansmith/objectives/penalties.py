"""The table of gradient penalties: a cost of the gradient of D's logit, and the images at which it is computed.

Every penalty returns per-sample values [N] that can be differentiated again. D must treat each image independently:
then the gradient of the summed logits holds the gradient of each logit at its own image.
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
"""(images [N, C, H, W], "real" or "fake") -> logits [N]: D, with the augmentation for that kind of images."""
DEVIATIONS = 0.5
"""Range of DRAGAN's noise in standard deviations of an image, as in its authors' code."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Penalty:
    """The sum over `points` of `cost`.

    `points` maps real images, fake images and U(0, 1) numbers to the images, by kind, at which the gradient is taken;
    `cost` maps the norms [N] of the gradients there to per-sample values [N].
    """

    points: Callable[[Tensor, Tensor, Tensor], dict[str, Tensor]]
    cost: Callable[[Tensor], Tensor]
    source: str
    draws: Literal["nothing", "a sample", "a pixel"] = "nothing"
    """What each U(0, 1) number is for."""


def gradient_norms(critic: Critic, images: Tensor, kind: str) -> Tensor:
    """Norm of the gradient of the logit at each image [N, ...] -> [N], zero where the logit is constant.

    Computed in the images' own precision, without autocast: bfloat16 has three digits, and a gradient is a sum over
    all paths through D, whose terms may cancel.
    """
    at = images.detach().requires_grad_()
    with torch.autocast(at.device.type, enabled=False):
        (gradient,) = torch.autograd.grad(critic(at, kind).sum(), at, create_graph=True)
        return torch.linalg.vector_norm(gradient.flatten(1), dim=1)


def penalty_of(penalty: Penalty, critic: Critic, real: Tensor, fake: Tensor, uniform: Tensor) -> Tensor:
    """The penalty per sample [N] for real and fake images [N, C, H, W] and U(0, 1) numbers of `uniform_shape`."""
    points = penalty.points(real, fake.to(real.dtype), uniform)
    return torch.stack([penalty.cost(gradient_norms(critic, at, kind)) for kind, at in points.items()]).sum(0)


def uniform_shape(penalty: Penalty, real: Tensor) -> tuple[int, ...]:
    """Shape of the U(0, 1) numbers that `points` takes for a batch of images [N, C, H, W]."""
    return {"nothing": (len(real), 0), "a sample": (len(real), 1, 1, 1), "a pixel": (*real.shape,)}[penalty.draws]


def _half_square(norms: Tensor) -> Tensor:
    return norms.square() / 2


def _squared_distance_from_one(norms: Tensor) -> Tensor:
    return (norms - 1).square()


def _between(real: Tensor, fake: Tensor, uniform: Tensor) -> dict[str, Tensor]:
    return {"real": real + uniform * (fake - real)}


def _around(real: Tensor, _fake: Tensor, uniform: Tensor) -> dict[str, Tensor]:
    """Real images plus noise. The authors scale it by the standard deviation of the batch; we use each image's own.

    So samples do not depend on each other. The points are those of the paper; the authors' code interpolates between
    an image and its noisy version.
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
        cost=_squared_distance_from_one,
        draws="a sample",
        source="Gulrajani et al. 2017, arXiv:1704.00028, eq. 3; gamma is its λ, 10 there",
    ),
    "dragan": Penalty(
        points=_around,
        cost=_squared_distance_from_one,
        draws="a pixel",
        source="Kodali et al. 2017, arXiv:1705.07215, algorithm 1, with uniform noise; gamma is its λ, 10 there",
    ),
}
