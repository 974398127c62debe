"""Augmentation with what it remembers: how likely it is to act. Karras et al. 2020, arXiv:2006.06676, §3."""

from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.augment.operations import OPERATIONS
from gansmith.augment.settings import Augment
from gansmith.pixels import PixelRange
from gansmith.schedule import Schedule, value_at

BATCHES = 4
"""Batches of reals whose answers are averaged before the probability moves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Augmenter:
    """Augments pictures of a range as the settings say."""

    settings: Augment
    pixel_range: PixelRange
    state: Tensor
    """float64 [3], for a target: the probability; since it moved, the sum of the answers' signs, and the batches."""

    def probability_at(self, seen: int) -> float:
        """Chance that an operation acts on a picture at this clock: with a target as the controller has left it."""
        return self.state[0].item() if self.settings.target else value_at(self.settings.probability, seen)

    def __call__(self, pictures: Tensor, uniform: Tensor, seen: int) -> Tensor:
        """Pictures [N, C, H, W] in model range and their numbers [N, `draws`] -> the same shape and range."""
        probability = self.probability_at(seen)
        names = [name for name in OPERATIONS if name in self.settings.operations]
        if self.pixel_range == "0..1":
            pictures = 2 * pictures - 1
        for name, numbers in zip(names, uniform.split([1 + OPERATIONS[name].draws for name in names], 1), strict=True):
            acts = (numbers[:, 0] < probability).view(-1, 1, 1, 1)
            pictures = torch.where(acts, OPERATIONS[name].apply(pictures, numbers[:, 1:]), pictures)
        return (pictures + 1) / 2 if self.pixel_range == "0..1" else pictures


def draws(settings: Augment) -> int:
    """How many numbers of U(0, 1) a picture takes: for each operation one for whether it acts, and its own."""
    return sum(1 + OPERATIONS[name].draws for name in settings.operations)


def make_augmenter(settings: Augment, pixel_range: PixelRange) -> Augmenter | None:
    """The augmenter that the settings describe, at its beginning; None when there is nothing to do."""
    if not settings.operations:
        return None
    return Augmenter(settings=settings, pixel_range=pixel_range, state=torch.zeros(3, dtype=torch.float64))


def observe(augmenter: Augmenter, margins: Tensor) -> None:
    """Move the probability by how sure D is of a batch of reals: `margins` [N], above 0 where it is right.

    r_t is the mean sign over four batches; above the target D knows the pictures too well. Without a target nothing
    moves.
    """
    settings, state = augmenter.settings, augmenter.state
    if not settings.target:
        return
    most = settings.probability
    assert not isinstance(most, Schedule), "the settings refuse one beside a target"
    state[1] += margins.sign().mean().item()
    state[2] += 1
    probability, signs, batches = state.tolist()
    if batches < BATCHES:
        return
    towards = 1 if signs / batches > settings.target else -1
    moved = probability + towards * batches * len(margins) / settings.speed
    state[0], state[1], state[2] = min(max(moved, 0.0), most), 0, 0
