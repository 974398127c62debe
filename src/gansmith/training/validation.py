"""What the validation set is for besides evaluations: its losses, and the overfitting of D that steers augmentation."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gansmith.augment.augmenter import BATCHES, observe, observe_validation
from gansmith.data.store import Dataset
from gansmith.engine import Engine
from gansmith.nn.modes import eval_mode
from gansmith.objectives import adversarial
from gansmith.objectives.adversarial import LOSSES, Targets, clip_probability
from gansmith.objectives.settings import Objective
from gansmith.pixels import to_model
from gansmith.rng import latents, stream
from gansmith.runs.run import Run
from gansmith.schema import Recipe
from gansmith.training.state import GAN

VALIDATION_LOGITS = "logits/held-out"
"""Name of D's logits for validation images among the values of a step, and in events.jsonl."""


@dataclass(frozen=True, slots=True)
class ValidationPixels:
    """A batch of validation images, before they are scaled to model range."""

    pixels: Tensor
    """uint8 [N, C, H, W]."""
    labels: Tensor | None
    """int64 [N], for conditional recipes."""


def needs_validation_batch(recipe: Recipe, seen: int) -> bool:
    """Whether D sees validation images in the step at this clock: every fourth step, if augmentation follows them."""
    return recipe.augment.signal == "validation" and (seen // recipe.batch_size + 1) % BATCHES == 0


def validation_batch(recipe: Recipe, validation: Dataset | None, seen: int) -> ValidationPixels | None:
    """Validation images for this step, with replacement, as the set may be small; None when the step needs none."""
    if validation is None or not needs_validation_batch(recipe, seen):
        return None
    chosen = torch.randint(len(validation), (recipe.batch_size,), generator=stream(recipe.seed, "held-out/batch", seen))
    return ValidationPixels(validation.batch(chosen), validation.labels_at(chosen))


def steer_augmentation(gan: GAN, values: Mapping[str, Tensor], recipe: Recipe) -> None:
    """Adapt the probability of augmentation to D's logits in a step (ADA); without a target nothing changes."""
    if gan.augment is None:
        return
    real, fake = values["logits/real"], values["logits/fake"]
    if recipe.augment.signal == "signs":
        loss, targets = LOSSES[recipe.objective.loss], recipe.objective.targets
        observe(gan.augment, adversarial.margins(loss, real, fake, targets)["real"])
    elif VALIDATION_LOGITS in values:
        observe_validation(gan.augment, real, values[VALIDATION_LOGITS], fake)


def write_validation_losses(gan: GAN, recipe: Recipe, validation: Dataset, engine: Engine, run: Run) -> None:
    """Write the mean losses on some validation images, and on as many new fake images, to metrics.jsonl."""
    num = min(recipe.validation_losses.images, len(validation))
    chosen = torch.randperm(len(validation), generator=stream(recipe.seed, "held-out-losses/real", gan.seen))[:num]
    generator = stream(recipe.seed, "held-out-losses/latents", gan.seen)
    z = latents(recipe.latents.distribution, num, recipe.latents.size, generator).to(engine.device)
    real = to_model(validation.batch(chosen).to(engine.device), recipe.data.pixel_range)
    labels = validation.labels_at(chosen)
    labels = None if labels is None else labels.to(engine.device)
    losses = validation_losses(gan, real, z, recipe.objective, engine, labels)
    means = {name: value.mean().item() for name, value in losses.items()}
    run.append_metric({"step": gan.seen // recipe.batch_size, "seen": gan.seen, "images": num, **means})


@torch.no_grad()
def validation_losses(
    gan: GAN, real: Tensor, z: Tensor, objective: Objective, engine: Engine, labels: Tensor | None = None
) -> dict[str, Tensor]:
    """Per-sample losses [N] in eval mode with targets 1 and 0: "held_out/d" and "held_out/g".

    D's loss is the sum of its losses on `real` [N, C, H, W] and on the fake images of `z` [N, latents]; G's loss is on
    the fake images. `labels` int64 [N] are the classes of both, for conditional networks.
    """
    with eval_mode(gan.G, gan.D), engine.autocast():
        logits = [gan.D(images, labels).to(real.dtype) for images in (real, gan.G(z, labels))]
    real_logits, fake_logits = (clip_probability(each, objective.probability_clip) for each in logits)
    in_pairs = real_logits if objective.in_pairs else None
    loss, targets = replace(LOSSES[objective.loss], averages_halves=False), Targets()
    return {
        "held_out/d": adversarial.discriminator_loss(loss, {"real": real_logits, "fake": fake_logits}, targets),
        "held_out/g": adversarial.generator_loss(loss, fake_logits, in_pairs, targets),
    }
