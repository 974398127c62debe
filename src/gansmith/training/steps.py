"""The two halves of an iteration. They draw nothing themselves: everything random is given.

Where there are classes, a generated image is of the class of the real one at its place of the batch, in both steps.

Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1, with one D update an iteration, or one on each kind of image.
"""

from contextlib import nullcontext
from dataclasses import replace

import torch
from torch import Tensor, nn

from gansmith.config import value_at
from gansmith.engine import Engine
from gansmith.nn.dropout import drawing_from
from gansmith.nn.modes import eval_mode, frozen
from gansmith.nn.spectral import power_iteration
from gansmith.objectives.adversarial import LOSSES, clip_probability, discriminator_loss, generator_loss
from gansmith.objectives.penalties import PENALTIES, penalty_of
from gansmith.objectives.settings import Objective
from gansmith.training.batch import NOT_TRAINED_ON, Batch, ValidationBatch
from gansmith.training.overfitting import VALIDATION_LOGITS
from gansmith.training.state import GAN

Kinds = dict[str, Tensor]
"""Images [N, C, H, W] by their kind, "real" or "fake"."""


def discriminator_step(gan: GAN, batch: Batch, objective: Objective, engine: Engine) -> dict[str, Tensor]:
    """Move D towards telling the real images from those that G makes: in one update, or in one for each kind.

    G is in inference mode, as every classic system's `predict` is, unless both steps take the same images, see
    `shared_images`. Returns per-sample values [N]: "loss/d",
    "logits/real", "logits/fake", and "penalty" and "logits/held-out" in an iteration that has them.
    """
    power_iteration(gan.D)
    microbatches = [(microbatch, _images(gan, microbatch, engine)) for microbatch in batch.microbatches()]
    order = ("fake", "real") if objective.fakes_first else ("real", "fake")
    updates = [order] if objective.discriminator_batch == "mixed" else [(kind,) for kind in order]
    gamma, values = value_at(objective.gamma, gan.seen), {"loss/d": torch.zeros_like(batch.z_d[:, 0])}
    for number, kinds in enumerate(updates):
        found = []
        with gan.optimizer_d.update(batch.iteration * len(updates) + number, gan.seen) as add:
            for microbatch, images in microbatches:
                of_batch = {kind: images[kind] for kind in kinds}
                loss, logits = _discriminate(gan, microbatch, of_batch, objective, engine)
                add(loss.sum() / len(batch.real))
                found.append({"loss/d": loss.detach(), **logits})
                if microbatch.validation is not None and "real" in kinds:
                    found[-1][VALIDATION_LOGITS] = _asked_of(gan, microbatch, microbatch.validation, engine)
                if microbatch.penalty is not None:
                    penalty = gamma * _penalty(gan, microbatch, microbatch.penalty, images, objective)
                    add(objective.penalty_every * penalty.sum() / len(batch.real))
                    found[-1]["penalty"] = penalty.detach()
        if objective.weight_clip:
            clip_weights(gan.D, objective.weight_clip)
        joined = _joined(found)
        values |= joined | {"loss/d": values["loss/d"] + joined["loss/d"]}
    return values


def shared_images(gan: GAN, batch: Batch, engine: Engine) -> Batch:
    """What is given, with images of G for both steps: in training mode, with the graph that G's step goes back by."""
    power_iteration(gan.G)
    with drawing_from(batch.dropout_g, gan.G), engine.autocast():
        return replace(batch, fake=gan.G(batch.z_d, batch.labels))


def _images(gan: GAN, batch: Batch, engine: Engine) -> Kinds:
    """The real images, and fresh ones of G if there are none yet."""
    if batch.fake is not None:
        return {"real": batch.real, "fake": batch.fake.detach()}
    with torch.no_grad(), eval_mode(gan.G), engine.autocast():
        return {"real": batch.real, "fake": gan.G(batch.z_d, batch.labels)}


