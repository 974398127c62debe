"""Every random draw of a run, as a function of (seed, name, clock): repeatable without replaying, nothing to save."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

import numpy as np

from gansmith.lazy import LazyModule

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = LazyModule("torch")


LatentDistribution = Literal["normal", "uniform"]


def stream(seed: int, name: str, clock: int, device: str | torch.device = "cpu") -> torch.Generator:
    """A generator fixed by (seed, name, clock).

    blake2b and not hash(): Python salts string hashes per process.
    """
    key = f"{seed}/{name}/{clock}".encode()
    value = int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little") >> 1
    return torch.Generator(device).manual_seed(value)


def latents(distribution: LatentDistribution, num: int, size: int, generator: torch.Generator) -> Tensor:
    """Latent vectors [num, size], float32: N(0, 1) for "normal", U(-1, 1) for "uniform"."""
    if distribution == "uniform":
        return torch.rand(num, size, generator=generator).mul_(2).sub_(1)
    return torch.randn(num, size, generator=generator)


def random_words(num: int, generator: torch.Generator) -> Tensor:
    """`num` random 64-bit words as int64 [num], on the generator's device.

    On a CPU one word of the generator seeds NumPy's SFC64, whose raw words come 2.5 times as fast as torch's and are
    promised to stay the same.
    """
    if generator.device.type == "cpu":
        seed = int(torch.randint(2**63 - 1, (), generator=generator))
        return torch.from_numpy(np.random.SFC64(seed).random_raw(num).view(np.int64))
    # From the smallest integer on: the default range leaves the sign bit at zero.
    words = torch.empty(num, dtype=torch.int64, device=generator.device)
    return words.random_(torch.iinfo(torch.int64).min, None, generator=generator)
