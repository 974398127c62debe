"""The average of a generator's weights over its recent past. Yazıcı et al. 2018, arXiv:1806.04498."""

import math

import torch
from torch import Tensor, nn


def ema_decay(batch_size: int, half_life: float, seen: int, ramp: float = 0.05) -> float:
    """Decay for one update of `batch` images, so that a weight's share halves every `half_life` images.

    Early on the half-life is held to `ramp * seen` images, so the average forgets the random start. Karras et al.
    2020, arXiv:2006.06676, appendix.
    """
    half_life = min(half_life, ramp * seen)
    return math.exp2(-batch_size / half_life) if half_life > 0 else 0.0


@torch.no_grad()
def ema_update(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Average <- decay * average + (1 - decay) * network. Buffers (moving statistics) are copied."""
    averages: list[Tensor] = [*average.parameters()]
    torch._foreach_lerp_(averages, [*network.parameters()], 1 - decay)
    for kept, new in zip(average.buffers(), network.buffers(), strict=True):
        kept.copy_(new)
