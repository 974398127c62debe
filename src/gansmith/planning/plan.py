"""The plan of a run, measured before it is promised: its steps, its time and its memory; or what a budget buys.

The time is that of a trial. Where the machine has other work later, the run takes longer: it keeps to its steps, since
a run repeats exactly and clocks do not.
"""

import subprocess
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gansmith.engine import DeviceChoice
from gansmith.errors import UsageError
from gansmith.networks import network_tables
from gansmith.planning.budget import Budget, describe_seconds, intervals_of
from gansmith.planning.evaluations import Prices, rounded_down, with_evaluations
from gansmith.planning.length import Draft, choose_length, count_calls, total_seconds
from gansmith.planning.memory import too_large
from gansmith.planning.trial import SLOW_STEP, Costs
from gansmith.planning.trial_process import SECONDS, try_out
from gansmith.runs.reporter import Reporter
from gansmith.schema import Recipe
from gansmith.text import describe_epochs, describe_size, duration
from gansmith.training.datasets import Datasets

WORKING_DAY = 8 * 3600
"""Seconds by which a slow machine is judged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A recipe with its length, and the time and memory that a run of it takes here."""

    recipe: Recipe
    count: int
    """Images to train on."""
    evaluations: int
    """Evaluations that there is time for, at most; 0 where the recipe decides alone."""
    parameters: Mapping[str, int]
    """Number of parameters of "generator" and "discriminator"."""
    calls: Mapping[str, int]
    """How often the run does each thing, by the names of `costs.seconds`."""
    costs: Costs
    planning: float
    """Seconds that the trials took, which count as part of a time that was given."""
    largest_batch: int
    """The largest batch size for which there is memory, by a straight line through two trials; 0 if it is unknown."""

    @property
    def seconds(self) -> float:
        """Seconds from the first step to the report."""
        return total_seconds(self.costs.seconds, self.calls)

    def lines(self) -> list[str]:
        """The plan in words."""
        recipe, data, costs = self.recipe, self.recipe.data, self.costs
        images, evaluations = recipe.length.images, self.calls["evaluation"]
        planning = f", after {describe_seconds(self.planning)} of planning" if self.planning >= 1 else ""
        besides = [_count(self.calls[name], name) for name in ("grid", "checkpoint")]
        if evaluations:
            each = describe_seconds(costs.seconds["evaluation"])
            num = min(recipe.evaluate.images, recipe.evaluate.validation or self.count)
            besides.insert(0, f"{_count(evaluations, 'evaluation')} of {num:,} images, {each} each")
        memory = f"{costs.peak / 2**20:,.0f} MiB of memory at most, of {costs.available / 2**20:,.0f} MiB free"
        if self.largest_batch:
            batch = f"all {self.largest_batch:,}" if self.largest_batch == self.count else f"{self.largest_batch:,}"
            memory += f"; memory would allow a batch of {batch} images (estimated from two trial batches)"
        return [
            f"plan: {self.count:,} images, {describe_size(data.channels, data.height, data.width)}; "
            f"{recipe.model.name} with {self.parameters['generator']:,} parameters in G and "
            f"{self.parameters['discriminator']:,} in D",
            f"plan: {recipe.steps:,} steps of {recipe.batch_size} images, {images:,} images in all, "
            f"{describe_epochs(images, self.count)} epochs",
            f"plan: {describe_seconds(costs.seconds['step'])} per step, measured here ({costs.device}, "
            f"{costs.precision}), and {', '.join(besides)}: {duration(self.seconds)} in all{planning}",
            f"plan: {memory}",
        ]

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain data for JSON."""
        return {
            "dataset_images": self.count,
            "steps": self.recipe.steps,
            "images": self.recipe.length.images,
            "batch_size": self.recipe.batch_size,
            "parameters": {**self.parameters},
            "device": self.costs.device,
            "precision": self.costs.precision,
            "seconds": self.seconds,
            "planning_seconds": self.planning,
            "seconds_each": {**self.costs.seconds},
            "calls": {**self.calls},
            "peak_bytes": self.costs.peak,
            "available_bytes": self.costs.available,
            "largest_batch": self.largest_batch,
        }


def make_plan(
    draft: Draft,
    budget: Budget | None,
    datasets: Datasets,
    device: DeviceChoice,
    reporter: Reporter,
    stated: Collection[str] = (),
) -> Plan:
    """The plan for a budget, or for the draft's own length where there is none, after a trial.

    The trials' seconds count as part of a time. Evaluations are fewer, and of fewer images, where they would take too
    much of the time, unless the user has `stated` that. Raises UsageError for a budget that is too short, or a machine
    that is too slow, NotEnoughMemoryError without the memory for a step.
    """
    began, count = time.monotonic(), len(datasets.train)
    first = draft.recipe(budget.images if budget else 0, draft.most_evaluations)
    if budget and budget.seconds:  # the trial measures an evaluation, which a time may buy beyond the recipe's length
        longer = max(first.length.images, first.evaluate.every)
        first = first.model_copy(update={"length": first.length.model_copy(update={"images": longer})})
    costs = measured_costs(first, datasets, device, reporter)
    largest_batch = _largest_batch_by_two_trials(first, costs.available - costs.peak, count, device)
    planning = time.monotonic() - began
    images, evaluations = choose_length(draft, budget, costs.seconds, _prices(costs, stated), planning)
    if evaluations.images:
        draft = draft.changed(f"evaluate.images={evaluations.images}")
    recipe = draft.recipe(images, evaluations.times)
    costs = replace(costs, seconds=with_evaluations(costs.seconds, evaluations))
    return Plan(
        recipe=recipe,
        count=count,
        evaluations=evaluations.times,
        parameters={name.lower(): table.total for name, table in network_tables(recipe).items()},
        calls=count_calls(intervals_of(recipe), recipe.batch_size, costs.seconds),
        costs=costs,
        planning=planning,
        largest_batch=largest_batch,
    )


def measured_costs(recipe: Recipe, datasets: Datasets, device: DeviceChoice, reporter: Reporter) -> Costs:
    """What a trial of the recipe finds. Raises UsageError and NotEnoughMemoryError as `make_plan`."""
    reporter.note("Timing a few steps to plan the run …")
    try:
        found = try_out("costs", recipe, device, datasets, reporter)
    except subprocess.TimeoutExpired:
        raise UsageError(
            f"a trial of a few steps was not done after {SECONDS} s: the machine is busy, or the networks are too "
            "large for it; give the length with --steps, which takes no trial."
        ) from None
    if found is None:
        raise too_large(recipe, device)
    costs = Costs(**found)
    if costs.seconds["step"] >= SLOW_STEP:
        raise _too_slow(recipe, costs)
    return costs


def _prices(costs: Costs, stated: Collection[str]) -> Prices | None:
    """What evaluations take; None without any. The images of each are the user's if they or the interval are stated."""
    seconds = costs.seconds.get("evaluation")
    if seconds is None:
        return None
    fewest, fewest_seconds = costs.evaluated_fewest, costs.fewest_evaluation
    if {"evaluate.images", "evaluate.every"} & {*stated} or not fewest:
        fewest, fewest_seconds = costs.evaluated, seconds
    return Prices(
        images=costs.evaluated, seconds=seconds, fewest_images=fewest, fewest_seconds=min(fewest_seconds, seconds)
    )


