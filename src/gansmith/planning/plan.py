"""What a run will come to here, measured before it is promised: its steps, its time, its memory; or what a budget buys.

The time is that of a trial. Where the machine has other work later, the run takes longer: it keeps to its steps, since
a run repeats exactly and clocks do not.
"""

import math
import subprocess
from bisect import bisect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gansmith.data.dataset import describe_size
from gansmith.engine import DeviceChoice
from gansmith.errors import UsageError
from gansmith.planning.budget import Budget
from gansmith.planning.memory import too_large
from gansmith.planning.trial_process import SECONDS, try_out
from gansmith.report import network_tables
from gansmith.schema import Recipe
from gansmith.text import describe_epochs, duration
from gansmith.training.evaluation import MOST_SHARE
from gansmith.training.log import Reporter
from gansmith.viz.evolution import is_milestone

FEWEST_STEPS = 20
"""A budget is too short if it buys fewer."""

RecipeAt = Callable[[int, int], Recipe]
"""The recipe at a length in images, 0 for its own, and with so many evaluations, if it can have more or fewer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A recipe with its length, and what a run of it comes to here. Bytes are those of a process of its own."""

    recipe: Recipe
    count: int
    """Images to train on."""
    evaluations: int
    """That `RecipeAt` was asked for."""
    calls: dict[str, int]
    """How often each thing is done."""
    each: dict[str, float]
    """Seconds that it takes."""
    device: str
    precision: str
    peak: int
    available: int
    largest_batch: int
    """That would fit, by a straight line through the memory of two batches; 0 where the two do not tell."""

    @property
    def seconds(self) -> float:
        """From the first step to the report."""
        return _seconds(self.each, self.calls)

    def lines(self) -> list[str]:
        """The plan in words."""
        recipe, data = self.recipe, self.recipe.data
        tables = network_tables(recipe).values()
        generator, discriminator = (f"{table.total:,}" for table in tables)
        images, times = recipe.length.images, self.each
        evaluations = self.calls["evaluation"]
        way = (
            [f"{_several(evaluations, 'evaluation')} of {_describe_seconds(times['evaluation'])} each"]
            if evaluations
            else []
        )
        way += [_several(self.calls[what], what) for what in ("grid", "checkpoint")]
        largest = ""
        if self.largest_batch:
            whole = self.largest_batch == self.count
            largest = f"a batch of {'all' if whole else 'about'} {self.largest_batch:,} would fit, by two trials"
        return [
            f"plan: {self.count:,} images, {describe_size(data.channels, data.height, data.width)}; "
            f"{recipe.model.name}, {generator} parameters in G and {discriminator} in D",
            f"plan: {recipe.steps:,} steps of {recipe.batch_size} images, {images:,} images in all, "
            f"{describe_epochs(images, self.count)} passes over the images",
            f"plan: {_describe_seconds(times['step'])} a step, measured here ({self.device}, {self.precision}), and "
            f"{', '.join(way)}: {duration(self.seconds)} to the end",
            f"plan: {self.peak / 2**20:,.0f} MiB of memory at most, of {self.available / 2**20:,.0f} free"
            f"{largest and '; '}{largest}",
        ]

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain data for JSON."""
        tables = network_tables(self.recipe)
        return {
            "dataset_images": self.count,
            "steps": self.recipe.steps,
            "images": self.recipe.length.images,
            "batch_size": self.recipe.batch_size,
            "parameters": {name.lower(): table.total for name, table in tables.items()},
            "device": self.device,
            "precision": self.precision,
            "seconds": self.seconds,
            "seconds_each": self.each,
            "calls": self.calls,
            "peak_bytes": self.peak,
            "available_bytes": self.available,
            "largest_batch": self.largest_batch,
        }


def make_plan(
    at: RecipeAt,
    budget: Budget | None,
    evaluations: int,
    count: int,
    device: DeviceChoice,
    reporter: Reporter,
) -> Plan:
    """The plan for a budget, or for the recipe's own length where there is none, after a trial.

    `evaluations` are the most that `at` is asked for: fewer where they would take too much of the time. Raises
    UsageError for a budget that is too short, NotEnoughMemoryError when not even one step can be made.
    """
    images = budget.images if budget else 0
    first = at(images, evaluations)
    reporter.note("trying out some steps, and whatever else the run will do, for its time and its memory")
    found = _costs(_evaluated(first) if budget and budget.seconds else first, device)
    if found is None:
        raise too_large(first, device)
    each = found["seconds"]
    if budget and budget.seconds:
        _check_long_enough(budget, at, evaluations, each)
        evaluations = _affordable(budget.seconds, each, evaluations)
        recipe = _within(budget.seconds, at, evaluations, each)
    else:
        evaluations = _affordable(_seconds(each, calls_of(first, each)), each, evaluations)
        recipe = at(images, evaluations)
    return Plan(
        recipe=recipe,
        count=count,
        evaluations=evaluations,
        calls=calls_of(recipe, each),
        each=each,
        device=found["device"],
        precision=found["precision"],
        peak=found["peak"],
        available=found["available"],
        largest_batch=_that_fits(recipe, found["available"] - found["peak"], count, device),
    )


def calls_of(recipe: Recipe, each: dict[str, float]) -> dict[str, int]:
    """How often a whole run does each thing. Every evaluation might be the best so far, which is saved."""
    steps, length = recipe.steps, recipe.length
    evaluated = _moments(recipe, recipe.evaluate.every if "evaluation" in each else 0)
    grids = _moments(recipe, length.sample_every) | set(_milestones(steps)) | {steps}
    saved = _moments(recipe, length.checkpoint_every) | evaluated
    return {
        "step": steps,
        "log": _times(recipe, length.log_every),
        "evaluation": len(evaluated),
        "validation losses": _times(recipe, recipe.validation_losses.every),
        "grid": len(grids),
        "checkpoint": len(saved | {steps}),
        "once": 1,
    }


def _costs(recipe: Recipe, device: DeviceChoice) -> dict[str, Any] | None:
    """What the trial found; None without the memory for it. Raises UsageError when it takes too long."""
    try:
        return try_out("costs", recipe, device)
    except subprocess.TimeoutExpired:
        raise UsageError(
            f"a trial of some steps was not done after {SECONDS} s: the machine is busy, or the networks are too large "
            "for it; give the length with --steps, which takes no trial."
        ) from None


def _evaluated(recipe: Recipe) -> Recipe:
    """Long enough for an evaluation, so that its price is known where a budget buys more than the recipe's length."""
    images = max(recipe.length.images, recipe.evaluate.every)
    return recipe.model_copy(update={"length": recipe.length.model_copy(update={"images": images})})


