"""How far D knows the pictures by heart: what it is asked to tell that, and what follows for the augmentation."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.augment.augmenter import BATCHES, observe, observe_held_out
from gansmith.data.store import Pack
from gansmith.objectives.adversarial import LOSSES, margins
from gansmith.rng import stream
from gansmith.schema import Recipe
from gansmith.training.state import GAN

HELD_OUT = "logits/held-out"
"""The name of D's logits of pictures kept out, in an iteration that asks for them."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A batch of pictures that are not trained on."""

    pixels: Tensor
    """uint8 [N, C, H, W]."""
    labels: Tensor | None
    """Their classes, int64 [N], where the recipe has any."""


def asks_held_out(recipe: Recipe, seen: int) -> bool:
    """Whether D is asked of pictures kept out in the iteration at this clock: every fourth, if the recipe wants it."""
    return recipe.augment.signal == "held-out" and (seen // recipe.batch + 1) % BATCHES == 0


def held_out_batch(recipe: Recipe, validation: Pack | None, seen: int) -> HeldOut | None:
    """Pictures kept out for the iteration at this clock, as many as it has others; None if it asks for none.

    They are drawn with replacement: there may be fewer of them than a batch has.
    """
    if validation is None or not asks_held_out(recipe, seen):
        return None
    chosen = torch.randint(len(validation), (recipe.batch,), generator=stream(recipe.seed, "held-out/batch", seen))
    return HeldOut(validation.batch(chosen), validation.labels_at(chosen))


def steer_augmentation(gan: GAN, values: Mapping[str, Tensor], recipe: Recipe) -> None:
    """Move the chance of the augmentation, if it has a target, by what D said in an iteration."""
    if gan.augment is None:
        return
    real, fake = values["logits/real"], values["logits/fake"]
    if recipe.augment.signal == "signs":
        observe(gan.augment, margins(LOSSES[recipe.objective.loss], real, fake, recipe.objective.targets)["real"])
    elif HELD_OUT in values:
        observe_held_out(gan.augment, real, values[HELD_OUT], fake)
