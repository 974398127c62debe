"""Augmentation with what it remembers: how likely it is to act. Karras et al. 2020, arXiv:2006.06676, §3."""

from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.augment.operations import OPERATIONS
from gansmith.augment.settings import Augment
from gansmith.config import Schedule, value_at
from gansmith.pixels import PixelRange

BATCHES = 4
"""Batches of reals between two moves of the probability."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Augmenter:
    """Augments images of a range as the settings say."""

    settings: Augment
    pixel_range: PixelRange
    state: Tensor
    """float64 [3], for a target: the probability; since it moved, the sum of the answers' signs, and the batches.

    The last two are of the signal "signs": the other one looks at a single batch, and the clock says at which.
    """

    def probability_at(self, seen: int) -> float:
        """Chance that an operation acts on an image at this clock: with a target as the controller has left it."""
        return self.state[0].item() if self.settings.target else value_at(self.settings.probability, seen)

    def __call__(self, images: Tensor, uniform: Tensor, seen: int) -> Tensor:
        """Images [N, C, H, W] in model range and their numbers [N, `draws`] -> the same shape and range."""
        probability = self.probability_at(seen)
        names = [name for name in OPERATIONS if name in self.settings.operations]
        if self.pixel_range == "0..1":
            images = 2 * images - 1
        for name, numbers in zip(names, uniform.split([1 + OPERATIONS[name].draws for name in names], 1), strict=True):
            acts = (numbers[:, 0] < probability).view(-1, 1, 1, 1)
            images = torch.where(acts, OPERATIONS[name].apply(images, numbers[:, 1:]), images)
        return (images + 1) / 2 if self.pixel_range == "0..1" else images


def draws(settings: Augment) -> int:
    """How many numbers of U(0, 1) an image takes: for each operation one for whether it acts, and its own."""
    return sum(1 + OPERATIONS[name].draws for name in settings.operations)


def make_augmenter(settings: Augment, pixel_range: PixelRange) -> Augmenter | None:
    """The augmenter that the settings describe, at its beginning; None when there is nothing to do."""
    if not settings.operations:
        return None
    return Augmenter(settings=settings, pixel_range=pixel_range, state=torch.zeros(3, dtype=torch.float64))


def observe(augmenter: Augmenter, margins: Tensor) -> None:
    """Move the probability by how sure D is of a batch of reals: `margins` [N], above 0 where it is right.

    r_t is the mean sign over four batches; above the target D knows the images too well. Without a target nothing
    moves.
    """
    state = augmenter.state
    if not augmenter.settings.target:
        return
    state[1] += margins.sign().mean().item()
    state[2] += 1
    _, signs, batches = state.tolist()
    if batches >= BATCHES:
        _move(augmenter, signs / batches, len(margins))


def observe_validation(augmenter: Augmenter, train: Tensor, validation: Tensor, fake: Tensor) -> None:
    """Move the probability by D's logits [N] of the three kinds of images, in one batch of four."""
    _move(augmenter, overfitting(train, validation, fake), len(train))


def overfitting(train: Tensor, validation: Tensor, fake: Tensor) -> float:
    """r_v of D's logits [N]: 0 where images kept out are to D as those it trains on, 1 where they are as fakes.

    (E[train] - E[validation]) / (E[train] - E[fake]), Karras et al. 2020, arXiv:2006.06676, eq. 1; it may lie outside 0
    to 1, and is the same for logits shifted or scaled. 0 where D does not rate `train` above `fake`: it does not know
    the images by heart then, and the quotient would have the wrong sign, or none.
    """
    mean = train.double().mean()
    over_validation, over_fake = ((mean - other.double().mean()).item() for other in (validation, fake))
    return over_validation / over_fake if over_fake > 0 else 0.0


def _move(augmenter: Augmenter, signal: float, batch_size: int) -> None:
    """Towards more augmentation if the signal is above the target, towards less else, by `BATCHES` of so many."""
    settings, state = augmenter.settings, augmenter.state
    most = settings.probability
    assert not isinstance(most, Schedule), "the settings refuse one beside a target"
    towards = 1 if signal > settings.target else -1
    moved = state[0].item() + towards * BATCHES * batch_size / settings.speed
    state[0], state[1], state[2] = min(max(moved, 0.0), most), 0, 0
