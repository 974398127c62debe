"""The training loop: do what is due, stop if done, step, advance."""

import time
from dataclasses import dataclass

from torch import Tensor

from gansmith.augment.augmenter import overfitting
from gansmith.checkpoints.save import save_checkpoint
from gansmith.config import Schedule, value_at
from gansmith.data.sampler import Sampler
from gansmith.data.store import Pack
from gansmith.engine import Engine
from gansmith.generation.generator import save_sample_grid
from gansmith.nn.ema import ema_decay, ema_update
from gansmith.objectives.adversarial import LOSSES, margins
from gansmith.runs.control import SAMPLE, SAVE, STOP, Requests
from gansmith.runs.run import Run
from gansmith.schema import Recipe
from gansmith.training.batch import draw
from gansmith.training.evaluation import Judge, Verdict, evaluate
from gansmith.training.finite import check_step, watched
from gansmith.training.held_out_losses import write_held_out_losses
from gansmith.training.overfitting import HELD_OUT, HeldOut, held_out_batch, steer_augmentation
from gansmith.training.reporting import Progress, Reporter
from gansmith.training.state import GAN
from gansmith.training.steps import discriminator_step, generator_step, shared_pictures
from gansmith.viz.evolution import is_milestone


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run needs besides the state it updates."""

    recipe: Recipe
    pack: Pack
    held_out: Pack | None
    """Pictures for the recipe's held-out losses, if it has them."""
    validation: Pack | None
    """Pictures kept out for its evaluations, and for the signal of its augmentation."""
    judge: Judge | None
    """Who measures the run on its way, if its recipe asks for that."""
    engine: Engine
    run: Run
    reporter: Reporter


def train_loop(gan: GAN, setting: Setting, requests: Requests) -> None:
    """Train until the recipe's length or a plateau is reached or a stop is asked for; in any case the state is saved.

    Raises DivergedError when a number is not finite.
    """
    recipe, run = setting.recipe, setting.run
    sampler = make_sampler(recipe, setting.pack)
    begin, began, spent = gan.seen, time.monotonic(), run.seconds_spent()
    values: dict[str, Tensor] = {}

    while True:
        step, asked = gan.seen // recipe.batch, requests.take()
        is_new = gan.seen > begin or begin == 0  # a continued run did this step's work before it stopped
        verdict = Verdict()
        if is_new and step and setting.judge and due(gan.seen, recipe.batch, recipe.evaluate.every):
            verdict = evaluate(gan, setting.judge, setting.engine, run, setting.reporter)
        done = step >= recipe.steps or verdict.is_last
        leaving = done or STOP in asked
        if is_new and values and (done or due(gan.seen, recipe.batch, recipe.length.log_every)):
            seconds = time.monotonic() - began
            log(gan, setting, values, seconds=spent + seconds, rate=(gan.seen - begin) / seconds)
        if is_new and step and setting.held_out and due(gan.seen, recipe.batch, recipe.held_out_losses.every):
            write_held_out_losses(gan, recipe, setting.held_out, setting.engine, run)
        if SAMPLE in asked or (is_new and (done or draws_grid(recipe, gan.seen))):
            save_sample_grid(run, recipe, setting.engine, gan.shown, step)
        if is_new and (leaving or verdict.is_best or SAVE in asked or saves(recipe, gan.seen)):
            save_checkpoint(run, gan, recipe)
        if leaving:
            return

        chosen = sampler.indices(gan.seen)
        pixels, labels = setting.pack.batch(chosen), setting.pack.labels_at(chosen)
        validation = held_out_batch(recipe, setting.validation, gan.seen)
        values = train_step(gan, pixels, recipe, setting.engine, labels, validation)


def train_step(
    gan: GAN,
    pixels: Tensor,
    recipe: Recipe,
    engine: Engine,
    labels: Tensor | None = None,
    held_out: HeldOut | None = None,
) -> dict[str, Tensor]:
    """One iteration on `pixels`, uint8 [N, C, H, W]: D, then G, the average, the augmentation's chance, the clock.

    `labels`, int64 [N], are the classes, if any; `held_out` is what the augmentation looks at, if it does. Returns the
    per-sample values of both steps. Raises DivergedError when a number is not finite.
    """
    given = draw(recipe, gan.seen, pixels, engine, labels, held_out)
    with watched(gan, given.iteration + 1):
        if recipe.objective.generator_reuses_pictures:
            given = shared_pictures(gan, given, engine)
        values = discriminator_step(gan, given, recipe.objective, engine)
        values |= generator_step(gan, given, recipe.objective, engine)
    if gan.G_ema is not None:
        half_life = value_at(recipe.ema_half_life, gan.seen)
        ema_update(gan.G_ema, gan.G, ema_decay(recipe.batch, half_life, gan.seen + recipe.batch))
    check_step(gan, values, given.iteration + 1)
    steer_augmentation(gan, values, recipe)
    gan.seen += recipe.batch
    return values


def make_sampler(recipe: Recipe, pack: Pack) -> Sampler:
    """The sampler that the recipe asks for, over these pictures."""
    data = recipe.data
    return Sampler(count=len(pack), batch=recipe.batch, seed=recipe.seed, order=data.order, buffer=data.shuffle_buffer)


def log(gan: GAN, setting: Setting, values: dict[str, Tensor], seconds: float, rate: float) -> None:
    """Write the batch means of the step just done, and show them. They do not depend on the intervals."""
    recipe, step = setting.recipe, gan.seen // setting.recipe.batch
    means = {name: value.mean().item() for name, value in values.items()}
    objective, real, fake = recipe.objective, values["logits/real"], values["logits/fake"]
    right = margins(LOSSES[objective.loss], real, fake, objective.targets)
    means["accuracy/real"] = (right["real"] > 0).float().mean().item()
    means["accuracy/fake"] = (right["fake"] >= 0).float().mean().item()
    if gan.augment is not None:
        means["augment/probability"] = gan.augment.probability_at(gan.seen)
    if HELD_OUT in values:
        means["augment/overfitting"] = overfitting(real, values[HELD_OUT], fake)
    rates = {"lr/d": gan.update_d.settings.lr, "lr/g": gan.update_g.settings.lr}
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
        seconds_left=(recipe.steps - step) * recipe.batch / rate,
    )
    setting.reporter.progress(shown)


def draws_grid(recipe: Recipe, seen: int) -> bool:
    """Whether a run draws its grid at this moment, wherever it ends."""
    return is_milestone(seen // recipe.batch) or due(seen, recipe.batch, recipe.length.sample_every)


def saves(recipe: Recipe, seen: int) -> bool:
    """Whether a run saves its state at this moment, wherever it ends."""
    return seen > 0 and due(seen, recipe.batch, recipe.length.checkpoint_every)


def due(seen: int, batch: int, every: int) -> bool:
    """True when the last `batch` images crossed a multiple of `every`; batch need not divide it."""
    return seen // every != (seen - batch) // every
