"""What a run costs here: its steps, and all that it does on its way, done a few times and timed."""

import math
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from gansmith.augment.augmenter import BATCHES
from gansmith.config import Schedule
from gansmith.data.store import READ_AHEAD_FROM, Dataset
from gansmith.engine import Engine, suitable_threads
from gansmith.generation.generator import save_sample_grid
from gansmith.recipe_file import to_toml
from gansmith.report import write_report
from gansmith.rng import stream
from gansmith.runs.run import create_run, write_atomically
from gansmith.schema import Recipe
from gansmith.training.batch import make_batch
from gansmith.training.datasets import Datasets, make_sampler
from gansmith.training.evaluation import make_evaluator
from gansmith.training.log import LogFile, Silent, StepLog
from gansmith.training.state import GAN, build, generator_of, save_checkpoint
from gansmith.training.steps import train_step
from gansmith.training.validation import ValidationPixels, needs_validation_batch, write_validation_losses

MOST_STEPS, FEWEST_STEPS, SECONDS = 20, 5, 5.0
"""A trial ends after so many steps, or after so many seconds once it has made the fewest."""

TURNS = 5
"""One in so many steps of a trial is of each kind that comes seldom in a run."""

Batches = Callable[[int], tuple[Tensor, Tensor | None]]
"""The images, uint8 [N, C, H, W], of an iteration, and their labels, int64 [N], if there are classes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Costs:
    """What a recipe costs on an engine. Memory is the most that a process of its own held, libraries included."""

    seconds: dict[str, float]
    """Of each thing done, by name: "step", "log", "evaluation", ..., and "once" for beginning and end."""
    peak: int
    """Bytes."""


def seconds_per_step(recipe: Recipe, engine: Engine) -> float:
    """The time of an iteration on noise, as `timed_steps`."""
    gan, batch = build(recipe, engine), (_noise(recipe), _labels(recipe))
    with suitable_threads(recipe.batch_size, gan.G, gan.D):
        _warm_up(gan, lambda _iteration: batch, recipe, engine)
        return timed_steps(gan, lambda _iteration: batch, recipe, engine)


def at_worst_case(recipe: Recipe) -> Recipe:
    """With the largest weight that its penalty comes to in the run: at 0 it is not computed."""
    gamma = recipe.objective.gamma
    if not isinstance(gamma, Schedule):
        return recipe
    largest = max(gamma.start, gamma.end)
    return recipe.model_copy(update={"objective": recipe.objective.model_copy(update={"gamma": largest})})


def two_steps(recipe: Recipe, engine: Engine) -> int:
    """The most memory held in two iterations on noise, in bytes: the optimisers' state is made in the first.

    Raises what torch raises without the memory.
    """
    gan, batch = build(recipe, engine), (_noise(recipe), _labels(recipe))
    _warm_up(gan, lambda _iteration: batch, recipe, engine)
    return peak_memory(engine)


def timed_steps(gan: GAN, batches: Batches, recipe: Recipe, engine: Engine) -> float:
    """Median seconds of an iteration.

    What comes in few of them, a lazy penalty and D's look at images kept out, is timed apart and adds its share.
    """
    rare = _rare(recipe)
    period = math.lcm(*(one.every for one in rare))
    usual, began = [], time.perf_counter()
    for number in range(MOST_STEPS):
        turn = TURNS - 1 - number % TURNS
        if turn < len(rare):
            of_kind = rare[turn].seconds
            iteration = (len(of_kind) + 1) * period + rare[turn].offset
            of_kind.append(_seconds(gan, batches, recipe, engine, iteration))
        else:
            usual.append(_seconds(gan, batches, recipe, engine, 1 + number * period))
        if number + 1 >= FEWEST_STEPS and time.perf_counter() - began > SECONDS:
            break
    median = statistics.median(usual)
    return median + sum((statistics.median(one.seconds) - median) / one.every for one in rare)


@dataclass(frozen=True, slots=True)
class _Rare:
    """A kind of iteration of which there is one in so many, and the seconds that some took."""

    every: int
    offset: int
    """Such iterations are the multiples of `every`, and so many more."""
    seconds: list[float] = field(default_factory=list)


def _rare(recipe: Recipe) -> list[_Rare]:
    penalty = [_Rare(recipe.objective.penalty_every, 0)] if recipe.objective.penalty_every > 1 else []
    return penalty + ([_Rare(BATCHES, -1)] if recipe.augment.signal == "validation" else [])


def costs(recipe: Recipe, engine: Engine, images: Datasets) -> Costs:
    """Take the recipe's steps on its own images, and do once what it does on its way, in a run that is thrown away.

    The recipe is to have every thing due within its length that is to be counted.
    """
    spent: dict[str, float] = {}

    @contextmanager
    def timed(what: str):
        began = time.perf_counter()
        yield
        spent[what] = spent.get(what, 0.0) + time.perf_counter() - began

    dataset = images.train
    with timed("once"):
        gan, sampler = build(recipe, engine), make_sampler(recipe, dataset)
        _touch(dataset)

    def batches(iteration: int) -> tuple[Tensor, Tensor | None]:
        chosen = sampler.indices(iteration * recipe.batch_size)
        return dataset.batch(chosen), dataset.labels_at(chosen)

    with suitable_threads(recipe.batch_size, gan.G, gan.D), tempfile.TemporaryDirectory() as folder:
        _warm_up(gan, batches, recipe, engine)
        spent["step"] = timed_steps(gan, batches, recipe, engine)
        run = create_run(Path(folder), "trial")
        write_atomically(run.recipe_file, to_toml(recipe))
        run.update(name="trial", notes=[])
        evaluator = make_evaluator(recipe, images.train, images.validation)
        reporter = LogFile(run.path / "log.txt", Silent())
        log = StepLog(recipe, run, reporter, resumed_at=0)
        values = _step(gan, batches, recipe, engine)
        with timed("log"):
            log.write(gan, values)
        if images.for_losses:
            with timed("validation losses"):
                write_validation_losses(gan, recipe, images.for_losses, engine, run)
        if evaluator and evaluator.names:
            evaluator.evaluate(gan, engine, run, reporter)
            spent["evaluation"] = evaluator.measuring
            spent["once"] += evaluator.preparing
        with timed("grid"):
            save_sample_grid(run, generator_of(gan, recipe, engine))
        with timed("checkpoint"):
            save_checkpoint(run, gan, recipe)
        with timed("once"):
            write_report(run)
    return Costs(seconds=spent, peak=peak_memory(engine))


def peak_memory(engine: Engine) -> int:
    """Bytes that this process has held at most; on a CUDA device those of the device."""
    if engine.device.type == "cuda":
        return torch.cuda.max_memory_reserved()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _warm_up(gan: GAN, batches: Batches, recipe: Recipe, engine: Engine) -> None:
    for iteration in range(2):  # the first has the penalty, lazy or not
        _seconds(gan, batches, recipe, engine, iteration)


def _seconds(gan: GAN, batches: Batches, recipe: Recipe, engine: Engine, iteration: int) -> float:
    """Of one iteration, its images included."""
    gan.seen, began = iteration * recipe.batch_size, time.perf_counter()
    _step(gan, batches, recipe, engine)["loss/g"].mean().item()  # reading waits for the device
    return time.perf_counter() - began


def _step(gan: GAN, batches: Batches, recipe: Recipe, engine: Engine) -> dict[str, Tensor]:
    """One training step. Its own images stand in for validation images, of which there are as many."""
    pixels, labels = batches(gan.seen // recipe.batch_size)
    validation = ValidationPixels(pixels, labels) if needs_validation_batch(recipe, gan.seen) else None
    return train_step(gan, make_batch(recipe, gan.seen, pixels, engine, labels, validation), recipe, engine)


def _touch(dataset: Dataset) -> None:
    """Bring the images to memory, where they are once a run has seen them all; a large store need not be there."""
    if dataset.images.nbytes < READ_AHEAD_FROM:
        dataset.images.reshape(len(dataset.images), -1)[:, ::1024].sum()


def _noise(recipe: Recipe) -> Tensor:
    """Pixels of a batch, uint8 [N, C, H, W]."""
    data = recipe.data
    shape = (recipe.batch_size, data.channels, data.height, data.width)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=stream(recipe.seed, "trial", 0))


def _labels(recipe: Recipe) -> Tensor | None:
    """Every class in turn, int64 [N], where the recipe has any."""
    classes = recipe.data.num_classes
    return torch.arange(recipe.batch_size) % classes if classes else None
