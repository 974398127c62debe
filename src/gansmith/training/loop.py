"""The training loop: do what is due, stop if done, step, advance."""

import time
from dataclasses import dataclass

from torch import Tensor

from gansmith.augment.augmenter import overfitting
from gansmith.checkpoints.save import save_checkpoint
from gansmith.config import Schedule, value_at
from gansmith.data.sampler import Sampler
from gansmith.data.store import Dataset
from gansmith.engine import Engine
from gansmith.generation.generator import save_sample_grid
from gansmith.nn.ema import ema_decay, ema_update
from gansmith.objectives.adversarial import LOSSES, margins
from gansmith.runs.control import SAMPLE, SAVE, STOP, Requests
from gansmith.runs.run import Run
from gansmith.schema import Recipe
from gansmith.training.batch import make_batch
from gansmith.training.evaluation import EvaluationResult, Evaluator, evaluate
from gansmith.training.finite import check_finite, checking_finite
from gansmith.training.held_out_losses import write_validation_losses
from gansmith.training.overfitting import VALIDATION_LOGITS, ValidationPixels, steer_augmentation, validation_batch
from gansmith.training.reporting import Progress, Reporter
from gansmith.training.state import GAN
from gansmith.training.steps import discriminator_step, generator_step, shared_images
from gansmith.viz.evolution import is_milestone


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run needs besides the state it updates."""

    recipe: Recipe
    dataset: Dataset
    for_losses: Dataset | None
    """Images for the recipe's validation losses, if it has them."""
    validation: Dataset | None
    """Images kept out for its evaluations, and for the signal of its augmentation."""
    evaluator: Evaluator | None
    """Who measures the run on its way, if its recipe asks for that."""
    engine: Engine
    run: Run
    reporter: Reporter


def train_loop(gan: GAN, setting: Setting, requests: Requests) -> None:
    """Train until the recipe's length or a plateau is reached or a stop is asked for; in any case the state is saved.

    Raises DivergedError when a number is not finite.
    """
    recipe, run = setting.recipe, setting.run
    sampler = make_sampler(recipe, setting.dataset)
    begin, began, spent = gan.seen, time.monotonic(), run.seconds_spent()
    values: dict[str, Tensor] = {}

    while True:
        step, asked = gan.seen // recipe.batch_size, requests.take()
        is_new = gan.seen > begin or begin == 0  # a continued run did this step's work before it stopped
        result = EvaluationResult()
        if is_new and step and setting.evaluator and due(gan.seen, recipe.batch_size, recipe.evaluate.every):
            result = evaluate(gan, setting.evaluator, setting.engine, run, setting.reporter)
        done = step >= recipe.steps or result.is_last
        leaving = done or STOP in asked
        if is_new and values and (done or due(gan.seen, recipe.batch_size, recipe.length.log_every)):
            seconds = time.monotonic() - began
            log(gan, setting, values, seconds=spent + seconds, rate=(gan.seen - begin) / seconds)
        if is_new and step and setting.for_losses and due(gan.seen, recipe.batch_size, recipe.validation_losses.every):
            write_validation_losses(gan, recipe, setting.for_losses, setting.engine, run)
        if SAMPLE in asked or (is_new and (done or draws_grid(recipe, gan.seen))):
            save_sample_grid(run, recipe, setting.engine, gan.shown, step)
        if is_new and (leaving or result.is_best or SAVE in asked or saves(recipe, gan.seen)):
            save_checkpoint(run, gan, recipe)
        if leaving:
            return

        chosen = sampler.indices(gan.seen)
        pixels, labels = setting.dataset.batch(chosen), setting.dataset.labels_at(chosen)
        validation = validation_batch(recipe, setting.validation, gan.seen)
        values = train_step(gan, pixels, recipe, setting.engine, labels, validation)


def train_step(
    gan: GAN,
    pixels: Tensor,
    recipe: Recipe,
    engine: Engine,
    labels: Tensor | None = None,
    validation: ValidationPixels | None = None,
) -> dict[str, Tensor]:
    """One iteration on `pixels`, uint8 [N, C, H, W]: D, then G, the average, the augmentation's chance, the clock.

    `labels`, int64 [N], are the classes, if any; `validation` is what the augmentation looks at. Returns the per-sample
    values of both steps. Raises DivergedError when a number is not finite.
    """
    batch = make_batch(recipe, gan.seen, pixels, engine, labels, validation)
    with checking_finite(gan, batch.iteration + 1):
        if recipe.objective.generator_reuses_images:
            batch = shared_images(gan, batch, engine)
        values = discriminator_step(gan, batch, recipe.objective, engine)
        values |= generator_step(gan, batch, recipe.objective, engine)
    if gan.G_ema is not None:
        half_life = value_at(recipe.ema_half_life, gan.seen)
        ema_update(gan.G_ema, gan.G, ema_decay(recipe.batch_size, half_life, gan.seen + recipe.batch_size))
    check_finite(gan, values, batch.iteration + 1)
    steer_augmentation(gan, values, recipe)
    gan.seen += recipe.batch_size
    return values


def make_sampler(recipe: Recipe, dataset: Dataset) -> Sampler:
    """The sampler that the recipe asks for, over these images."""
    data = recipe.data
    return Sampler(
        count=len(dataset), batch_size=recipe.batch_size, seed=recipe.seed, order=data.order, buffer=data.shuffle_buffer
    )


def log(gan: GAN, setting: Setting, values: dict[str, Tensor], seconds: float, rate: float) -> None:
    """Write the batch means of the step just done, and show them. They do not depend on the intervals."""
    recipe, step = setting.recipe, gan.seen // setting.recipe.batch_size
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
    means |= {name: value_at(lr, gan.seen) for name, lr in rates.items() if isinstance(lr, Schedule)}
    clock = {"seconds": round(seconds, 3), "images_per_second": round(rate, 1)}
    setting.run.append_event({"step": step, "seen": gan.seen, **means, "time": clock})
    shown = Progress(
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
    setting.reporter.progress(shown)


def draws_grid(recipe: Recipe, seen: int) -> bool:
    """Whether a run draws its grid at this moment, wherever it ends."""
    return is_milestone(seen // recipe.batch_size) or due(seen, recipe.batch_size, recipe.length.sample_every)


def saves(recipe: Recipe, seen: int) -> bool:
    """Whether a run saves its state at this moment, wherever it ends."""
    return seen > 0 and due(seen, recipe.batch_size, recipe.length.checkpoint_every)


def due(seen: int, batch_size: int, every: int) -> bool:
    """True when the last `batch` images crossed a multiple of `every`; batch need not divide it."""
    return seen // every != (seen - batch_size) // every
