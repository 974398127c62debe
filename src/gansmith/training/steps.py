"""The two halves of an iteration. They draw nothing themselves: everything random is given.

Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1, with one D update an iteration.
"""

from contextlib import nullcontext

import torch
from torch import Tensor

from gansmith.nn.dropout import drawing_from
from gansmith.nn.modes import frozen, inference_mode
from gansmith.objectives.adversarial import LOSSES, clip_probability
from gansmith.schema import Objective
from gansmith.training.engine import Engine
from gansmith.training.state import GAN


def discriminator_step(
    gan: GAN, real: Tensor, z: Tensor, objective: Objective, engine: Engine, dropout: torch.Generator, updates_done: int
) -> dict[str, Tensor]:
    """Move D towards telling `real` [N, C, H, W], in model range, from the pictures G makes of `z` [N, latents].

    G is in inference mode, as every classic system's `predict` is; D sees one batch of 2 N. Returns per-sample values
    [N]: "loss/d", "logits/real", "logits/fake".
    """
    with torch.no_grad(), inference_mode(gan.G), engine.autocast():
        fake = gan.G(z)
    with drawing_from(dropout, gan.D), engine.autocast():
        halves = (fake, real) if objective.fakes_first else (real, fake)
        logits = gan.D(torch.cat(halves)).to(real.dtype)
    first, second = logits.chunk(2)
    real_logits, fake_logits = (second, first) if objective.fakes_first else (first, second)
    loss = LOSSES[objective.loss].d(
        _clipped(real_logits, objective), _clipped(fake_logits, objective), objective.targets
    )
    gan.update_d.descend(loss.mean(), updates_done)
    return {"loss/d": loss.detach(), "logits/real": real_logits.detach(), "logits/fake": fake_logits.detach()}


def generator_step(
    gan: GAN, z: Tensor, objective: Objective, engine: Engine, dropout: torch.Generator, updates_done: int
) -> dict[str, Tensor]:
    """Move G, and D too if the objective says so, towards pictures of `z` [N, latents] that D takes for real.

    Both networks are in training mode. Returns per-sample values [N]: "loss/g".
    """
    held = nullcontext() if objective.generator_step_trains_discriminator else frozen(gan.D)
    with held:
        with drawing_from(dropout, gan.G, gan.D), engine.autocast():
            logits = gan.D(gan.G(z)).to(z.dtype)
        loss = LOSSES[objective.loss].g(_clipped(logits, objective), objective.targets)
        gan.update_g.descend(loss.mean(), updates_done)
    return {"loss/g": loss.detach()}


def _clipped(logits: Tensor, objective: Objective) -> Tensor:
    return clip_probability(logits, objective.probability_clip) if objective.probability_clip else logits
