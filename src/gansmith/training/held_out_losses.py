"""The losses that some articles print: in inference mode, on a few images that were kept out of the training."""

from dataclasses import replace

import torch
from torch import Tensor

from gansmith.data.store import Dataset
from gansmith.engine import Engine
from gansmith.nn.modes import eval_mode
from gansmith.objectives.adversarial import LOSSES, Targets, discriminator_loss, generator_loss
from gansmith.pixels import to_model
from gansmith.rng import latents, stream
from gansmith.runs.run import Run
from gansmith.schema import Objective, Recipe
from gansmith.training.state import GAN
from gansmith.training.steps import clipped


def write_validation_losses(gan: GAN, recipe: Recipe, validation: Dataset, engine: Engine, run: Run) -> None:
    """Write the losses on some of the images held out, and on fresh ones of G, to metrics.jsonl."""
    num = min(recipe.validation_losses.images, len(validation))
    chosen = torch.randperm(len(validation), generator=stream(recipe.seed, "held-out-losses/real", gan.seen))[:num]
    z = latents(
        recipe.latents.distribution, num, recipe.latents.size, stream(recipe.seed, "held-out-losses/latents", gan.seen)
    )
    real = to_model(validation.batch(chosen).to(engine.device), recipe.data.pixel_range)
    labels = validation.labels_at(chosen)
    labels = None if labels is None else labels.to(engine.device)
    losses = validation_losses(gan, real, z.to(engine.device), recipe.objective, engine, labels)
    means = {name: value.mean().item() for name, value in losses.items()}
    run.append_metric({"step": gan.seen // recipe.batch_size, "seen": gan.seen, "images": num, **means})


@torch.no_grad()
def validation_losses(
    gan: GAN, real: Tensor, z: Tensor, objective: Objective, engine: Engine, labels: Tensor | None = None
) -> dict[str, Tensor]:
    """Per-sample losses [N] in inference mode, against the plain targets 1 and 0: "held_out/d", "held_out/g".

    D's is the sum of its losses on `real` [N, C, H, W] and on the images of `z` [N, latents], G's is of the latter.
    `labels` int64 [N] are the classes of both, where there are any.
    """
    with eval_mode(gan.G, gan.D), engine.autocast():
        real_logits, fake_logits = (gan.D(images, labels).to(real.dtype) for images in (real, gan.G(z, labels)))
    loss, plain = replace(LOSSES[objective.loss], averages_halves=False), Targets()
    real_logits, fake_logits = clipped(real_logits, objective), clipped(fake_logits, objective)
    return {
        "held_out/d": discriminator_loss(loss, {"real": real_logits, "fake": fake_logits}, plain),
        "held_out/g": generator_loss(loss, fake_logits, real_logits if objective.in_pairs else None, plain),
    }
