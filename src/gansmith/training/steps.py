"""The two halves of an iteration. They draw nothing themselves: everything random is given.

Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1, with one D update an iteration, or one on each kind of picture.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.nn.dropout import drawing_from
from gansmith.nn.modes import frozen, inference_mode
from gansmith.objectives.adversarial import LOSSES, Targets, clip_probability
from gansmith.schema import Objective
from gansmith.training.engine import Engine
from gansmith.training.given import Given
from gansmith.training.state import GAN


@dataclass(frozen=True, slots=True)
class _Half:
    """Pictures of one kind, and D's loss of its logits of them."""

    kind: str
    images: Tensor
    loss: Callable[[Tensor, Targets], Tensor]


def discriminator_step(gan: GAN, given: Given, objective: Objective, engine: Engine) -> dict[str, Tensor]:
    """Move D towards telling the real pictures from those that G makes: in one update, or in one for each kind.

    G is in inference mode, as every classic system's `predict` is. Returns per-sample values [N]: "loss/d",
    "logits/real", "logits/fake".
    """
    with torch.no_grad(), inference_mode(gan.G), engine.autocast():
        fake = gan.G(given.z_d)
    loss = LOSSES[objective.loss]
    halves = [_Half("real", given.real, loss.real), _Half("fake", fake, loss.fake)]
    if objective.fakes_first:
        halves.reverse()
    batches = [halves] if objective.discriminator_batch == "mixed" else [[half] for half in halves]
    values = {"loss/d": torch.zeros_like(given.z_d[:, 0])}
    for number, batch in enumerate(batches):
        with drawing_from(given.dropout_d, gan.D), engine.autocast():
            logits = gan.D(torch.cat([half.images for half in batch])).to(given.real.dtype).chunk(len(batch))
        parts = [half.loss(clipped(x, objective), given.targets) for half, x in zip(batch, logits, strict=True)]
        total = torch.stack(parts).mean(0) if loss.averages_halves else torch.stack(parts).sum(0)
        gan.update_d.descend(total.mean(), given.iteration * len(batches) + number)
        values["loss/d"] += total.detach()
        values |= {f"logits/{half.kind}": x.detach() for half, x in zip(batch, logits, strict=True)}
    return values


def generator_step(gan: GAN, given: Given, objective: Objective, engine: Engine) -> dict[str, Tensor]:
    """Move G, and D too if the objective says so, towards pictures that D takes for real.

    Both networks are in training mode. Returns per-sample values [N]: "loss/g".
    """
    held = nullcontext() if objective.generator_step_trains_discriminator else frozen(gan.D)
    with held:
        with drawing_from(given.dropout_g, gan.G, gan.D), engine.autocast():
            logits = gan.D(gan.G(given.z_g)).to(given.real.dtype)
        loss = LOSSES[objective.loss].generator(clipped(logits, objective), given.targets)
        gan.update_g.descend(loss.mean(), given.iteration)
    return {"loss/g": loss.detach()}


def clipped(logits: Tensor, objective: Objective) -> Tensor:
    """The logits, clipped where the objective says so; see `clip_probability`."""
    return clip_probability(logits, objective.probability_clip) if objective.probability_clip else logits
