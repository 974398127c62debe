"""How long a run is: what a length does to a recipe's intervals, and how much of it a budget buys.

All of it is arithmetic on numbers; the recipe itself is made once, when its length is known.
"""

import math
from bisect import bisect
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from gansmith.errors import UsageError
from gansmith.planning.budget import Budget, describe_seconds, intervals_of, proportional_intervals, stretched
from gansmith.planning.evaluations import Evaluations, Prices, affordable, with_evaluations
from gansmith.recipe_file import assigned, flat, override
from gansmith.recipes import load_recipe
from gansmith.recipes.fitting import EVALUATIONS, DatasetFacts, intervals_for
from gansmith.schema import Recipe
from gansmith.viz.evolution import is_milestone

FEWEST_STEPS = 20
"""A budget is too short if it buys fewer steps."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FixedDraft:
    """A recipe that does not set itself: with its length its intervals grow, but for those that `changes` set."""

    own: Recipe
    changes: Sequence[str]

    @property
    def batch_size(self) -> int:
        """Real images in a step."""
        return self.own.batch_size

    @property
    def most_evaluations(self) -> int:
        """The recipe's own number of evaluations."""
        every = self.own.evaluate.every
        return self.own.length.images // every if every else 0

    def intervals(self, images: int, evaluations: int) -> Mapping[str, int]:
        """The length and the intervals at a length of `images`, by field; 0 is the recipe's own length.

        The recipe keeps its number of evaluations, unless `evaluations` are fewer; 0 is no limit.
        """
        if not images:
            return intervals_of(self.own)
        set_here = {field for change in self.changes for field in flat(assigned(change))}
        own = {field: value for field, value in intervals_of(self.own).items() if field in set_here}
        made = proportional_intervals(self.own, images)
        if 0 < evaluations < self.most_evaluations:
            made["evaluate.every"] = max(images // self.batch_size // evaluations, 1) * self.batch_size
        return {**made, **own}

    def recipe(self, images: int, evaluations: int) -> Recipe:
        """The recipe at that length; it has these intervals."""
        if not images:
            return self.own
        every = self.intervals(images, evaluations)["evaluate.every"]
        return override(stretched(self.own, images), [f"evaluate.every={every}", *self.changes])

    def changed(self, change: str) -> "FixedDraft":
        """The draft with another change, such as "microbatches=4"."""
        return replace(self, own=override(self.own, [change]), changes=[*self.changes, change])


@dataclass(frozen=True, kw_only=True, slots=True)
class AutoDraft:
    """A recipe that sets itself from the dataset and the length, but for what the user has stated."""

    name: str
    changes: Sequence[str]
    facts: DatasetFacts
    batch_size: int
    stated: Mapping[str, int]
    """Values of the intervals that the user has stated."""

    @property
    def most_evaluations(self) -> int:
        """Evaluations of a run, at most."""
        return EVALUATIONS

    def facts_at(self, images: int, evaluations: int) -> DatasetFacts:
        """What the recipe of that length is set from."""
        return replace(self.facts, images=images, evaluations=evaluations)

    def intervals(self, images: int, evaluations: int) -> Mapping[str, int]:
        """As `FixedDraft.intervals`, with at most so many evaluations."""
        made = {**intervals_for(self.facts_at(images, evaluations)), **self.stated}
        return {**made, "length.images": self._whole_batches(images)} if images else made

    def recipe(self, images: int, evaluations: int) -> Recipe:
        """The recipe at that length; it has these intervals. A TOML file's length is overridden by `images`."""
        length = [f"length.images={self._whole_batches(images)}"] if images else []
        return load_recipe(self.name, [*self.changes, *length], self.facts_at(images, evaluations))

    def changed(self, change: str) -> "AutoDraft":
        """The draft with another change, such as "microbatches=4"."""
        return replace(self, changes=[*self.changes, change])

    def _whole_batches(self, images: int) -> int:
        return -(-images // self.batch_size) * self.batch_size


def auto_draft(name: str, changes: Sequence[str], facts: DatasetFacts, stated: Collection[str]) -> AutoDraft:
    """The draft of a recipe that sets itself, whose fields `stated` are the user's."""
    first = load_recipe(name, changes, facts)
    intervals = {field: value for field, value in intervals_of(first).items() if field in stated}
    return AutoDraft(name=name, changes=changes, facts=facts, batch_size=first.batch_size, stated=intervals)


Draft = FixedDraft | AutoDraft
"""A recipe whose length is still open."""


def count_calls(intervals: Mapping[str, int], batch_size: int, costs: Mapping[str, float]) -> dict[str, int]:
    """How often a whole run does each thing. Every evaluation might be the best so far, which is saved.

    Without a cost for evaluations the run makes none.
    """
    steps = -(-intervals["length.images"] // batch_size)
    evaluated = _due_steps(steps, batch_size, intervals["evaluate.every"] if "evaluation" in costs else 0)
    grids = _due_steps(steps, batch_size, intervals["length.sample_every"]) | {*_milestones(steps), steps}
    saved = _due_steps(steps, batch_size, intervals["length.checkpoint_every"]) | evaluated | {steps}
    return {
        "step": steps,
        "log": _count_due(steps, batch_size, intervals["length.log_every"]),
        "evaluation": len(evaluated),
        "validation losses": _count_due(steps, batch_size, intervals.get("validation_losses.every", 0)),
        "grid": len(grids),
        "checkpoint": len(saved),
        "once": 1,
    }


def total_seconds(costs: Mapping[str, float], calls: Mapping[str, int]) -> float:
    """Seconds of a run that does each thing so often, at these seconds each."""
    return sum(seconds * calls[name] for name, seconds in costs.items())


def choose_length(
    draft: Draft, budget: Budget | None, costs: Mapping[str, float], prices: Prices | None, spent: float = 0.0
) -> tuple[int, Evaluations]:
    """The length in images, 0 for the draft's own, and the evaluations that there is time for.

    `spent` are the seconds of the budget that planning took. Raises UsageError when the budget is too short, with the
    time that is enough.
    """
    most = draft.most_evaluations
    if budget and budget.seconds:
        left = budget.seconds - spent
        _check_long_enough(draft, budget, spent, costs, prices)
        evaluations = affordable(left, most, prices)
        return _images_within(left, draft, evaluations.times, with_evaluations(costs, evaluations)), evaluations
    images = budget.images if budget else 0
    return images, affordable(_run_seconds(draft, images, most, costs), most, prices)


def _run_seconds(draft: Draft, images: int, evaluations: int, costs: Mapping[str, float]) -> float:
    return total_seconds(costs, count_calls(draft.intervals(images, evaluations), draft.batch_size, costs))


def _count_due(steps: int, batch_size: int, every: int) -> int:
    """How many `_due_steps` there are, without a list of them."""
    return min(steps * batch_size // every, steps) if every else 0


def _due_steps(steps: int, batch_size: int, every: int) -> set[int]:
    """The steps at which something is due that comes every so many images, once a step at most."""
    if 0 < every <= batch_size:
        return {*range(1, steps + 1)}
    times = steps * batch_size // every if every else 0
    return {-(-number * every // batch_size) for number in range(1, times + 1)}


def _milestones(steps: int) -> list[int]:
    """The steps at which a run of any length draws a grid."""
    candidates = [0, *(digit * 10**power for power in range(len(str(steps))) for digit in (1, 2, 5))]
    return [step for step in candidates if step <= steps and is_milestone(step)]


def _shortest_length(draft: Draft, evaluations: int) -> int:
    """Images of the fewest steps that a budget must buy; a multiple of the evaluations, so that the last is the end."""
    multiple = evaluations or 1
    return -(-FEWEST_STEPS // multiple) * multiple * draft.batch_size


def _check_long_enough(
    draft: Draft, budget: Budget, spent: float, costs: Mapping[str, float], prices: Prices | None
) -> None:
    """Raise UsageError if not even the shortest run is within what is left of the budget."""
    enough, besides = budget.seconds - spent, 0.0
    while True:  # a longer time may buy more evaluations, which take some of it
        evaluations = affordable(enough, draft.most_evaluations, prices)
        images = _shortest_length(draft, evaluations.times)
        needed = _run_seconds(draft, images, evaluations.times, with_evaluations(costs, evaluations))
        if needed <= enough:
            break
        enough, besides = math.ceil(needed), needed - images // draft.batch_size * costs["step"]
    if enough > budget.seconds - spent:
        trial = f"; this plan took {describe_seconds(spent)} of it" if spent >= 1 else ""
        raise UsageError(
            f"--budget {budget.text} is too short: here a step takes {describe_seconds(costs['step'])}, and "
            f"evaluations, grids, checkpoints and the report take {describe_seconds(besides)}{trial}; "
            f"give {math.ceil(enough + spent)}s at least."
        )


def _images_within(seconds: float, draft: Draft, evaluations: int, costs: Mapping[str, float]) -> int:
    """The longest run, in images, within so many seconds; the shortest run must be within them.

    What comes besides the steps depends on their number, so that is doubled as long as the time suffices, then
    bisected. A few steps more may take less, where intervals grow by a step: then these are not the most, but within
    the time.
    """
    multiple = (evaluations or 1) * draft.batch_size

    def needed(multiples: int) -> float:
        return _run_seconds(draft, multiples * multiple, evaluations, costs)

    multiples = _shortest_length(draft, evaluations) // multiple
    while needed(2 * multiples) <= seconds:
        multiples *= 2
    return multiple * (multiples + bisect(range(multiples + 1, 2 * multiples), seconds, key=needed))
