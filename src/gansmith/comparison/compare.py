"""Groups of runs compared at their last checkpoints, after equal numbers of images, and after equal training time.

Equal images/time: all runs at the last evaluation of the run that ended first; the distances of the others, and both
ends of their intervals, are interpolated linearly. A run has no distance before its first evaluation.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from gansmith.comparison.groups import Group, MeasuredRun, differences, differing_in_length, groups_of
from gansmith.errors import UsageError
from gansmith.evaluation.protocol import Protocol, comparable, difference, from_dict
from gansmith.evaluation.seeds import OPEN, STUDENT, SeedSummary, summarise, verdict
from gansmith.evaluation.table import FRUGAL
from gansmith.evaluation.text import decimals, number, without
from gansmith.metrics.intervals import Estimate
from gansmith.runs.history import DECIDES, Evaluated, evaluations
from gansmith.runs.run import Run
from gansmith.text import columns
from gansmith.training.evaluation import NOT_EVALUATED


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """A point of training at which all groups are compared."""

    title: str
    rows: Mapping[str, tuple[SeedSummary, ...]]
    """A summary of each group by metric; empty when the groups cannot be compared here."""
    why_not: str = ""
    """Why the groups cannot be compared here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Groups of runs, their metrics, and which is better."""

    groups: tuple[Group, ...]
    moments: tuple[Moment, Moment, Moment]
    """The last checkpoints, equal images, equal time."""

    @property
    def decides(self) -> str:
        """The metric that decides: the Fréchet distance, else the kernel distance, else the first one."""
        rows = self.moments[0].rows
        return next((name for name in (DECIDES, FRUGAL) if name in rows), next(iter(rows)))

    @property
    def left_out(self) -> dict[str, str]:
        """The metrics that cannot be computed, and why."""
        return self.groups[0].runs[0].measured.left_out

    @property
    def verdicts(self) -> dict[str, str]:
        """The verdict on every two groups at their last checkpoints."""
        name = self.decides
        summaries = [(group.letter, one) for group, one in zip(self.groups, self.moments[0].rows[name], strict=True)]
        return {f"{a}, {b}": verdict(name, x, y, a, b) for (a, x), (b, y) in combinations(summaries, 2)}

    @property
    def notes(self) -> list[str]:
        """Notes that limit what a verdict means."""
        return [*without(self.left_out), *self._notes_on_lengths(), *self._notes_on_seeds()]

    def _notes_on_lengths(self) -> Iterator[str]:
        if len({one.seen for group in self.groups for one in group.runs}) > 1:
            last = {group.letter: sorted({one.seen for one in group.runs}) for group in self.groups}
            counts = "; ".join(f"{name} {' and '.join(f'{one:,}' for one in seen)}" for name, seen in last.items())
            see = "; see the rows of equal images" if self.moments[1].rows else ""
            yield f"the last checkpoints have seen different numbers of images: {counts}{see}"
        for members in differing_in_length(self.groups):
            steps = min(group.recipe.steps for group in members)
            yield (
                f"{' and '.join(group.letter for group in members)} differ only in their length and what follows from "
                f"it; train seeds with the same --steps, such as --steps {steps}, instead of a --budget of time, to "
                "make them one group"
            )

    def _notes_on_seeds(self) -> Iterator[str]:
        for group in self.groups:
            if len({one.recipe.seed for one in group.runs}) < len(group.runs):
                yield (
                    f"runs of {group.letter} have the same seed: on one machine they are the same run twice, and the "
                    "interval is too narrow"
                )
        if single := [group.letter for group in self.groups if len(group.runs) == 1]:
            yield f"one seed of {' and of '.join(single)}: another seed may reverse the verdict"
        undecided = "".join(pair for pair, said in self.verdicts.items() if said == OPEN)
        if few := [group.letter for group in self.groups if len(group.runs) == 2 and group.letter in undecided]:
            yield (
                f"two seeds of {' and of '.join(few)}: Student's factor is {STUDENT[0]:.1f} with two seeds and "
                f"{STUDENT[1]:.1f} with three, so one more may decide"
            )

    def lines(self) -> Iterator[str]:
        """Lines for a terminal: groups, what differs between them, a table for each moment, verdicts and notes."""
        for group in self.groups:
            runs = [f"{one.run.path.name} (seed {one.recipe.seed}, {one.seen:,} images)" for one in group.runs]
            yield f"{group.letter}  {', '.join(runs)}"
        for name, values in differences(self.groups).items():
            yield f"   {name}: {' | '.join(map(describe_value, values))}"
        for moment in self.moments:
            yield from ("", f"{moment.title}: {moment.why_not}" if moment.why_not else moment.title)
            if moment.rows:
                head = ["", *(group.letter for group in self.groups), "better"]
                rows = [[name, *cells(row), better(self, name, row)] for name, row in moment.rows.items()]
                yield from (f"  {line}".rstrip() for line in columns([head, *rows]))
        yield ""
        for pair, found in self.verdicts.items():
            yield f"{f'{pair}: ' if len(self.verdicts) > 1 else ''}{found}, by {self.decides}"
        yield from (f"note: {note}" for note in self.notes)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "groups": {group.letter: [one.run.path.name for one in group.runs] for group in self.groups},
            "differ": differences(self.groups),
            "protocol": self.groups[0].runs[0].measured.protocol.to_dict(),
            "moments": [
                {
                    "title": moment.title,
                    "why_not": moment.why_not,
                    "rows": {
                        name: {group.letter: asdict(one) for group, one in zip(self.groups, row, strict=True)}
                        for name, row in moment.rows.items()
                    },
                }
                for moment in self.moments
            ],
            "left_out": self.left_out,
            "decides": self.decides,
            "verdicts": self.verdicts,
            "notes": self.notes,
        }


def cells(row: Sequence[SeedSummary]) -> list[str]:
    """Each summary as "12.3 (11.9 to 12.8)", all with the decimals of the least exact one."""
    places = min(decimals(Estimate(one.median, one.low, one.high, "")) for one in row)
    return [f"{number(one.median, places)} ({number(one.low, places)} to {number(one.high, places)})" for one in row]


def better(found: Comparison, name: str, row: Sequence[SeedSummary]) -> str:
    """The letter of the group that is better than every other one by this measure, or a dash."""
    for group, one in zip(found.groups, row, strict=True):
        if all(verdict(name, one, other) == "A better" for other in row if other is not one):
            return group.letter
    return "–"


def describe_value(value: object) -> str:
    """A recipe's value as text; a dash where a group's recipe has no such field."""
    return "–" if value is None else str(value)


def compare_measured(runs: Sequence[MeasuredRun]) -> Comparison:
    """Put runs into groups and compare the groups.

    Raises UsageError when there are not two groups, a run is given twice, or two were not measured in the same way.
    """
    for one in runs[1:]:
        comparable(runs[0].measured.protocol, one.measured.protocol)
    groups = groups_of(runs)
    rows = {
        name: tuple(summarise(name, [one.measured.values[name] for one in group.runs]) for group in groups)
        for name in runs[0].measured.values
        if all(name in one.measured.values for one in runs)
    }
    last = Moment(title="last checkpoints", rows=rows)
    return Comparison(groups=groups, moments=(last, at_equal_images(groups), at_equal_time(groups)))


def at_equal_images(groups: Sequence[Group]) -> Moment:
    """The distances after equal numbers of images, by the evaluations during training."""
    last = {one.seen for group in groups for one in group.runs}
    if len(last) == 1:
        return Moment(title="equal images", rows={}, why_not=f"the last checkpoints, all after {last.pop():,} images")
    return _during_training(groups, "images", lambda _, history: [one.seen for one in history])


def at_equal_time(groups: Sequence[Group]) -> Moment:
    """The distances after equal training time, as each run's log has it, on whatever machine that was."""
    return _during_training(groups, "seconds of training", seconds_at)


