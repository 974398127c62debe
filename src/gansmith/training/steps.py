"""One training step: update D, then update G. Nothing is drawn here: the batch holds every random number.

With classes, a fake image has the class of the real image in the same row of the batch, in both updates.

Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1, with one update of D for each update of G, or one on each kind of
image.
"""

from contextlib import nullcontext
from dataclasses import replace

import torch
from torch import Tensor, nn

from gansmith.config import value_at
from gansmith.engine import Engine
from gansmith.nn.dropout import drawing_from
from gansmith.nn.ema import ema_decay, ema_update
from gansmith.nn.modes import eval_mode, frozen
from gansmith.nn.spectral import power_iteration
from gansmith.objectives.adversarial import LOSSES, clip_probability, discriminator_loss, generator_loss
from gansmith.objectives.penalties import PENALTIES, penalty_of
from gansmith.objectives.settings import Objective
from gansmith.schema import Recipe
from gansmith.training.batch import AUGMENTED_VALIDATION, Batch, ValidationBatch
from gansmith.training.finite import check_finite, checking_finite
from gansmith.training.state import GAN
from gansmith.training.validation import VALIDATION_LOGITS, steer_augmentation

Values = dict[str, Tensor]
"""Per-sample values [N] by name, such as "loss/d"."""


def train_step(gan: GAN, batch: Batch, recipe: Recipe, engine: Engine) -> Values:
    """Update all of `gan` and advance its clock by a batch; returns per-sample values [N]. Raises DivergedError."""
    with checking_finite(gan, batch.iteration + 1):
        if recipe.objective.generator_reuses_images:
            power_iteration(gan.G)
            with drawing_from(batch.dropout_g, gan.G), engine.autocast():
                batch = replace(batch, fake=gan.G(batch.z_d, batch.labels))
        values = discriminator_step(gan, batch, recipe.objective, engine)
        values |= generator_step(gan, batch, recipe.objective, engine)
    if gan.G_ema is not None:
        half_life = value_at(recipe.ema_half_life, gan.seen)
        ema_update(gan.G_ema, gan.G, ema_decay(recipe.batch_size, half_life, gan.seen + recipe.batch_size))
    check_finite(gan, values, batch.iteration + 1)
    steer_augmentation(gan, values, recipe)
    gan.seen += recipe.batch_size
    return values


def discriminator_step(gan: GAN, batch: Batch, objective: Objective, engine: Engine) -> Values:
    """Update D on real and fake images together ("mixed"), or once on each ("separate").

    G is in eval mode, as in the `predict` of the classic systems, unless both steps share their fake images, which
    `train_step` then makes in training mode. Returns per-sample values [N]: "loss/d", "logits/real", "logits/fake",
    and "penalty" and "logits/held-out" in a step that has them.
    """
    power_iteration(gan.D)
    microbatches = [_with_fakes(gan, microbatch, engine) for microbatch in batch.microbatches()]
    order = ("fake", "real") if objective.fakes_first else ("real", "fake")
    updates = [order] if objective.discriminator_batch == "mixed" else [(kind,) for kind in order]
    gamma, values = value_at(objective.gamma, gan.seen), {"loss/d": torch.zeros_like(batch.z_d[:, 0])}
    for number, kinds in enumerate(updates):
        found = []
        with gan.optimizer_d.update(batch.iteration * len(updates) + number, gan.seen) as accumulate:
            for microbatch in microbatches:
                logits = _discriminate(gan, microbatch, kinds, engine)
                clipped = {kind: clip_probability(each, objective.probability_clip) for kind, each in logits.items()}
                loss = discriminator_loss(LOSSES[objective.loss], clipped, microbatch.targets)
                accumulate(loss.sum() / len(batch.real))
                found.append({"loss/d": loss.detach()} | {f"logits/{kind}": logits[kind].detach() for kind in kinds})
                if microbatch.validation is not None and "real" in kinds:
                    found[-1][VALIDATION_LOGITS] = _validation_logits(gan, microbatch, microbatch.validation, engine)
                if microbatch.penalty_draws is not None:
                    penalty = gamma * _gradient_penalty(gan, microbatch, microbatch.penalty_draws, objective)
                    accumulate(objective.penalty_every * penalty.sum() / len(batch.real))
                    found[-1]["penalty"] = penalty.detach()
        if objective.weight_clip:
            clip_weights(gan.D, objective.weight_clip)
        joined = _join(found)
        values |= joined | {"loss/d": values["loss/d"] + joined["loss/d"]}
    return values


