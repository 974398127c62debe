"""The step that has just been taken, and its line in events.jsonl."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gansmith.augment.augmenter import overfitting
from gansmith.config import Schedule, value_at
from gansmith.engine import Engine
from gansmith.errors import UsageError
from gansmith.generation.generator import CHUNK, Draws
from gansmith.objectives.adversarial import LOSSES, margins
from gansmith.runs.reporter import Progress, Reporter
from gansmith.runs.run import Run
from gansmith.schema import Recipe
from gansmith.training.state import GAN, generator_of
from gansmith.training.validation import VALIDATION_LOGITS


@dataclass(frozen=True, slots=True, repr=False)
class TrainingStep:
    """A training step that has just been taken."""

    _gan: GAN
    _recipe: Recipe
    _engine: Engine
    run: Run
    values: Mapping[str, Tensor]
    """Per-sample values [N] of the step by name, such as "loss/d" and "logits/real"."""
    seen: int
    """Real images shown to D so far."""

    @property
    def step(self) -> int:
        """Number of steps so far, this one included."""
        return self.seen // self._recipe.batch_size

    @property
    def losses(self) -> dict[str, float]:
        """Batch means by name: "loss/d", "loss/g", and "penalty" in a step that has one."""
        return {name: value.mean().item() for name, value in self.values.items() if not name.startswith("logits/")}

    def sample(self, num: int = CHUNK, seed: int = 0) -> np.ndarray:
        """`num` images of the generator after this step, uint8 (num, H, W, C), with the latents of `Generator.sample`.

        Images of a conditional generator have all classes in turn. Raises UsageError once the next step is taken.
        """
        if self._gan.seen != self.seen:
            raise UsageError(f"step {self.step:,} is over and its weights are gone; sample before the next step.")
        classes = self._recipe.data.num_classes
        labels = torch.arange(num) % classes if classes else None
        generator = generator_of(self._gan, self._recipe, self._engine)
        return np.concatenate([*generator.sample_chunks(num, Draws(seed=seed), labels)])

    def __repr__(self) -> str:
        losses = ", ".join(f"{name} {value:.3f}" for name, value in self.losses.items())
        return f"TrainingStep(step {self.step:,}, {self.seen:,} images: {losses})"


class StepLog:
    """Writes steps to events.jsonl and shows them. It times the run from its creation on, after earlier sessions."""

    def __init__(self, recipe: Recipe, run: Run, reporter: Reporter, resumed_at: int):
        self.recipe, self.run, self.reporter = recipe, run, reporter
        self._resumed_at, self._began, self._seconds_before = resumed_at, time.monotonic(), run.seconds_spent()

    def write(self, gan: GAN, values: Mapping[str, Tensor]) -> None:
        """Write the batch means of the values of the last step. They do not depend on how often steps are logged."""
        recipe, step, seconds = self.recipe, gan.seen // self.recipe.batch_size, time.monotonic() - self._began
        rate, means = (gan.seen - self._resumed_at) / seconds, _means(gan, recipe, values)
        clock = {"seconds": round(self._seconds_before + seconds, 3), "images_per_second": round(rate, 1)}
        self.run.append_event({"step": step, "seen": gan.seen, **means, "time": clock})
        self.reporter.progress(
            Progress(
                step=step,
                steps=recipe.steps,
                seen=gan.seen,
                loss_d=means["loss/d"],
                loss_g=means["loss/g"],
                accuracy_real=means["accuracy/real"],
                accuracy_fake=means["accuracy/fake"],
                images_per_second=rate,
                seconds_left=(recipe.steps - step) * recipe.batch_size / rate,
            )
        )


def _means(gan: GAN, recipe: Recipe, values: Mapping[str, Tensor]) -> dict[str, float]:
    """The batch means of a step's values, D's accuracies, and whatever the recipe schedules or adapts."""
    means = {name: value.mean().item() for name, value in values.items()}
    objective, real, fake = recipe.objective, values["logits/real"], values["logits/fake"]
    right = margins(LOSSES[objective.loss], real, fake, objective.targets)
    means["accuracy/real"] = (right["real"] > 0).float().mean().item()
    means["accuracy/fake"] = (right["fake"] >= 0).float().mean().item()
    if gan.augment is not None:
        means["augment/probability"] = gan.augment.probability_at(gan.seen)
    if VALIDATION_LOGITS in values:
        means["augment/overfitting"] = overfitting(real, values[VALIDATION_LOGITS], fake)
    rates = {"lr/d": gan.optimizer_d.settings.lr, "lr/g": gan.optimizer_g.settings.lr}
    return means | {name: value_at(lr, gan.seen) for name, lr in rates.items() if isinstance(lr, Schedule)}
