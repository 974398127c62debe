"""Augmentation with a probability that may adapt to D (ADA). Karras et al. 2020, arXiv:2006.06676, §3."""

from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.augment.operations import OPERATIONS
from gansmith.augment.settings import Augment
from gansmith.config import Schedule, value_at
from gansmith.pixels import PixelRange

BATCHES = 4
"""Number of batches between two changes of the probability."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Augmenter:
    """Augments images in model range, and keeps the probability of doing so."""

    settings: Augment
    pixel_range: PixelRange
    state: Tensor
    """float64 [3], used with a target: probability, then sum of sign(D(real)) and number of batches since it changed.

    The last two belong to the signal "signs"; the signal "validation" uses a single batch, chosen by the clock.
    """

    def probability_at(self, seen: int) -> float:
        """Probability that an operation acts on an image: adapted if there is a target, else scheduled."""
        return self.state[0].item() if self.settings.target else value_at(self.settings.probability, seen)

    def __call__(self, images: Tensor, uniform: Tensor, seen: int) -> Tensor:
        """Augmented images [N, C, H, W] in model range; `uniform` are U(0, 1) numbers [N, `draws(settings)`]."""
        probability = self.probability_at(seen)
        names = [name for name in OPERATIONS if name in self.settings.operations]
        if self.pixel_range == "0..1":
            images = 2 * images - 1
        for name, numbers in zip(names, uniform.split([1 + OPERATIONS[name].draws for name in names], 1), strict=True):
            acts = (numbers[:, 0] < probability).view(-1, 1, 1, 1)
            images = torch.where(acts, OPERATIONS[name].apply(images, numbers[:, 1:]), images)
        return (images + 1) / 2 if self.pixel_range == "0..1" else images


def draws(settings: Augment) -> int:
    """Number of U(0, 1) numbers for an image: for each operation one that decides whether it acts, and its own."""
    return sum(1 + OPERATIONS[name].draws for name in settings.operations)


def make_augmenter(settings: Augment, pixel_range: PixelRange) -> Augmenter | None:
    """The augmenter of these settings before the first step; None without operations."""
    if not settings.operations:
        return None
    return Augmenter(settings=settings, pixel_range=pixel_range, state=torch.zeros(3, dtype=torch.float64))


def observe(augmenter: Augmenter, margins: Tensor) -> None:
    """Adapt the probability to D's margins [N] for a batch of real images, which are above 0 where D is right.

    r_t is the mean sign over four batches; above the target D overfits. Without a target nothing changes.
    """
    state = augmenter.state
    if not augmenter.settings.target:
        return
    state[1] += margins.sign().mean().item()
    state[2] += 1
    _, signs, batches = state.tolist()
    if batches >= BATCHES:
        _change_probability(augmenter, signs / batches, len(margins))


def observe_validation(augmenter: Augmenter, train: Tensor, validation: Tensor, fake: Tensor) -> None:
    """Adapt the probability to D's logits [N] for training, validation and fake images of one batch."""
    _change_probability(augmenter, overfitting(train, validation, fake), len(train))


def overfitting(train: Tensor, validation: Tensor, fake: Tensor) -> float:
    """How far D overfits, r_v of its logits [N]: 0 if it rates validation images like training images, 1 if like fakes.

    (E[train] - E[validation]) / (E[train] - E[fake]), Karras et al. 2020, arXiv:2006.06676, eq. 1. It may lie outside 0
    to 1, and does not change if all logits are shifted or scaled. It is 0 if D does not rate `train` above `fake`: such
    a D does not overfit, and the quotient would have the wrong sign or be undefined.
    """
    mean = train.double().mean()
    over_validation, over_fake = ((mean - other.double().mean()).item() for other in (validation, fake))
    return over_validation / over_fake if over_fake > 0 else 0.0


def _change_probability(augmenter: Augmenter, signal: float, batch_size: int) -> None:
    """Raise the probability if the signal is above the target, lower it otherwise, by `BATCHES` batches' share."""
    settings, state = augmenter.settings, augmenter.state
    most = settings.probability
    assert not isinstance(most, Schedule), "the settings allow no schedule beside a target"
    direction = 1 if signal > settings.target else -1
    moved = state[0].item() + direction * BATCHES * batch_size / settings.speed
    state[0], state[1], state[2] = min(max(moved, 0.0), most), 0, 0
