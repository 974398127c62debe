"""Every random draw of a run, as a function of (seed, name, clock): repeatable without replaying, nothing to save."""

import hashlib
from typing import Literal

import torch
from torch import Tensor

LatentLaw = Literal["normal", "uniform"]


def stream(seed: int, name: str, clock: int, device: str | torch.device = "cpu") -> torch.Generator:
    """A generator fixed by (seed, name, clock).

    blake2b and not hash(): Python salts string hashes per process.
    """
    key = f"{seed}/{name}/{clock}".encode()
    value = int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little") >> 1
    return torch.Generator(device).manual_seed(value)


def latents(law: LatentLaw, num: int, size: int, generator: torch.Generator) -> Tensor:
    """Latent vectors [num, size], float32: N(0, 1) for "normal", U(-1, 1) for "uniform"."""
    if law == "uniform":
        return torch.rand(num, size, generator=generator).mul_(2).sub_(1)
    return torch.randn(num, size, generator=generator)
