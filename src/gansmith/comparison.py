"""Runs beside each other: seeds put together, at equal images and equal time, and what their intervals allow to say.

The interval of several seeds is Student's of their mean, around their median, and never narrower than the intervals of
the single values allow. One seed has the interval of its measurement only, which says nothing of another seed.
"""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from string import ascii_uppercase
from typing import Any

import numpy as np

from gansmith.errors import UsageError
from gansmith.evaluation.history import DECIDES, Evaluated, evaluations
from gansmith.evaluation.measure import Measured
from gansmith.evaluation.table import METRICS
from gansmith.metrics.intervals import Estimate
from gansmith.metrics.protocol import Protocol, comparable, from_facts
from gansmith.recipe_file import flat
from gansmith.runs import Run
from gansmith.schema import Recipe

MOST = len(ascii_uppercase)
"""Sides that can be told apart by a letter."""

_STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""The 97.5 % quantiles of Student's law for 2 to 10 values; the last one for more."""

_COMPUTES_NOTHING = ("seed", "name", "about", "figures", "checkpoints", "grid")
"""Parts of a recipe in which the runs of one side may differ."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A run, and what the state that is compared was measured at."""

    run: Run
    recipe: Recipe
    measured: Measured

    @property
    def seen(self) -> int:
        """Images after which that state was saved."""
        return (self.measured.protocol.checkpoint or 0) * self.recipe.batch


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """Runs whose recipes differ in the seed only."""

    letter: str
    runs: tuple[Judged, ...]

    @property
    def recipe(self) -> Recipe:
        """Of the first run, which stands for all."""
        return self.runs[0].recipe


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """Values of a side's runs: their median and its interval."""

    median: float
    low: float
    high: float
    values: tuple[float, ...]

    @property
    def half(self) -> float:
        """Of the interval, before it was cut at the values a measure can take."""
        return max(self.median - self.low, self.high - self.median)


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """One way of being fair: by measure, a summary of each side; or the reason why there is none."""

    title: str
    rows: Mapping[str, tuple[Summary, ...]]
    why_not: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """All of it."""

    sides: tuple[Side, ...]
    moments: tuple[Moment, ...]

    @property
    def decides(self) -> str:
        """The measure that verdicts are by: the Fréchet distance, or else the first one."""
        rows = self.moments[0].rows
        return DECIDES if DECIDES in rows else next(iter(rows))

    @property
    def verdicts(self) -> dict[str, str]:
        """Of every two sides in their last states."""
        rows, name = self.moments[0].rows, self.decides
        return {
            f"{self.sides[a].letter}, {self.sides[b].letter}": verdict(
                name, rows[name][a], rows[name][b], self.sides[a].letter, self.sides[b].letter
            )
            for a, b in combinations(range(len(self.sides)), 2)
        }

    @property
    def remarks(self) -> list[str]:
        """What a reader has to know before believing a verdict."""
        last = {side.letter: sorted({one.seen for one in side.runs}) for side in self.sides}
        unlike = len({seen for of_side in last.values() for seen in of_side}) > 1
        counts = "; ".join(
            f"{letter} {' and '.join(f'{seen:,}' for seen in of_side)}" for letter, of_side in last.items()
        )
        said = [f"the last states did not see as many images, {counts}: see the rows of equal ones"] if unlike else []
        if single := [side.letter for side in self.sides if len(side.runs) == 1]:
            said.append(f"one seed of {' and of '.join(single)}: another seed may turn the verdict")
        return said

    def facts(self) -> dict[str, Any]:
        """All of it as plain data for JSON."""
        return {
            "sides": {side.letter: [one.run.path.name for one in side.runs] for side in self.sides},
            "differ": differences(self.sides),
            "protocol": self.sides[0].runs[0].measured.protocol.facts(),
            "moments": [
                {
                    "title": moment.title,
                    "why_not": moment.why_not,
                    "rows": {
                        name: {side.letter: asdict(one) for side, one in zip(self.sides, row, strict=True)}
                        for name, row in moment.rows.items()
                    },
                }
                for moment in self.moments
            ],
            "decides": self.decides,
            "verdicts": self.verdicts,
            "remarks": self.remarks,
        }


def compare(runs: Sequence[Judged]) -> Comparison:
    """Put runs that differ in the seed only on one side, and compare the sides.

    Raises UsageError when there are not two sides, one run is given twice, or two were not measured in the same way.
    """
    for one in runs[1:]:
        comparable(runs[0].measured.protocol, one.measured.protocol)
    sides = _sides(runs)
    names = [name for name in runs[0].measured.values if all(name in one.measured.values for one in runs)]
    last = Moment(
        title="last states",
        rows={
            name: tuple(summarise([one.measured.values[name] for one in side.runs]) for side in sides) for name in names
        },
    )
    return Comparison(sides=sides, moments=(last, at_equal_images(sides), at_equal_time(sides)))


