"""Ways between latents that stay where a generator was trained."""

import torch
from torch import Tensor

from gansmith.rng import LatentDistribution

PARALLEL = 1e-6
"""Sine of an angle below which two vectors have no arc between them, or no single one."""


def closed_walk(ends: Tensor, frames: int, distribution: LatentDistribution) -> Tensor:
    """From each of `ends` [K, latents] to the next and from the last to the first: [K frames, latents].

    Leg k is rows k frames to (k + 1) frames - 1: it begins with its end, and the next leg's begins where it would end.
    Normal latents go along arcs: a sum of independent ones with the weights of an arc is as long as they are, while
    halfway along the straight line it is 0.7 times as long, where G has seen nothing (White 2016, arXiv:1609.04468).
    Uniform latents go straight: the line between two points of their cube stays in it, an arc need not.
    """
    shares = torch.arange(frames, dtype=torch.float64)[:, None] / frames
    between = spherical if distribution == "normal" else torch.lerp
    legs = [between(a, b, shares) for a, b in zip(ends.double(), ends.double().roll(-1, 0), strict=True)]
    return torch.cat(legs).to(ends.dtype)


def spherical(a: Tensor, b: Tensor, shares: Tensor) -> Tensor:
    """The points of the arc from a to b [n] at shares [N, 1], 0 at a and 1 at b: [N, n]. Shoemake 1985, section 3.3.

    (sin((1 - t) w) a + sin(t w) b) / sin w, w the angle between them; where they are parallel, the straight line.
    """
    cosine = (a @ b / (a.norm() * b.norm())).clamp(-1, 1)
    angle = cosine.acos()
    if angle.sin() < PARALLEL:
        return torch.lerp(a, b, shares)
    return (((1 - shares) * angle).sin() * a + (shares * angle).sin() * b) / angle.sin()
