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
from gansmith.training.overfitting import ValidationPixels, needs_validation_batch

SEEN_BY_D = ("d/real", "d/fake", "g/fake")
"""The images of each step by kind."""
PARTNERS = ("g/real",)
"""Those that G's step has besides where D is asked of pairs."""
NOT_TRAINED_ON = "d/held-out"
"""Those that D's step has besides where D is asked of images kept out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ValidationBatch:
    """Images that D is asked of and does not learn from."""

    images: Tensor
    """[N, C, H, W] in model range."""
    labels: Tensor | None
    """Their classes, int64 [N], where there are any."""
    dropout: torch.Generator

    def only(self, microbatch: slice) -> "ValidationBatch":
        """A part of them, with the generator, which goes on from part to part."""
        return replace(
            self, images=self.images[microbatch], labels=None if self.labels is None else self.labels[microbatch]
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """All that an iteration is given: the images, every random number, and how many iterations came before."""

    real: Tensor
    """[N, C, H, W] in model range."""
    labels: Tensor | None = None
    """Classes of the real images, int64 [N], and of the generated ones at the same places; None without classes."""
    z_d: Tensor
    """Latents [N, latents] of the images that D sees in its own step."""
    z_g: Tensor
    """Latents [N, latents] of the generator step."""
    targets: Targets
    dropout_d: torch.Generator
    dropout_g: torch.Generator
    iteration: int
    penalty: Tensor | None = None
    """Numbers of U(0, 1) for the penalty's images; None in an iteration without a penalty."""
    augment: dict[str, Tensor] = field(default_factory=dict)
    """Numbers of U(0, 1) [N, draws] for the augmentation by what they are for, see `SEEN_BY_D`."""
    validation: ValidationBatch | None = None
    """Images kept out of the training, in an iteration that asks D of them; None in the others."""
    fake: Tensor | None = None
    """G's images [N, C, H, W] with their graph, where both steps take the same; None where each makes its own."""
    num_microbatches: int = 1
    """How many parts go through the networks one after the other, for want of memory."""

    def microbatches(self) -> Iterator["Batch"]:
        """The parts, each with its share of everything but the generators, which go on from part to part."""
        if self.num_microbatches == 1:
            yield self
            return
        size = -(-len(self.real) // self.num_microbatches)
        for start in range(0, len(self.real), size):
            microbatch = slice(start, start + size)
            targets = {
                one.name: value[microbatch] if isinstance(value := getattr(self.targets, one.name), Tensor) else value
                for one in fields(Targets)
            }
            yield replace(
                self,
                real=self.real[microbatch],
                labels=None if self.labels is None else self.labels[microbatch],
                z_d=self.z_d[microbatch],
                z_g=self.z_g[microbatch],
                targets=Targets(**targets),
                penalty=None if self.penalty is None else self.penalty[microbatch],
                augment={name: numbers[microbatch] for name, numbers in self.augment.items()},
                validation=None if self.validation is None else self.validation.only(microbatch),
                num_microbatches=1,
            )


def make_batch(
    recipe: Recipe,
    seen: int,
    pixels: Tensor,
    engine: Engine,
    labels: Tensor | None = None,
    validation: ValidationPixels | None = None,
) -> Batch:
    """What the iteration at this clock is given: `pixels`, uint8 [N, C, H, W], and its random numbers.

    `labels` are the images' classes, int64 [N], where the recipe has any; `validation` are images kept out, where the
    iteration asks D of them, see `needs_validation_batch`.
    """
    rules = recipe.objective
    if (validation is not None) != needs_validation_batch(recipe, seen):
        raise ValueError(
            "images kept out are for the iterations that `needs_validation_batch` names, and for each of them."
        )

    def z(name: str) -> Tensor:
        generator = stream(recipe.seed, name, seen)
        return latents(recipe.latents.distribution, recipe.batch_size, recipe.latents.size, generator).to(engine.device)

    def noisy(name: str, target: float) -> float | Tensor:
        if not rules.label_noise:
            return target
        noise = torch.rand(recipe.batch_size, generator=stream(recipe.seed, name, seen))
        return (target + rules.label_noise * noise).to(engine.device)

    def uniform(name: str, shape: tuple[int, ...]) -> Tensor:
        return torch.rand(shape, generator=stream(recipe.seed, name, seen)).to(engine.device)

    real, iteration = to_model(pixels.to(engine.device), recipe.data.pixel_range), seen // recipe.batch_size
    penalised = value_at(rules.gamma, seen) > 0 and iteration % rules.penalty_every == 0
    seen_by_d = (*SEEN_BY_D, *PARTNERS) if rules.in_pairs else SEEN_BY_D
    seen_by_d = seen_by_d if validation is None else (*seen_by_d, NOT_TRAINED_ON)
    augmented = seen_by_d if recipe.augment.operations else ()
    return Batch(
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
        augment={name: uniform(f"augment/{name}", (recipe.batch_size, draws(recipe.augment))) for name in augmented},
        validation=None if validation is None else _validation_batch(recipe, seen, validation, engine),
        num_microbatches=recipe.microbatches,
    )


def _validation_batch(recipe: Recipe, seen: int, validation: ValidationPixels, engine: Engine) -> ValidationBatch:
    return ValidationBatch(
        images=to_model(validation.pixels.to(engine.device), recipe.data.pixel_range),
        labels=None if validation.labels is None else validation.labels.to(engine.device),
        dropout=stream(recipe.seed, "dropout/held-out", seen, engine.device),
    )
