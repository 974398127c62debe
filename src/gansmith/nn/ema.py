"""Exponential moving average (EMA) of a generator's weights. Yazıcı et al. 2018, arXiv:1806.04498."""

import math

import torch
from torch import Tensor, nn


def ema_decay(batch_size: int, half_life: float, seen: int, ramp: float = 0.05) -> float:
    """Decay for one update of `batch_size` images, so that a weight's share halves every `half_life` images.

    Early in a run the half-life is at most `ramp * seen` images, so that the EMA forgets the random initial weights.
    Karras et al. 2020, arXiv:2006.06676, appendix.
    """
    half_life = min(half_life, ramp * seen)
    return math.exp2(-batch_size / half_life) if half_life > 0 else 0.0


@torch.no_grad()
def ema_update(ema: nn.Module, network: nn.Module, decay: float) -> None:
    """Set every weight of `ema` to decay * ema + (1 - decay) * network. Buffers (moving statistics) are copied."""
    averages: list[Tensor] = [*ema.parameters()]
    torch._foreach_lerp_(averages, [*network.parameters()], 1 - decay)
    for kept, new in zip(ema.buffers(), network.buffers(), strict=True):
        kept.copy_(new)
