"""How much longer a run can go on within a budget."""

import math
import time
from bisect import bisect

from gansmith.engine import DeviceChoice
from gansmith.errors import UsageError
from gansmith.planning.budget import Budget, describe_seconds, intervals_of
from gansmith.planning.length import FEWEST_STEPS, count_calls, total_seconds
from gansmith.planning.plan import measured_costs
from gansmith.runs.reporter import Reporter
from gansmith.schema import Recipe
from gansmith.text import duration
from gansmith.training.datasets import Datasets


def longer(
    recipe: Recipe, seen: int, budget: Budget, datasets: Datasets, device: DeviceChoice, reporter: Reporter
) -> int:
    """The length in images of a run that has `seen` so many and goes on for the budget; a note says what that takes.

    The intervals stay. The seconds of the trial count as part of a time. Raises UsageError when the budget is too short
    or ends before the run's own length, and as `measured_costs`.
    """
    batch_size, done = recipe.batch_size, seen // recipe.batch_size
    more = -(-budget.images // batch_size)
    if budget.seconds:
        more = _steps_within(recipe, done, budget, datasets, device, reporter)
    if done + more < recipe.steps:
        raise UsageError(
            f"--budget {budget.text} ends at step {done + more:,}, before the run's own end at step {recipe.steps:,}; "
            "leave it out to train to that end, or give more."
        )
    return (done + more) * batch_size


def _steps_within(
    recipe: Recipe, done: int, budget: Budget, datasets: Datasets, device: DeviceChoice, reporter: Reporter
) -> int:
    """The most steps after those that are `done` within the budget's seconds."""
    began = time.monotonic()
    costs = measured_costs(recipe, datasets, device, reporter).seconds
    spent = time.monotonic() - began
    left = budget.seconds - spent

    def seconds(steps: int) -> float:
        intervals = {**intervals_of(recipe), "length.images": steps * recipe.batch_size}
        return total_seconds(costs, count_calls(intervals, recipe.batch_size, costs))

    def needed(more: int) -> float:
        return seconds(done + more) - seconds(done) + costs["once"]

    if needed(FEWEST_STEPS) > left:
        raise UsageError(
            f"--budget {budget.text} is too short to go on: a step takes {describe_seconds(costs['step'])} here; give "
            f"{math.ceil(needed(FEWEST_STEPS) + spent)}s at least."
        )
    more = FEWEST_STEPS
    while needed(2 * more) <= left:
        more *= 2
    more += bisect(range(more + 1, 2 * more), left, key=needed)
    reporter.note(
        f"plan: {more:,} more steps, at {describe_seconds(costs['step'])} per step, to step {done + more:,}: "
        f"{duration(needed(more))} in all"
    )
    return more
