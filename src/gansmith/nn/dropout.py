"""Dropout that draws from the step's own stream. Srivastava et al. 2014, JMLR 15."""

from collections.abc import Generator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    """Zeroes a share `rate` of the values in training mode and scales the rest to keep the mean.

    Decisions come from raw random bytes, so the share is a multiple of 1/256 (0.4 becomes 102/256 = 0.398) and the
    scale is that of the share really used. `from_words=False` is the readable reference: one uniform number a value.
    """

    def __init__(self, rate: float, *, from_words: bool = True):
        super().__init__()
        self.rate, self.from_words = rate, from_words
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same shape."""
        if not self.training or self.rate == 0:
            return x
        if self.generator is None:
            raise ValueError("dropout in training mode draws from a stream: run it inside `drawing_from`.")
        if not self.from_words:
            kept = torch.rand(x.shape, generator=self.generator, device=x.device) >= self.rate
            return x * kept / (1 - self.rate)
        dropped = round(self.rate * 256)
        kept = random_bytes(x.shape, self.generator) >= dropped
        return x * kept.to(x.dtype).mul_(256 / (256 - dropped))

    def extra_repr(self) -> str:
        """What `print(module)` shows."""
        return f"{self.rate}, from_words={self.from_words}"


def random_bytes(shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Uniform uint8 of `shape`, eight to each 64-bit word the generator gives."""
    num_words = -(-shape.numel() // 8)
    words = torch.empty(num_words, dtype=torch.int64, device=generator.device)
    # From the smallest integer on: the default range leaves the sign bit, a bit of every eighth byte, at zero.
    words.random_(torch.iinfo(torch.int64).min, None, generator=generator)
    return words.view(torch.uint8)[: shape.numel()].view(shape)


@contextmanager
def drawing_from(generator: torch.Generator, *networks: nn.Module) -> Generator[None]:
    """Dropout inside these networks draws from `generator`, in the order of the calls."""
    layers = [layer for network in networks for layer in network.modules() if isinstance(layer, Dropout)]
    for layer in layers:
        layer.generator = generator
    try:
        yield
    finally:
        for layer in layers:
            layer.generator = None
