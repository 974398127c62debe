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
    pieces = [(piece, _halves(gan, piece, objective, engine)) for piece in given.pieces()]
    batches = [slice(0, 2)] if objective.discriminator_batch == "mixed" else [slice(0, 1), slice(1, 2)]
    values = {"loss/d": torch.zeros_like(given.z_d[:, 0])}
    for number, batch in enumerate(batches):
        found = []
        with gan.update_d.descending(given.iteration * len(batches) + number) as add:
            for piece, halves in pieces:
                loss, logits = _discriminate(gan, piece, halves[batch], objective, engine)
                add(loss.sum() / len(given.real))
                found.append({"loss/d": loss.detach(), **logits})
        joined = _joined(found)
        values |= joined | {"loss/d": values["loss/d"] + joined["loss/d"]}
    return values


def _halves(gan: GAN, given: Given, objective: Objective, engine: Engine) -> list[_Half]:
    """The real pictures and fresh ones of G, in the order in which D sees them."""
    with torch.no_grad(), inference_mode(gan.G), engine.autocast():
        fake = gan.G(given.z_d)
    loss = LOSSES[objective.loss]
    halves = [_Half("real", given.real, loss.real), _Half("fake", fake, loss.fake)]
    return halves[::-1] if objective.fakes_first else halves


def _discriminate(
    gan: GAN, given: Given, halves: list[_Half], objective: Objective, engine: Engine
) -> tuple[Tensor, dict[str, Tensor]]:
    """D's loss of a batch of these halves, per sample [N], and its logits of each by name."""
    with drawing_from(given.dropout_d, gan.D), engine.autocast():
        logits = gan.D(torch.cat([half.images for half in halves])).to(given.real.dtype).chunk(len(halves))
    parts = [half.loss(clipped(x, objective), given.targets) for half, x in zip(halves, logits, strict=True)]
    total = torch.stack(parts).mean(0) if LOSSES[objective.loss].averages_halves else torch.stack(parts).sum(0)
    return total, {f"logits/{half.kind}": x.detach() for half, x in zip(halves, logits, strict=True)}


def generator_step(gan: GAN, given: Given, objective: Objective, engine: Engine) -> dict[str, Tensor]:
    """Move G, and D too if the objective says so, towards pictures that D takes for real.

    Both networks are in training mode. Returns per-sample values [N]: "loss/g".
    """
    found = []
    held = nullcontext() if objective.generator_step_trains_discriminator else frozen(gan.D)
    with held, gan.update_g.descending(given.iteration) as add:
        for piece in given.pieces():
            with drawing_from(given.dropout_g, gan.G, gan.D), engine.autocast():
                logits = gan.D(gan.G(piece.z_g)).to(given.real.dtype)
            loss = LOSSES[objective.loss].generator(clipped(logits, objective), piece.targets)
            add(loss.sum() / len(given.real))
            found.append({"loss/g": loss.detach()})
    return _joined(found)


def _joined(pieces: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The values of the whole batch."""
    return pieces[0] if len(pieces) == 1 else {name: torch.cat([one[name] for one in pieces]) for name in pieces[0]}


def clipped(logits: Tensor, objective: Objective) -> Tensor:
    """The logits, clipped where the objective says so; see `clip_probability`."""
    return clip_probability(logits, objective.probability_clip) if objective.probability_clip else logits