def seconds_at(run: Run, history: Sequence[Evaluated]) -> list[float]:
    """The training time at each evaluation, interpolated between the two logged steps around it."""
    events = [event for event in run.events() if isinstance(event.get("time"), dict)]
    seen, seconds = [one["seen"] for one in events], [one["time"]["seconds"] for one in events]
    return np.interp([one.seen for one in history], [0, *seen], [0.0, *seconds]).tolist()


def _during_training(
    groups: Sequence[Group], unit: str, clock: Callable[[Run, Sequence[Evaluated]], Sequence[float]]
) -> Moment:
    """Every run at the last evaluation of the run that ended first, interpolated linearly between evaluations."""
    title = "equal images" if unit == "images" else "equal time"
    runs = [one for group in groups for one in group.runs]
    histories = {one.run: evaluations(one.run) for one in runs}
    if why_not := _why_no_evaluations([one for one in runs if not histories[one.run]]) or _why_not_comparable(
        [one.run for one in runs]
    ):
        return Moment(title=title, rows={}, why_not=why_not)
    clocks = {run: clock(run, history) for run, history in histories.items()}
    common = min(times[-1] for times in clocks.values())
    if late := [run.path.name for run, times in clocks.items() if times[0] > common]:
        first = min(clocks, key=lambda run: clocks[run][-1]).path.name
        why_not = (
            f"{', '.join(late)} had no evaluation yet at {common:,.0f} {unit}, where the evaluations of {first} end"
        )
        return Moment(title=title, rows={}, why_not=why_not)

    def at(run: Run) -> Estimate:
        lines = [(one.value, one.low, one.high) for one in histories[run]]
        value, low, high = (float(np.interp(common, clocks[run], ends)) for ends in zip(*lines, strict=True))
        return Estimate(value, low, high, "between evaluations")

    title = f"{title}, {common:,.0f} {unit}, interpolated between the evaluations during training"
    row = tuple(summarise(DECIDES, [at(one.run) for one in group.runs]) for group in groups)
    return Moment(title=title, rows={DECIDES: row})


def _why_no_evaluations(runs: Sequence[MeasuredRun]) -> str:
    """Why these runs have no evaluations; empty for no runs."""
    reasons: dict[str, list[str]] = {}
    for one in runs:
        reasons.setdefault(_why_not_evaluated(one), []).append(one.run.path.name)
    return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())


def _why_not_evaluated(one: MeasuredRun) -> str:
    notes = one.run.info().get("notes")
    for note in notes if isinstance(notes, list) else []:
        if str(note).startswith(NOT_EVALUATED):
            return str(note)
    if every := one.recipe.evaluate.every:
        return f"ended before its first evaluation, evaluate.every={every}; train longer, or with a smaller value"
    return "no evaluations during training; train with --set evaluate.every=N"


def _why_not_comparable(runs: Sequence[Run]) -> str:
    """Why the evaluations of these runs cannot be compared; empty when they can."""
    try:
        protocols = [_protocol(run) for run in runs]
    except UsageError as error:
        return f"evaluations during training: {error}"
    for run, one in zip(runs[1:], protocols[1:], strict=True):
        if differ := difference(protocols[0], one):
            return f"the evaluations during training of {runs[0].path.name} and {run.path.name} differ in {differ}"
    return ""


def _protocol(run: Run) -> Protocol:
    """The protocol of the evaluations during training, without the hash: each seed draws its own real images."""
    kept = run.info().get("evaluate")
    return replace(from_dict(kept.get("protocol") if isinstance(kept, dict) else None), reference_sha256="")
