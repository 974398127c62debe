"""Time and memory of a run on this machine, measured by a few steps and one of everything else that it does."""

import math
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gansmith.augment.augmenter import BATCHES
from gansmith.config import Schedule
from gansmith.data.store import READ_AHEAD_FROM
from gansmith.engine import Engine, suitable_threads
from gansmith.generation.generator import save_sample_grid
from gansmith.recipe_file import to_toml
from gansmith.recipes.fitting import FEWEST_EVALUATED
from gansmith.report import write_report
from gansmith.rng import stream
from gansmith.runs.reporter import LogFile, Silent
from gansmith.runs.run import Run, create_run, write_atomically
from gansmith.schema import Recipe
from gansmith.system import processes
from gansmith.system.machine import available_memory
from gansmith.training.batch import make_batch
from gansmith.training.datasets import Datasets, make_sampler
from gansmith.training.evaluation import Evaluator, make_evaluator
from gansmith.training.log import StepLog
from gansmith.training.state import GAN, build, generator_of, save_checkpoint
from gansmith.training.steps import train_step
from gansmith.training.validation import ValidationPixels, needs_validation_batch, write_validation_losses

MOST_STEPS = 20
"""Number of timed steps after which a trial ends."""
FEWEST_STEPS = 5
"""Number of timed steps that a trial takes at least."""
SECONDS = 5.0
"""Seconds after which a trial ends, once it has taken `FEWEST_STEPS`."""
SLOW_STEP = 10.0
"""Seconds of a first step after which a trial ends at once: a day would hold fewer than 9,000 of them."""
RARE_EVERY = 5
"""Every fifth step of a trial is one of each rare kind (lazy penalty, validation images)."""
Batches = Callable[[int], tuple[Tensor, Tensor | None]]
"""Number of a step -> its images, uint8 [N, C, H, W], and labels, int64 [N], for conditional recipes."""
Tell = Callable[[str], None]
"""Is told what a trial does next, such as "step 3, of 5 to 20"."""


