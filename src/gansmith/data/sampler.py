"""Which images make up a batch, as a function of (seed, clock): the loader's whole state is one integer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from gansmith.errors import DataError
from gansmith.lazy import LazyModule
from gansmith.rng import stream

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = LazyModule("torch")


Order = Literal["permutation", "sequential", "shuffle-buffer", "with-replacement"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampler:
    """Draws batches of `batch_size` out of `count` images.

    A pass holds count // batch batches; the remainder is left out of that pass. `permutation` takes a new order each
    pass, `sequential` the same, `shuffle-buffer` that of tf.data's buffer of `buffer` images, anew each pass.
    `with-replacement` knows no passes. Raises DataError when a pass would be empty.
    """

    count: int
    batch_size: int
    seed: int
    order: Order
    buffer: int = 0

    def __post_init__(self) -> None:
        if self.order != "with-replacement" and self.batch_size > self.count:
            raise DataError(f"a batch of {self.batch_size} cannot be drawn from {self.count} images; lower batch_size.")

    def indices(self, seen: int) -> Tensor:
        """Indices [batch] of the batch that begins when `seen` images have been shown."""
        step = seen // self.batch_size
        if self.order == "with-replacement":
            return torch.randint(self.count, (self.batch_size,), generator=stream(self.seed, "data", seen))
        number, position = divmod(step, self.count // self.batch_size)
        start = position * self.batch_size
        return _pass_order(self, number)[start : start + self.batch_size]


@lru_cache(maxsize=2)
def _pass_order(sampler: Sampler, number: int) -> Tensor:
    if sampler.order == "sequential":
        return torch.arange(sampler.count)
    generator = stream(sampler.seed, "data/pass", number)
    if sampler.order == "permutation":
        return torch.randperm(sampler.count, generator=generator)
    return _through_buffer(sampler.count, sampler.buffer, generator)


def _through_buffer(count: int, buffer: int, generator: torch.Generator) -> Tensor:
    """tf.data's shuffle: hand out a random element of the buffer, put the next of the stream in its place."""
    buffer = min(buffer, count)
    held = list(range(buffer))
    draws = torch.rand(count, generator=generator, dtype=torch.float64)
    order = []
    for position, draw in enumerate(draws.tolist()):
        slot = int(draw * len(held))
        order.append(held[slot])
        following = buffer + position
        if following < count:
            held[slot] = following
        else:
            held[slot] = held[-1]
            held.pop()
    return torch.tensor(order)
