"""Runs beside each other: seeds put together, at equal images and equal time, and what their intervals allow to say.

Equal images are those after which the first run to end was evaluated last, and equal time likewise. Hardly another run
was evaluated just then: its distance, and both ends of the interval, are taken on the straight line between the
evaluation before and the one after. Before its first evaluation a run has no distance, and nothing is compared.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from gansmith.comparison.groups import Group, MeasuredRun, differences, groups_of, of_another_length
from gansmith.errors import UsageError
from gansmith.evaluation.protocol import Protocol, comparable, difference, from_dict
from gansmith.evaluation.seeds import OPEN, STUDENT, Summary, summarise, verdict
from gansmith.evaluation.table import FRUGAL
from gansmith.evaluation.text import without
from gansmith.metrics.intervals import Estimate
from gansmith.runs.history import DECIDES, Evaluated, evaluations
from gansmith.runs.run import Run
from gansmith.training.evaluation import NOT_EVALUATED


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """One way of being fair: by measure, a summary of each side; or the reason why there is none."""

    title: str
    rows: Mapping[str, tuple[Summary, ...]]
    why_not: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """All of it."""

    groups: tuple[Group, ...]
    moments: tuple[Moment, Moment, Moment]
    """The last states, equal images, equal time."""

    @property
    def decides(self) -> str:
        """The measure that verdicts are by: the Fréchet distance, or else the kernel distance, or else the first."""
        rows = self.moments[0].rows
        return next((name for name in (DECIDES, FRUGAL) if name in rows), next(iter(rows)))

    @property
    def left_out(self) -> dict[str, str]:
        """The measures that were wanted and cannot be had, and why."""
        return self.groups[0].runs[0].measured.left_out

    @property
    def verdicts(self) -> dict[str, str]:
        """Of every two sides in their last states."""
        rows, name = self.moments[0].rows, self.decides
        return {
            f"{self.groups[a].letter}, {self.groups[b].letter}": verdict(
                name, rows[name][a], rows[name][b], self.groups[a].letter, self.groups[b].letter
            )
            for a, b in combinations(range(len(self.groups)), 2)
        }

    @property
    def notes(self) -> list[str]:
        """What a reader has to know before believing a verdict."""
        return [*without(self.left_out), *self._of_lengths(), *self._of_seeds()]

    def _of_lengths(self) -> Iterator[str]:
        last = {group.letter: sorted({one.seen for one in group.runs}) for group in self.groups}
        if len({seen for of_side in last.values() for seen in of_side}) > 1:
            counts = "; ".join(
                f"{letter} {' and '.join(f'{seen:,}' for seen in of_side)}" for letter, of_side in last.items()
            )
            see = ": see the rows of equal ones" if self.moments[1].rows else ""
            yield f"the last states did not see as many images, {counts}{see}"
        for members in of_another_length(self.groups):
            steps = min(group.recipe.steps for group in members)
            yield (
                f"{' and '.join(group.letter for group in members)} differ only in their length and what follows from "
                f"it; seeds trained with the same --steps, such as --steps {steps}, and not by a --budget of time, "
                "are one side"
            )

    def _of_seeds(self) -> Iterator[str]:
        for group in self.groups:
            if len({one.recipe.seed for one in group.runs}) < len(group.runs):
                yield (
                    f"runs of {group.letter} have the same seed: on one machine they are one run twice, and the "
                    "interval is too narrow"
                )
        if single := [group.letter for group in self.groups if len(group.runs) == 1]:
            yield f"one seed of {' and of '.join(single)}: another seed may turn the verdict"
        undecided = "".join(pair for pair, said in self.verdicts.items() if said == OPEN)
        if few := [group.letter for group in self.groups if len(group.runs) == 2 and group.letter in undecided]:
            yield (
                f"two seeds of {' and of '.join(few)}: Student's factor is {STUDENT[0]:.1f} with two seeds and "
                f"{STUDENT[1]:.1f} with three, so that one more may decide"
            )

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data for JSON."""
        return {
            "sides": {group.letter: [one.run.path.name for one in group.runs] for group in self.groups},
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


def compare_measured(runs: Sequence[MeasuredRun]) -> Comparison:
    """Put runs that differ in nothing that matters but the seed on one side, and compare the sides.

    Raises UsageError when there are not two sides, one run is given twice, or two were not measured in the same way.
    """
    for one in runs[1:]:
        comparable(runs[0].measured.protocol, one.measured.protocol)
    groups = groups_of(runs)
    names = [name for name in runs[0].measured.values if all(name in one.measured.values for one in runs)]
    last = Moment(
        title="last states",
        rows={
            name: tuple(summarise(name, [one.measured.values[name] for one in group.runs]) for group in groups)
            for name in names
        },
    )
    return Comparison(groups=groups, moments=(last, at_equal_images(groups), at_equal_time(groups)))


def at_equal_images(groups: Sequence[Group]) -> Moment:
    """The distances after the images that all runs have seen, by the evaluations on the way."""
    last = {one.seen for group in groups for one in group.runs}
    if len(last) == 1:
        return Moment(title="equal images", rows={}, why_not=f"the last states, all after {last.pop():,} images")
    return _on_the_way(groups, "images", lambda _, history: [one.seen for one in history])


def at_equal_time(groups: Sequence[Group]) -> Moment:
    """The same for the training time, as each run's own log has it, on whatever machine that was."""
    return _on_the_way(groups, "seconds of training", seconds_at)


def seconds_at(run: Run, history: Sequence[Evaluated]) -> list[float]:
    """The training time up to each evaluation, between the two logged steps around it."""
    events = [event for event in run.events() if isinstance(event.get("time"), dict)]
    seen, seconds = [one["seen"] for one in events], [one["time"]["seconds"] for one in events]
    return np.interp([one.seen for one in history], [0, *seen], [0.0, *seconds]).tolist()


def _on_the_way(
    groups: Sequence[Group], unit: str, clock: Callable[[Run, Sequence[Evaluated]], Sequence[float]]
) -> Moment:
    """Every run at the moment that the first to end was evaluated last; on straight lines between evaluations."""
    title = "equal images" if unit == "images" else "equal time"
    runs = [one for group in groups for one in group.runs]
    histories = {one.run: evaluations(one.run) for one in runs}
    if why_not := _why_not([one for one in runs if not histories[one.run]]) or _unlike([one.run for one in runs]):
        return Moment(title=title, rows={}, why_not=why_not)
    clocks = {run: clock(run, history) for run, history in histories.items()}
    common = min(times[-1] for times in clocks.values())
    if late := [run.path.name for run, times in clocks.items() if times[0] > common]:
        first = min(clocks, key=lambda run: clocks[run][-1]).path.name
        why_not = f"{', '.join(late)} had no evaluation yet at {common:,.0f} {unit}, where those of {first} end"
        return Moment(title=title, rows={}, why_not=why_not)

    def at(run: Run) -> Estimate:
        lines = [(one.value, one.low, one.high) for one in histories[run]]
        value, low, high = (float(np.interp(common, clocks[run], ends)) for ends in zip(*lines, strict=True))
        return Estimate(value, low, high, "between evaluations")

    row = tuple(summarise(DECIDES, [at(one.run) for one in group.runs]) for group in groups)
    return Moment(
        title=f"{title}, {common:,.0f} {unit}, on straight lines between the evaluations on the way",
        rows={DECIDES: row},
    )


def _why_not(runs: Sequence[MeasuredRun]) -> str:
    """Why these runs have no evaluations; nothing for no runs."""
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
        return f"ended before its first evaluation, evaluate.every={every}; train longer, or with a smaller one"
    return "no evaluations on the way; train with --set evaluate.every=N"


def _unlike(runs: Sequence[Run]) -> str:
    """What keeps the evaluations of these runs from being compared; nothing where nothing does."""
    try:
        protocols = [_protocol(run) for run in runs]
    except UsageError as error:
        return f"of the evaluations on the way, {error}"
    for run, one in zip(runs[1:], protocols[1:], strict=True):
        if differ := difference(protocols[0], one):
            return f"the evaluations on the way of {runs[0].path.name} and {run.path.name} differ in {differ}"
    return ""


def _protocol(run: Run) -> Protocol:
    """Of the evaluations on the way. Each seed draws its own images from the same real ones: no difference."""
    kept = run.info().get("evaluate")
    return replace(from_dict(kept.get("protocol") if isinstance(kept, dict) else None), reference_sha256="")
