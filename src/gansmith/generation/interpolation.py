"""Paths between latents on which a generator sees latents like those of its training."""

import torch
from torch import Tensor

from gansmith.rng import LatentDistribution

PARALLEL = 1e-6
"""Sine of the angle below which two vectors count as parallel, with no unique arc between them."""


def interpolate_latents(ends: Tensor, frames: int, distribution: LatentDistribution) -> Tensor:
    """A closed path through `ends` [K, latents], `frames` steps from each to the next: [K frames, latents].

    Segment k is rows k frames to (k + 1) frames - 1; it begins with end k, and the last segment leads to the first end.
    Normal latents follow arcs: points on an arc between independent normal vectors have the norm of such vectors, while
    halfway on the straight line the norm is 0.7 times that, where G was never trained (White 2016, arXiv:1609.04468).
    Uniform latents follow straight lines, which stay in their cube; an arc may leave it.
    """
    shares = torch.arange(frames, dtype=torch.float64)[:, None] / frames
    between = spherical if distribution == "normal" else torch.lerp
    segments = [between(a, b, shares) for a, b in zip(ends.double(), ends.double().roll(-1, 0), strict=True)]
    return torch.cat(segments).to(ends.dtype)


def spherical(a: Tensor, b: Tensor, shares: Tensor) -> Tensor:
    """Points on the arc from a to b [n] at shares [N, 1], 0 at a and 1 at b: [N, n]. Shoemake 1985, section 3.3.

    (sin((1 - t) w) a + sin(t w) b) / sin w with w the angle between a and b; a straight line for parallel vectors.
    """
    cosine = (a @ b / (a.norm() * b.norm())).clamp(-1, 1)
    angle = cosine.acos()
    if angle.sin() < PARALLEL:
        return torch.lerp(a, b, shares)
    return (((1 - shares) * angle).sin() * a + (shares * angle).sin() * b) / angle.sin()
