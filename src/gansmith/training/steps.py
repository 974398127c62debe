"""The two halves of an iteration. They draw nothing themselves: everything random is given.

Where there are classes, a generated picture is of the class of the real one at its place of the batch, in both steps.

Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1, with one D update an iteration, or one on each kind of picture.
"""

from contextlib import nullcontext
from dataclasses import replace

import torch
from torch import Tensor, nn

from gansmith.config import value_at
from gansmith.engine import Engine
from gansmith.nn.dropout import drawing_from
from gansmith.nn.modes import frozen, inference_mode
from gansmith.nn.spectral import iterate_power
from gansmith.objectives.adversarial import LOSSES, clip_probability, discriminator_loss, generator_loss
from gansmith.objectives.penalties import PENALTIES, penalty_of
from gansmith.objectives.settings import Objective
from gansmith.training.batch import NOT_TRAINED_ON, Given, KeptOut
from gansmith.training.overfitting import HELD_OUT
from gansmith.training.state import GAN

Kinds = dict[str, Tensor]
"""Pictures [N, C, H, W] by their kind, "real" or "fake"."""


def discriminator_step(gan: GAN, given: Given, objective: Objective, engine: Engine) -> dict[str, Tensor]:
    """Move D towards telling the real pictures from those that G makes: in one update, or in one for each kind.

    G is in inference mode, as every classic system's `predict` is, unless both steps take the same pictures, see
    `shared_pictures`. Returns per-sample values [N]: "loss/d",
    "logits/real", "logits/fake", and "penalty" and "logits/held-out" in an iteration that has them.
    """
    iterate_power(gan.D)
    pieces = [(piece, _pictures(gan, piece, engine)) for piece in given.pieces()]
    order = ("fake", "real") if objective.fakes_first else ("real", "fake")
    updates = [order] if objective.discriminator_batch == "mixed" else [(kind,) for kind in order]
    gamma, values = value_at(objective.gamma, gan.seen), {"loss/d": torch.zeros_like(given.z_d[:, 0])}
    for number, kinds in enumerate(updates):
        found = []
        with gan.update_d.descending(given.iteration * len(updates) + number, gan.seen) as add:
            for piece, pictures in pieces:
                of_batch = {kind: pictures[kind] for kind in kinds}
                loss, logits = _discriminate(gan, piece, of_batch, objective, engine)
                add(loss.sum() / len(given.real))
                found.append({"loss/d": loss.detach(), **logits})
                if piece.kept_out is not None and "real" in kinds:
                    found[-1][HELD_OUT] = _asked_of(gan, piece, piece.kept_out, engine)
                if piece.penalty is not None:
                    penalty = gamma * _penalty(gan, piece, piece.penalty, pictures, objective)
                    add(objective.penalty_every * penalty.sum() / len(given.real))
                    found[-1]["penalty"] = penalty.detach()
        if objective.weight_clip:
            clip_weights(gan.D, objective.weight_clip)
        joined = _joined(found)
        values |= joined | {"loss/d": values["loss/d"] + joined["loss/d"]}
    return values


def shared_pictures(gan: GAN, given: Given, engine: Engine) -> Given:
    """What is given, with pictures of G for both steps: in training mode, with the graph that G's step goes back by."""
    iterate_power(gan.G)
    with drawing_from(given.dropout_g, gan.G), engine.autocast():
        return replace(given, fake=gan.G(given.z_d, given.labels))


def _pictures(gan: GAN, given: Given, engine: Engine) -> Kinds:
    """The real pictures, and fresh ones of G if there are none yet."""
    if given.fake is not None:
        return {"real": given.real, "fake": given.fake.detach()}
    with torch.no_grad(), inference_mode(gan.G), engine.autocast():
        return {"real": given.real, "fake": gan.G(given.z_d, given.labels)}