def generator_step(gan: GAN, batch: Batch, objective: Objective, engine: Engine) -> Values:
    """Update G, and D too if the objective says so, both in training mode; returns per-sample values [N]: "loss/g"."""
    if batch.fake is None:
        power_iteration(gan.G)
    found = []
    freezing = nullcontext() if objective.generator_step_trains_discriminator else frozen(gan.D)
    with freezing, gan.optimizer_g.update(batch.iteration, gan.seen) as accumulate:
        for microbatch in batch.microbatches():
            with drawing_from(batch.dropout_g, gan.G, gan.D), engine.autocast():
                fake = gan.G(microbatch.z_g, microbatch.labels) if microbatch.fake is None else microbatch.fake
                fake_logits = gan.D(_augmented(gan, microbatch, "g/fake", fake), microbatch.labels)
                fake_logits = fake_logits.to(batch.real.dtype)
                real = _augmented(gan, microbatch, "g/real", microbatch.real) if objective.in_pairs else None
                real_logits = None if real is None else gan.D(real, microbatch.labels).to(batch.real.dtype)
            fake_logits = clip_probability(fake_logits, objective.probability_clip)
            loss = generator_loss(LOSSES[objective.loss], fake_logits, real_logits, microbatch.targets)
            accumulate(loss.sum() / len(batch.real))
            found.append({"loss/g": loss.detach()})
    return _join(found)


def _with_fakes(gan: GAN, batch: Batch, engine: Engine) -> Batch:
    """The batch with fake images for the update of D, without a graph: new ones, unless both steps share them."""
    if batch.fake is not None:
        return replace(batch, fake=batch.fake.detach())
    with torch.no_grad(), eval_mode(gan.G), engine.autocast():
        return replace(batch, fake=gan.G(batch.z_d, batch.labels))


def _images_of(batch: Batch, kind: str) -> Tensor:
    """The batch's images [N, C, H, W] of a kind, "real" or "fake"."""
    images = batch.real if kind == "real" else batch.fake
    assert images is not None, "`_with_fakes` comes first"
    return images


def _discriminate(gan: GAN, batch: Batch, kinds: tuple[str, ...], engine: Engine) -> Values:
    """D's logits [N] for each of these kinds of images, which go through D in one batch."""
    labels = None if batch.labels is None else batch.labels.repeat(len(kinds))
    with drawing_from(batch.dropout_d, gan.D), engine.autocast():
        images = torch.cat([_augmented(gan, batch, f"d/{kind}", _images_of(batch, kind)) for kind in kinds])
        logits = gan.D(images, labels).to(batch.real.dtype)
    return dict(zip(kinds, logits.chunk(len(kinds)), strict=True))


@torch.no_grad()
def _validation_logits(gan: GAN, batch: Batch, validation: ValidationBatch, engine: Engine) -> Tensor:
    """D's logits [N] for validation images, computed as for real ones; nothing is learned from them."""
    with drawing_from(validation.dropout, gan.D), engine.autocast():
        images = _augmented(gan, batch, AUGMENTED_VALIDATION, validation.images)
        return gan.D(images, validation.labels).to(batch.real.dtype)


def _gradient_penalty(gan: GAN, batch: Batch, uniform: Tensor, objective: Objective) -> Tensor:
    """The penalty per sample [N], before its weight. The gradient is that at the images before augmentation."""

    def critic(x: Tensor, kind: str) -> Tensor:
        return gan.D(_augmented(gan, batch, f"d/{kind}", x), batch.labels)

    with drawing_from(batch.dropout_d, gan.D):
        return penalty_of(PENALTIES[objective.penalty], critic, batch.real, _images_of(batch, "fake"), uniform)


def _augmented(gan: GAN, batch: Batch, name: str, images: Tensor) -> Tensor:
    """The images [N, C, H, W] as D sees them."""
    if gan.augment is None:
        return images
    return gan.augment(images.to(batch.real.dtype), batch.augment_draws[name], gan.seen)


def _join(microbatches: list[Values]) -> Values:
    """The values of the whole batch."""
    if len(microbatches) == 1:
        return microbatches[0]
    return {name: torch.cat([values[name] for values in microbatches]) for name in microbatches[0]}


@torch.no_grad()
def clip_weights(network: nn.Module, bound: float) -> None:
    """Clamp every parameter to [-bound, bound]. Arjovsky et al. 2017, arXiv:1701.07875, algorithm 1."""
    parameters: list[Tensor] = [*network.parameters()]
    torch._foreach_clamp_min_(parameters, -bound)
    torch._foreach_clamp_max_(parameters, bound)