def _seconds(each: dict[str, float], calls: dict[str, int]) -> float:
    return sum(seconds * calls[what] for what, seconds in each.items())


def _times(recipe: Recipe, every: int) -> int:
    """How many `_moments` there are, without a list of them: there may be one a step."""
    return min(recipe.steps * recipe.batch_size // every, recipe.steps) if every else 0


def _moments(recipe: Recipe, every: int) -> set[int]:
    """The steps at which something is due that comes every so many images, once a step at most."""
    times = recipe.steps * recipe.batch_size // every if every else 0
    return {-(-number * every // recipe.batch_size) for number in range(1, times + 1)}


def _milestones(steps: int) -> list[int]:
    """Those at which a grid is drawn in a run of any length."""
    candidates = [0, *(digit * 10**power for power in range(len(str(steps))) for digit in (1, 2, 5))]
    return [step for step in candidates if step <= steps and is_milestone(step)]


def _affordable(seconds: float, each: dict[str, float], evaluations: int) -> int:
    """How many evaluations take their share of the time and no more; one at least, if there are any."""
    if not evaluations or "evaluation" not in each:
        return evaluations
    return min(max(int(MOST_SHARE * seconds / each["evaluation"]), 1), evaluations)


def _shortest(at: RecipeAt, evaluations: int) -> Recipe:
    """With the fewest steps that a budget must buy, a multiple of the evaluations, so that the last is at the end."""
    whole = evaluations or 1
    return at(-(-FEWEST_STEPS // whole) * whole * at(0, evaluations).batch_size, evaluations)


def _check_long_enough(budget: Budget, at: RecipeAt, most: int, each: dict[str, float]) -> None:
    """Raise UsageError if not even the shortest recipe is within the budget, with the time that would do."""
    enough, rest = budget.seconds, 0.0
    while True:  # a longer time may buy more evaluations, which take some of it
        recipe = _shortest(at, _affordable(enough, each, most))
        needed = _seconds(each, calls_of(recipe, each))
        if needed <= enough:
            break
        enough, rest = math.ceil(needed), needed - recipe.steps * each["step"]
    if enough > budget.seconds:
        raise UsageError(
            f"--budget {budget.text} is too short: here a step takes {_describe_seconds(each['step'])} and what comes "
            f"besides, evaluations included, {_describe_seconds(rest)}; give {enough}s at least."
        )


def _within(most: float, at: RecipeAt, evaluations: int, each: dict[str, float]) -> Recipe:
    """The recipe with as many steps as so many seconds buy besides all else; the shortest must be among them.

    What is done besides depends on the number of steps, so that is doubled as long as the time suffices, then bisected.
    A few steps more may take less, where intervals grow by a step: then these are not the most, but within the time.
    """
    shortest = _shortest(at, evaluations)
    batch, whole = shortest.batch_size, evaluations or 1

    def of(turns: int) -> Recipe:
        return at(turns * whole * batch, evaluations)

    def seconds(turns: int) -> float:
        return _seconds(each, calls_of(of(turns), each))

    turns = shortest.steps // whole
    while seconds(2 * turns) <= most:
        turns *= 2
    return of(turns + bisect(range(turns + 1, 2 * turns), most, key=seconds))


def _that_fits(recipe: Recipe, free: int, count: int, device: DeviceChoice) -> int:
    """The largest batch with so many bytes more, by what two steps take with this one and with twice as much.

    No larger than the set, in two significant digits; 0 where the trials do not tell.
    """
    batch, peaks = recipe.batch_size, []
    for size in (batch, 2 * batch):
        try:
            tried = try_out("memory", recipe.model_copy(update={"batch_size": size}), device)
        except subprocess.TimeoutExpired:
            return 0
        if tried is None:
            return batch
        peaks.append(tried["peak"])
    slope = (peaks[1] - peaks[0]) / batch
    return min(rounded_down(int(batch + max(free, 0) / slope)), count) if slope > 0 else 0


def _several(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' if number != 1 else ''}"


def _describe_seconds(seconds: float) -> str:
    """In milliseconds, or seconds where it takes one."""
    return (
        f"{1000 * seconds:.3g} ms" if seconds < 0.9995 else f"{seconds:.3g} s" if seconds < 999.5 else duration(seconds)
    )


def rounded_down(number: int) -> int:
    """To two significant digits."""
    unit = 10 ** max(len(str(number)) - 2, 0)
    return number // unit * unit
