"""How far D knows the images by heart: what it is asked to tell that, and what follows for the augmentation."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.augment.augmenter import BATCHES, observe, observe_validation
from gansmith.data.store import Dataset
from gansmith.objectives.adversarial import LOSSES, margins
from gansmith.rng import stream
from gansmith.schema import Recipe
from gansmith.training.state import GAN

VALIDATION_LOGITS = "logits/held-out"
"""The name of D's logits of images kept out, in an iteration that asks for them."""


@dataclass(frozen=True, slots=True)
class ValidationPixels:
    """A batch of images that are not trained on."""

    pixels: Tensor
    """uint8 [N, C, H, W]."""
    labels: Tensor | None
    """Their classes, int64 [N], where the recipe has any."""


def needs_validation_batch(recipe: Recipe, seen: int) -> bool:
    """Whether D is asked of images kept out in the iteration at this clock: every fourth, if the recipe wants it."""
    return recipe.augment.signal == "validation" and (seen // recipe.batch_size + 1) % BATCHES == 0


def validation_batch(recipe: Recipe, validation: Dataset | None, seen: int) -> ValidationPixels | None:
    """Images kept out for the iteration at this clock, as many as it has others; None if it asks for none.

    They are drawn with replacement: there may be fewer of them than a batch has.
    """
    if validation is None or not needs_validation_batch(recipe, seen):
        return None
    chosen = torch.randint(len(validation), (recipe.batch_size,), generator=stream(recipe.seed, "held-out/batch", seen))
    return ValidationPixels(validation.batch(chosen), validation.labels_at(chosen))


def steer_augmentation(gan: GAN, values: Mapping[str, Tensor], recipe: Recipe) -> None:
    """Move the chance of the augmentation, if it has a target, by what D said in an iteration."""
    if gan.augment is None:
        return
    real, fake = values["logits/real"], values["logits/fake"]
    if recipe.augment.signal == "signs":
        observe(gan.augment, margins(LOSSES[recipe.objective.loss], real, fake, recipe.objective.targets)["real"])
    elif VALIDATION_LOGITS in values:
        observe_validation(gan.augment, real, values[VALIDATION_LOGITS], fake)