def refuse_the_same(runs: Sequence[tuple[Run, Recipe]]) -> None:
    """Raise UsageError when there is nothing to compare, before anything is measured."""
    seen: dict[Any, str] = {}
    for run, _ in runs:
        if (path := run.path.resolve()) in seen:
            raise UsageError(f"{run.path} is given twice; give different runs.")
        seen[path] = run.path.name
    kinds = {str(_kind(recipe)) for _, recipe in runs}
    if len(kinds) < 2:
        raise UsageError(
            f"{', '.join(seen.values())} differ in the seed only, which makes them one side; give a run of another "
            "recipe, or other settings, to compare with."
        )
    if len(kinds) > MOST:
        raise UsageError(f"{len(kinds)} recipes are too many for one table; give runs of at most {MOST}.")


def _sides(runs: Sequence[Judged]) -> tuple[Side, ...]:
    refuse_the_same([(one.run, one.recipe) for one in runs])
    groups: dict[str, list[Judged]] = {}
    for one in runs:
        groups.setdefault(str(_kind(one.recipe)), []).append(one)
    return tuple(
        Side(letter=letter, runs=tuple(group)) for letter, group in zip(ascii_uppercase, groups.values(), strict=False)
    )


def _kind(recipe: Recipe) -> dict[str, Any]:
    return {name: value for name, value in recipe.model_dump(mode="json").items() if name not in _COMPUTES_NOTHING}


def differences(sides: Sequence[Side]) -> dict[str, list[Any]]:
    """The recipe's fields that are not the same on all sides, with the value of each; None where a side has none."""
    facts = [flat(_kind(side.recipe)) for side in sides]
    names = dict.fromkeys(name for one in facts for name in one)
    return {name: [one.get(name) for one in facts] for name in names if len({str(one.get(name)) for one in facts}) > 1}


def summarise(estimates: Sequence[Estimate]) -> Summary:
    """The median of the runs' values and its interval; see the head of this file."""
    values = [one.value for one in estimates]
    half = math.sqrt(sum(((one.high - one.low) / 2) ** 2 for one in estimates)) / len(values)
    if len(values) > 1:
        quantile = _STUDENT[min(len(values) - 2, len(_STUDENT) - 1)]
        half = max(half, quantile * statistics.stdev(values) / math.sqrt(len(values)))
    median = statistics.median(values)
    low = median - half
    if all(one.low >= 0 for one in estimates):
        low = max(low, 0.0)
    return Summary(median=median, low=low, high=median + half, values=tuple(values))


def verdict(name: str, a: Summary, b: Summary, a_name: str = "A", b_name: str = "B") -> str:
    """Which is better, or "cannot tell": whether 0 lies outside the interval of the difference.

    It cannot be told for a measure of which neither more nor less is better.
    """
    direction = {"lower": -1, "higher": 1}.get(METRICS[name].better, 0)
    difference = direction * (a.median - b.median)
    if not abs(difference) > math.hypot(a.half, b.half):
        return "cannot tell"
    return f"{a_name if difference > 0 else b_name} better"


def at_equal_images(sides: Sequence[Side]) -> Moment:
    """The evaluations on the way that are nearest to the images that all runs have seen."""
    last = {one.seen for side in sides for one in side.runs}
    if len(last) == 1:
        return Moment(title="equal images", rows={}, why_not=f"the last states, all after {last.pop():,} images")
    return _nearest(sides, "images", lambda _, one: one.seen)


def at_equal_time(sides: Sequence[Side]) -> Moment:
    """The same for the training time, as each run's own log has it, on whatever machine that was."""
    return _nearest(sides, "seconds of training", seconds_at)


def seconds_at(run: Run, evaluated: Evaluated) -> float:
    """The training time up to an evaluation, between the two logged steps around it."""
    events = [event for event in run.events() if isinstance(event.get("time"), dict)]
    return float(np.interp(evaluated.seen, [one["seen"] for one in events], [one["time"]["seconds"] for one in events]))


def _nearest(sides: Sequence[Side], unit: str, clock: Callable[[Run, Evaluated], float]) -> Moment:
    title = "equal images" if unit == "images" else "equal time"
    runs = [one.run for side in sides for one in side.runs]
    histories = {run: evaluations(run) for run in runs}
    if without := [run.path.name for run in runs if not histories[run]]:
        return Moment(
            title=title,
            rows={},
            why_not=f"{', '.join(without)} {'has' if len(without) == 1 else 'have'} no evaluations on the way; train "
            "with --set evaluate.every=N",
        )
    try:
        protocols = [_protocol(run) for run in runs]
        for one in protocols[1:]:
            comparable(protocols[0], one)
    except UsageError as error:
        return Moment(title=title, rows={}, why_not=f"of the evaluations on the way, {error}")
    clocks = {run: [clock(run, one) for one in histories[run]] for run in runs}
    common = min(times[-1] for times in clocks.values())

    def at(run: Run) -> Estimate:
        times = np.array(clocks[run])
        found = histories[run][int(np.abs(times - common).argmin())]
        return Estimate(found.value, found.low, found.high, "logged")

    row = tuple(summarise([at(one.run) for one in side.runs]) for side in sides)
    return Moment(title=f"{title}, {common:,.0f} {unit}, as evaluated on the way", rows={DECIDES: row})


def _protocol(run: Run) -> Protocol:
    """Of the evaluations on the way. Each seed draws its own pictures from the same real ones: no difference."""
    kept = run.info().get("evaluate")
    return replace(from_facts(kept.get("protocol") if isinstance(kept, dict) else None), reference_sha256="")
