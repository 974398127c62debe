"""Everything random in a training step, drawn in one place from the recipe's seed and the clock.

Latents, label noise, points of a gradient penalty, augmentation, and the generators of the dropout masks; the order of
the images comes from `data/sampler.py`. Every draw is `stream(seed, name, seen)`, so any step can be repeated.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

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
from gansmith.training.validation import ValidationPixels, needs_validation_batch

AUGMENTED = ("d/real", "d/fake", "g/fake")
"""Images that D sees in a step, by network and kind; each kind has its own augmentation draws."""
AUGMENTED_PAIRS = ("g/real",)
"""Further images that D sees in G's step when the loss compares pairs."""
AUGMENTED_VALIDATION = "d/held-out"
"""Validation images that D sees in a step that measures its overfitting."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ValidationBatch:
    """Validation images for D, which does not learn from them."""

    images: Tensor
    """[N, C, H, W] in model range."""
    labels: Tensor | None
    """int64 [N], for conditional networks."""
    dropout: torch.Generator


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Everything that one training step is given: images, every random number, and the number of steps before it."""

    real: Tensor
    """[N, C, H, W] in model range."""
    labels: Tensor | None = None
    """Classes int64 [N] of the real images, and of the fake images in the same rows; None without classes."""
    z_d: Tensor
    """Latents [N, latents] of the fake images in D's step."""
    z_g: Tensor
    """Latents [N, latents] of the fake images in G's step."""
    targets: Targets
    dropout_d: torch.Generator
    dropout_g: torch.Generator
    iteration: int
    """Number of steps before this one."""
    penalty_draws: Tensor | None = None
    """U(0, 1) numbers for the points of the gradient penalty; None in a step without a penalty."""
    augment_draws: dict[str, Tensor] = field(default_factory=dict)
    """U(0, 1) numbers [N, draws] of the augmentation for each kind of images, see `AUGMENTED`."""
    validation: ValidationBatch | None = None
    """Validation images in a step that measures D's overfitting; None in other steps."""
    fake: Tensor | None = None
    """Fake images [N, C, H, W] with their graph when both steps share them; None when each step makes its own."""
    num_microbatches: int = 1
    """Number of microbatches that go through the networks one after the other, to save memory."""

    def microbatches(self) -> Iterator["Batch"]:
        """Consecutive rows of the batch, for gradient accumulation; all microbatches share the dropout generators."""
        if self.num_microbatches == 1:
            yield self
            return
        size = -(-len(self.real) // self.num_microbatches)
        for start in range(0, len(self.real), size):
            yield replace(_rows_of(self, slice(start, start + size)), num_microbatches=1)


def make_batch(
    recipe: Recipe,
    seen: int,
    pixels: Tensor,
    engine: Engine,
    labels: Tensor | None = None,
    validation: ValidationPixels | None = None,
) -> Batch:
    """The batch of the step at the clock `seen`: real images `pixels`, uint8 [N, C, H, W], and all random numbers.

    `labels`, int64 [N], are the classes of a conditional recipe. Raises ValueError unless `validation` is given exactly
    in the steps that `needs_validation_batch` names.
    """
    objective = recipe.objective
    if (validation is not None) != needs_validation_batch(recipe, seen):
        raise ValueError("validation images belong to every step that `needs_validation_batch` names, and to no other.")

    def draw_latents(name: str) -> Tensor:
        generator = stream(recipe.seed, name, seen)
        return latents(recipe.latents.distribution, recipe.batch_size, recipe.latents.size, generator).to(engine.device)

    def draw_target(name: str, target: float) -> float | Tensor:
        if not objective.label_noise:
            return target
        noise = torch.rand(recipe.batch_size, generator=stream(recipe.seed, name, seen))
        return (target + objective.label_noise * noise).to(engine.device)

    def draw_uniform(name: str, shape: tuple[int, ...]) -> Tensor:
        return torch.rand(shape, generator=stream(recipe.seed, name, seen)).to(engine.device)

    real, iteration = to_model(pixels.to(engine.device), recipe.data.pixel_range), seen // recipe.batch_size
    augmented: tuple[str, ...] = ()
    if recipe.augment.operations:
        augmented = (*AUGMENTED, *AUGMENTED_PAIRS) if objective.in_pairs else AUGMENTED
        augmented = augmented if validation is None else (*augmented, AUGMENTED_VALIDATION)
    num_draws, penalty = draws(recipe.augment), None
    if value_at(objective.gamma, seen) > 0 and iteration % objective.penalty_every == 0:
        penalty = draw_uniform("penalty", uniform_shape(PENALTIES[objective.penalty], real))
    validation_batch = None
    if validation is not None:
        validation_batch = ValidationBatch(
            images=to_model(validation.pixels.to(engine.device), recipe.data.pixel_range),
            labels=None if validation.labels is None else validation.labels.to(engine.device),
            dropout=stream(recipe.seed, "dropout/held-out", seen, engine.device),
        )
    return Batch(
        real=real,
        labels=None if labels is None else labels.to(engine.device),
        z_d=draw_latents("latents/d"),
        z_g=draw_latents("latents/d" if objective.generator_reuses_latents else "latents/g"),
        targets=Targets(
            real=draw_target("labels/real", objective.real_target),
            fake=draw_target("labels/fake", objective.fake_target),
            generator=objective.generator_target,
        ),
        dropout_d=stream(recipe.seed, "dropout/d", seen, engine.device),
        dropout_g=stream(recipe.seed, "dropout/g", seen, engine.device),
        iteration=iteration,
        penalty_draws=penalty,
        augment_draws={name: draw_uniform(f"augment/{name}", (recipe.batch_size, num_draws)) for name in augmented},
        validation=validation_batch,
        num_microbatches=recipe.microbatches,
    )


def _rows_of(values: Any, rows: slice) -> Any:
    """Dataclass `values` with these rows of each tensor in it, and in the dataclasses and dicts that it holds."""

    def part(value: Any) -> Any:
        if isinstance(value, Tensor):
            return value[rows]
        if isinstance(value, dict):
            return {key: part(one) for key, one in value.items()}
        return _rows_of(value, rows) if is_dataclass(value) else value

    return replace(values, **{each.name: part(getattr(values, each.name)) for each in fields(values)})