def _discriminate(
    gan: GAN, given: Given, pictures: Kinds, objective: Objective, engine: Engine
) -> tuple[Tensor, dict[str, Tensor]]:
    """D's loss of a batch of these pictures, per sample [N], and its logits of each kind by name."""
    labels = None if given.labels is None else given.labels.repeat(len(pictures))
    with drawing_from(given.dropout_d, gan.D), engine.autocast():
        seen = torch.cat([_augmented(gan, given, f"d/{kind}", part) for kind, part in pictures.items()])
        parts = gan.D(seen, labels).to(given.real.dtype).chunk(len(pictures))
    logits = dict(zip(pictures, parts, strict=True))
    asked = {kind: clipped(part, objective) for kind, part in logits.items()}
    loss = discriminator_loss(LOSSES[objective.loss], asked, given.targets)
    return loss, {f"logits/{kind}": part.detach() for kind, part in logits.items()}


@torch.no_grad()
def _asked_of(gan: GAN, given: Given, kept_out: KeptOut, engine: Engine) -> Tensor:
    """D's logits [N] of pictures kept out, asked as it is of the real ones; nothing is learned from them."""
    with drawing_from(kept_out.dropout, gan.D), engine.autocast():
        seen = _augmented(gan, given, NOT_TRAINED_ON, kept_out.pictures)
        return gan.D(seen, kept_out.labels).to(given.real.dtype)


def _penalty(gan: GAN, given: Given, uniform: Tensor, pictures: Kinds, objective: Objective) -> Tensor:
    """The penalty per sample [N], before its weight, on the slopes of what D says of pictures not yet augmented."""

    def critic(x: Tensor, kind: str) -> Tensor:
        return gan.D(_augmented(gan, given, f"d/{kind}", x), given.labels)

    with drawing_from(given.dropout_d, gan.D):
        return penalty_of(PENALTIES[objective.penalty], critic, pictures["real"], pictures["fake"], uniform)


def _augmented(gan: GAN, given: Given, name: str, images: Tensor) -> Tensor:
    """The pictures [N, C, H, W] as D gets to see them."""
    return images if gan.augment is None else gan.augment(images.to(given.real.dtype), given.augment[name], gan.seen)


def generator_step(gan: GAN, given: Given, objective: Objective, engine: Engine) -> dict[str, Tensor]:
    """Move G, and D too if the objective says so, towards pictures that D takes for real.

    Both networks are in training mode. Returns per-sample values [N]: "loss/g".
    """
    if given.fake is None:
        iterate_power(gan.G)
    found = []
    held = nullcontext() if objective.generator_step_trains_discriminator else frozen(gan.D)
    with held, gan.update_g.descending(given.iteration, gan.seen) as add:
        for piece in given.pieces():
            with drawing_from(given.dropout_g, gan.G, gan.D), engine.autocast():
                made = gan.G(piece.z_g, piece.labels) if piece.fake is None else piece.fake
                logits = gan.D(_augmented(gan, piece, "g/fake", made), piece.labels).to(given.real.dtype)
                real = _augmented(gan, piece, "g/real", piece.real) if objective.in_pairs else None
                paired = None if real is None else gan.D(real, piece.labels)
            partners = None if paired is None else paired.to(given.real.dtype)
            loss = generator_loss(LOSSES[objective.loss], clipped(logits, objective), partners, piece.targets)
            add(loss.sum() / len(given.real))
            found.append({"loss/g": loss.detach()})
    return _joined(found)


def _joined(pieces: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The values of the whole batch."""
    return pieces[0] if len(pieces) == 1 else {name: torch.cat([one[name] for one in pieces]) for name in pieces[0]}


def clipped(logits: Tensor, objective: Objective) -> Tensor:
    """The logits, clipped where the objective says so; see `clip_probability`."""
    return clip_probability(logits, objective.probability_clip) if objective.probability_clip else logits


@torch.no_grad()
def clip_weights(network: nn.Module, bound: float) -> None:
    """Bring every parameter into [-bound, bound]. Arjovsky et al. 2017, arXiv:1701.07875, algorithm 1."""
    parameters: list[Tensor] = [*network.parameters()]
    torch._foreach_clamp_min_(parameters, -bound)
    torch._foreach_clamp_max_(parameters, bound)