def _tell_nobody(_doing: str) -> None:
    """Do nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Costs:
    """Time and memory of a recipe on an engine."""

    seconds: dict[str, float]
    """Seconds by work: "step", "log", "evaluation", ..., and "once" for the begin and the end of the run.

    After a step of `SLOW_STEP` there is nothing else.
    """
    device: str
    precision: str
    peak: int
    """Peak memory of a process of its own in bytes, libraries included."""
    available: int
    """Bytes of memory that were free."""
    evaluated: int = 0
    """Images of an "evaluation"; 0 where there is none."""
    evaluated_fewest: int = 0
    """Images of a smaller evaluation."""
    fewest_evaluation: float = 0.0
    """Seconds of that."""


def seconds_per_step(recipe: Recipe, engine: Engine) -> float:
    """Median seconds of a step on noise, see `timed_steps`."""
    gan, batches = build(recipe, engine), _noise(recipe)
    with suitable_threads(recipe.batch_size, gan.G, gan.D):
        return _slow_first_step(gan, batches, recipe, engine) or timed_steps(gan, batches, recipe, engine)


def at_worst_case(recipe: Recipe) -> Recipe:
    """The recipe with the largest weight that its penalty has in the run, because weight 0 skips the penalty."""
    gamma = recipe.objective.gamma
    if not isinstance(gamma, Schedule):
        return recipe
    largest = max(gamma.start, gamma.end)
    return recipe.model_copy(update={"objective": recipe.objective.model_copy(update={"gamma": largest})})


def two_steps(recipe: Recipe, engine: Engine) -> int:
    """Peak memory of two steps on noise, in bytes. The first step creates the state of the optimisers.

    Raises torch's error when memory runs out.
    """
    gan, batches = build(recipe, engine), _noise(recipe)
    for iteration in range(2):
        _seconds_of_step(gan, batches, recipe, engine, iteration)
    return peak_memory(engine)


def timed_steps(gan: GAN, batches: Batches, recipe: Recipe, engine: Engine, tell: Tell = _tell_nobody) -> float:
    """Median seconds of a step.

    Rare kinds of steps, those with a lazy penalty or with validation images, are timed apart and add their share.
    """
    rare = []
    if recipe.objective.penalty_every > 1:
        rare.append(_RareKind(recipe.objective.penalty_every, 0))
    if recipe.augment.signal == "validation":
        rare.append(_RareKind(BATCHES, -1))
    period = math.lcm(*(kind.every for kind in rare))
    usual, began = [], time.perf_counter()
    for number in range(MOST_STEPS):
        tell(f"step {number + 1}, of {FEWEST_STEPS} to {MOST_STEPS}")
        turn = RARE_EVERY - 1 - number % RARE_EVERY
        if turn < len(rare):
            kind = rare[turn]
            iteration = (len(kind.seconds) + 1) * period + kind.offset
            kind.seconds.append(_seconds_of_step(gan, batches, recipe, engine, iteration))
        else:
            usual.append(_seconds_of_step(gan, batches, recipe, engine, 1 + number * period))
        if number + 1 >= FEWEST_STEPS and time.perf_counter() - began > SECONDS:
            break
    median = statistics.median(usual)
    return median + sum((statistics.median(kind.seconds) - median) / kind.every for kind in rare)


@dataclass(frozen=True, slots=True)
class _RareKind:
    """A kind of step that comes once in `every` steps, and the seconds of the timed ones."""

    every: int
    offset: int
    """Steps of this kind have the numbers k * every + offset."""
    seconds: list[float] = field(default_factory=list)


def costs(recipe: Recipe, engine: Engine, images: Datasets, tell: Tell = _tell_nobody) -> Costs:
    """Measure the recipe's steps on its own images, and everything else that it does once, in a temporary run.

    Only work that is due within the recipe's length is measured. `tell` is told what is tried before it is.
    """
    spent: dict[str, float] = {}
    about: dict[str, Any] = {"device": str(engine.device), "precision": engine.precision}
    available = torch.cuda.mem_get_info()[0] if engine.device.type == "cuda" else available_memory()

    @contextmanager
    def timed(what: str):
        began = time.perf_counter()
        yield
        spent[what] = spent.get(what, 0.0) + time.perf_counter() - began

    dataset = images.train
    with timed("once"):
        gan, sampler = build(recipe, engine), make_sampler(recipe, dataset)
        if dataset.images.nbytes < READ_AHEAD_FROM:  # all in memory after the first epoch of a run
            dataset.images.reshape(len(dataset.images), -1)[:, ::1024].sum()

    def batches(iteration: int) -> tuple[Tensor, Tensor | None]:
        chosen = sampler.indices(iteration * recipe.batch_size)
        return dataset.batch(chosen), dataset.labels_at(chosen)

    with suitable_threads(recipe.batch_size, gan.G, gan.D), tempfile.TemporaryDirectory() as folder:
        tell("the first step")
        if slow := _slow_first_step(gan, batches, recipe, engine):
            return Costs(seconds={"step": slow}, peak=peak_memory(engine), available=available, **about)
        spent["step"] = timed_steps(gan, batches, recipe, engine, tell)
        run = create_run(Path(folder), "trial")
        write_atomically(run.recipe_file, to_toml(recipe))
        run.update(name="trial", notes=[])
        evaluator = make_evaluator(recipe, dataset, images.validation)
        reporter = LogFile(run.path / "log.txt", Silent())
        log = StepLog(recipe, run, reporter, resumed_at=0)
        values = _step(gan, batches, recipe, engine)
        with timed("log"):
            log.write(gan, values)
        if images.for_losses:
            with timed("validation losses"):
                write_validation_losses(gan, recipe, images.for_losses, engine, run)
        if evaluator and evaluator.names:
            tell(f"an evaluation of {evaluator.num:,} images")
            fewest = min(max(evaluator.fewest, FEWEST_EVALUATED), evaluator.num)
            first, second = (_evaluation(replace(evaluator, num=fewest), gan, engine, run) for _ in range(2))
            whole = _evaluation(evaluator, gan, engine, run) if fewest < evaluator.num else second
            spent["evaluation"] = whole.measuring
            spent["once"] += whole.preparing + max(first.measuring - second.measuring, 0.0)
            about |= {"evaluated": evaluator.num, "evaluated_fewest": fewest, "fewest_evaluation": second.measuring}
        tell("a grid, a checkpoint and a report")
        with timed("grid"):
            save_sample_grid(run, generator_of(gan, recipe, engine))
        with timed("checkpoint"):
            save_checkpoint(run, gan, recipe)
        with timed("once"):
            write_report(run)
    return Costs(seconds=spent, peak=peak_memory(engine), available=available, **about)


def peak_memory(engine: Engine) -> int:
    """Peak memory of this process in bytes, or of the device if it is a CUDA device."""
    if engine.device.type == "cuda":
        return torch.cuda.max_memory_reserved()
    return processes.peak_process_memory()


def _evaluation(evaluator: Evaluator, gan: GAN, engine: Engine, run: Run) -> Evaluator:
    """The evaluator after one evaluation, which has its seconds."""
    evaluator.evaluate(gan, engine, run, Silent())
    return evaluator


def _slow_first_step(gan: GAN, batches: Batches, recipe: Recipe, engine: Engine) -> float:
    """Take two steps, so that later ones are warm; the first has the penalty, lazy or not.

    Returns 0, or the seconds of the first if it was so slow that one is enough.
    """
    for iteration in range(2):
        seconds = _seconds_of_step(gan, batches, recipe, engine, iteration)
        if seconds >= SLOW_STEP:
            return seconds
    return 0.0


def _seconds_of_step(gan: GAN, batches: Batches, recipe: Recipe, engine: Engine, iteration: int) -> float:
    """Seconds of one step, with the loading of its images."""
    gan.seen, began = iteration * recipe.batch_size, time.perf_counter()
    _step(gan, batches, recipe, engine)["loss/g"].mean().item()  # reading waits for the device
    return time.perf_counter() - began


def _step(gan: GAN, batches: Batches, recipe: Recipe, engine: Engine) -> dict[str, Tensor]:
    """One training step. Its own images stand in for validation images, of which there are as many."""
    pixels, labels = batches(gan.seen // recipe.batch_size)
    validation = ValidationPixels(pixels, labels) if needs_validation_batch(recipe, gan.seen) else None
    return train_step(gan, make_batch(recipe, gan.seen, pixels, engine, labels, validation), recipe, engine)


def _noise(recipe: Recipe) -> Batches:
    """Always the same batch of random pixels, with labels of all classes in turn."""
    data = recipe.data
    shape = (recipe.batch_size, data.channels, data.height, data.width)
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=stream(recipe.seed, "trial", 0))
    labels = torch.arange(recipe.batch_size) % data.num_classes if data.num_classes else None
    return lambda _iteration: (pixels, labels)