def _too_slow(recipe: Recipe, costs: Costs) -> UsageError:
    """The error for a step that is so slow that no time a person waits buys a result."""
    data, seconds = recipe.data, costs.seconds["step"]
    size = describe_size(data.channels, data.height, data.width)
    steps = rounded_down(int(WORKING_DAY / seconds))
    gpu = ", a GPU" if costs.device == "cpu" else ""
    return UsageError(
        f"a step takes {describe_seconds(seconds)} here, so 8 hours are about {steps:,} steps, too few for {size} in "
        f"batches of {recipe.batch_size}: take smaller images{gpu}, or a smaller batch; to train all the same, give "
        "the length with --steps, which takes no trial."
    )


def _largest_batch_by_two_trials(recipe: Recipe, free: int, count: int, device: DeviceChoice) -> int:
    """The largest batch size with so many bytes more, from the memory of two steps with this one and with twice it.

    At most the number of images, in two significant digits; 0 where the trials do not tell.
    """
    batch_size, peaks = recipe.batch_size, []
    for size in (batch_size, 2 * batch_size):
        try:
            tried = try_out("memory", recipe.model_copy(update={"batch_size": size}), device)
        except subprocess.TimeoutExpired:
            return 0
        if tried is None:
            return batch_size
        peaks.append(tried["peak"])
    slope = (peaks[1] - peaks[0]) / batch_size
    return min(rounded_down(int(batch_size + max(free, 0) / slope)), count) if slope > 0 else 0


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' if number != 1 else ''}"
