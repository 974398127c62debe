"""What an iteration is given, and the one place that draws it: from the recipe's seed and the clock."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace

import torch
from torch import Tensor

from gansmith.augment.augmenter import draws
from gansmith.config import value_at
from gansmith.engine import Engine
from gansmith.objectives.adversarial import Targets
from gansmith.objectives.penalties import PENALTIES, uniform_shape
from gansmith.pixels import to_model
from gansmith.rng import latents, stream
from gansmith.schema import Recipe
from gansmith.training.overfitting import HeldOut, asks_held_out

SEEN_BY_D = ("d/real", "d/fake", "g/fake")
"""The pictures of each step by kind."""
PARTNERS = ("g/real",)
"""Those that G's step has besides where D is asked of pairs."""
NOT_TRAINED_ON = "d/held-out"
"""Those that D's step has besides where D is asked of pictures kept out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptOut:
    """Pictures that D is asked of and does not learn from."""

    pictures: Tensor
    """[N, C, H, W] in model range."""
    labels: Tensor | None
    """Their classes, int64 [N], where there are any."""
    dropout: torch.Generator

    def only(self, piece: slice) -> "KeptOut":
        """A part of them, with the generator, which goes on from part to part."""
        return replace(self, pictures=self.pictures[piece], labels=None if self.labels is None else self.labels[piece])


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """All that an iteration is given: the pictures, every random number, and how many iterations came before."""

    real: Tensor
    """[N, C, H, W] in model range."""
    labels: Tensor | None = None
    """Classes of the real pictures, int64 [N], and of the generated ones at the same places; None without classes."""
    z_d: Tensor
    """Latents [N, latents] of the pictures that D sees in its own step."""
    z_g: Tensor
    """Latents [N, latents] of the generator step."""
    targets: Targets
    dropout_d: torch.Generator
    dropout_g: torch.Generator
    iteration: int
    penalty: Tensor | None = None
    """Numbers of U(0, 1) for the penalty's pictures; None in an iteration without a penalty."""
    augment: dict[str, Tensor] = field(default_factory=dict)
    """Numbers of U(0, 1) [N, draws] for the augmentation by what they are for, see `SEEN_BY_D`."""
    kept_out: KeptOut | None = None
    """Pictures kept out of the training, in an iteration that asks D of them; None in the others."""
    fake: Tensor | None = None
    """G's pictures [N, C, H, W] with their graph, where both steps take the same; None where each makes its own."""
    parts: int = 1
    """How many parts go through the networks one after the other, for want of memory."""

    def pieces(self) -> Iterator["Given"]:
        """The parts, each with its share of everything but the generators, which go on from part to part."""
        if self.parts == 1:
            yield self
            return
        size = -(-len(self.real) // self.parts)
        for start in range(0, len(self.real), size):
            piece = slice(start, start + size)
            targets = {
                one.name: value[piece] if isinstance(value := getattr(self.targets, one.name), Tensor) else value
                for one in fields(Targets)
            }
            yield replace(
                self,
                real=self.real[piece],
                labels=None if self.labels is None else self.labels[piece],
                z_d=self.z_d[piece],
                z_g=self.z_g[piece],
                targets=Targets(**targets),
                penalty=None if self.penalty is None else self.penalty[piece],
                augment={name: numbers[piece] for name, numbers in self.augment.items()},
                kept_out=None if self.kept_out is None else self.kept_out.only(piece),
                parts=1,
            )


def draw(
    recipe: Recipe,
    seen: int,
    pixels: Tensor,
    engine: Engine,
    labels: Tensor | None = None,
    held_out: HeldOut | None = None,
) -> Given:
    """What the iteration at this clock is given: `pixels`, uint8 [N, C, H, W], and its random numbers.

    `labels` are the pictures' classes, int64 [N], where the recipe has any; `held_out` are pictures kept out, where the
    iteration asks D of them, see `asks_held_out`.
    """
    rules = recipe.objective
    if (held_out is not None) != asks_held_out(recipe, seen):
        raise ValueError("pictures kept out are for the iterations that `asks_held_out` names, and for each of them.")

    def z(name: str) -> Tensor:
        generator = stream(recipe.seed, name, seen)
        return latents(recipe.latents.law, recipe.batch, recipe.latents.size, generator).to(engine.device)

    def noisy(name: str, target: float) -> float | Tensor:
        if not rules.label_noise:
            return target
        noise = torch.rand(recipe.batch, generator=stream(recipe.seed, name, seen))
        return (target + rules.label_noise * noise).to(engine.device)

    def uniform(name: str, shape: tuple[int, ...]) -> Tensor:
        return torch.rand(shape, generator=stream(recipe.seed, name, seen)).to(engine.device)

    real, iteration = to_model(pixels.to(engine.device), recipe.data.pixel_range), seen // recipe.batch
    penalised = value_at(rules.gamma, seen) > 0 and iteration % rules.penalty_every == 0
    seen_by_d = (*SEEN_BY_D, *PARTNERS) if rules.in_pairs else SEEN_BY_D
    seen_by_d = seen_by_d if held_out is None else (*seen_by_d, NOT_TRAINED_ON)
    augmented = seen_by_d if recipe.augment.operations else ()
    return Given(
        real=real,
        labels=None if labels is None else labels.to(engine.device),
        z_d=z("latents/d"),
        z_g=z("latents/d" if rules.generator_reuses_latents else "latents/g"),
        targets=Targets(
            real=noisy("labels/real", rules.real_target),
            fake=noisy("labels/fake", rules.fake_target),
            generator=rules.generator_target,
        ),
        dropout_d=stream(recipe.seed, "dropout/d", seen, engine.device),
        dropout_g=stream(recipe.seed, "dropout/g", seen, engine.device),
        iteration=iteration,
        penalty=uniform("penalty", uniform_shape(PENALTIES[rules.penalty], real)) if penalised else None,
        augment={name: uniform(f"augment/{name}", (recipe.batch, draws(recipe.augment))) for name in augmented},
        kept_out=None if held_out is None else _kept_out(recipe, seen, held_out, engine),
        parts=recipe.parts,
    )


def _kept_out(recipe: Recipe, seen: int, held_out: HeldOut, engine: Engine) -> KeptOut:
    return KeptOut(
        pictures=to_model(held_out.pixels.to(engine.device), recipe.data.pixel_range),
        labels=None if held_out.labels is None else held_out.labels.to(engine.device),
        dropout=stream(recipe.seed, "dropout/held-out", seen, engine.device),
    )