def _discriminate(
    gan: GAN, batch: Batch, images: Kinds, objective: Objective, engine: Engine
) -> tuple[Tensor, dict[str, Tensor]]:
    """D's loss of a batch of these images, per sample [N], and its logits of each kind by name."""
    labels = None if batch.labels is None else batch.labels.repeat(len(images))
    with drawing_from(batch.dropout_d, gan.D), engine.autocast():
        seen = torch.cat([_augmented(gan, batch, f"d/{kind}", part) for kind, part in images.items()])
        num_microbatches = gan.D(seen, labels).to(batch.real.dtype).chunk(len(images))
    logits = dict(zip(images, num_microbatches, strict=True))
    asked = {kind: clipped(part, objective) for kind, part in logits.items()}
    loss = discriminator_loss(LOSSES[objective.loss], asked, batch.targets)
    return loss, {f"logits/{kind}": part.detach() for kind, part in logits.items()}


@torch.no_grad()
def _asked_of(gan: GAN, batch: Batch, validation: ValidationBatch, engine: Engine) -> Tensor:
    """D's logits [N] of images kept out, asked as it is of the real ones; nothing is learned from them."""
    with drawing_from(validation.dropout, gan.D), engine.autocast():
        seen = _augmented(gan, batch, NOT_TRAINED_ON, validation.images)
        return gan.D(seen, validation.labels).to(batch.real.dtype)


def _penalty(gan: GAN, batch: Batch, uniform: Tensor, images: Kinds, objective: Objective) -> Tensor:
    """The penalty per sample [N], before its weight, on the slopes of what D says of images not yet augmented."""

    def critic(x: Tensor, kind: str) -> Tensor:
        return gan.D(_augmented(gan, batch, f"d/{kind}", x), batch.labels)

    with drawing_from(batch.dropout_d, gan.D):
        return penalty_of(PENALTIES[objective.penalty], critic, images["real"], images["fake"], uniform)


def _augmented(gan: GAN, batch: Batch, name: str, images: Tensor) -> Tensor:
    """The images [N, C, H, W] as D gets to see them."""
    return images if gan.augment is None else gan.augment(images.to(batch.real.dtype), batch.augment[name], gan.seen)


def generator_step(gan: GAN, batch: Batch, objective: Objective, engine: Engine) -> dict[str, Tensor]:
    """Move G, and D too if the objective says so, towards images that D takes for real.

    Both networks are in training mode. Returns per-sample values [N]: "loss/g".
    """
    if batch.fake is None:
        power_iteration(gan.G)
    found = []
    held = nullcontext() if objective.generator_step_trains_discriminator else frozen(gan.D)
    with held, gan.optimizer_g.update(batch.iteration, gan.seen) as add:
        for microbatch in batch.microbatches():
            with drawing_from(batch.dropout_g, gan.G, gan.D), engine.autocast():
                made = gan.G(microbatch.z_g, microbatch.labels) if microbatch.fake is None else microbatch.fake
                logits = gan.D(_augmented(gan, microbatch, "g/fake", made), microbatch.labels).to(batch.real.dtype)
                real = _augmented(gan, microbatch, "g/real", microbatch.real) if objective.in_pairs else None
                paired = None if real is None else gan.D(real, microbatch.labels)
            partners = None if paired is None else paired.to(batch.real.dtype)
            loss = generator_loss(LOSSES[objective.loss], clipped(logits, objective), partners, microbatch.targets)
            add(loss.sum() / len(batch.real))
            found.append({"loss/g": loss.detach()})
    return _joined(found)


def _joined(microbatches: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The values of the whole batch."""
    return (
        microbatches[0]
        if len(microbatches) == 1
        else {name: torch.cat([one[name] for one in microbatches]) for name in microbatches[0]}
    )


def clipped(logits: Tensor, objective: Objective) -> Tensor:
    """The logits, clipped where the objective says so; see `clip_probability`."""
    return clip_probability(logits, objective.probability_clip) if objective.probability_clip else logits


@torch.no_grad()
def clip_weights(network: nn.Module, bound: float) -> None:
    """Bring every parameter into [-bound, bound]. Arjovsky et al. 2017, arXiv:1701.07875, algorithm 1."""
    parameters: list[Tensor] = [*network.parameters()]
    torch._foreach_clamp_min_(parameters, -bound)
    torch._foreach_clamp_max_(parameters, bound)
