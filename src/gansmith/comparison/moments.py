"""The moments of training at which groups of runs are compared: equal numbers of images, and equal training time.

All runs are at the last evaluation of the run that ended first; the distances of the others, and both ends of their
intervals, are interpolated linearly. A run has no distance before its first evaluation.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gansmith.checkpoints.manifest import saved_checkpoints
from gansmith.comparison.groups import Group, MeasuredRun
from gansmith.errors import CheckpointError, UsageError
from gansmith.evaluation.protocol import Protocol, difference, from_dict
from gansmith.evaluation.seeds import SeedSummary, summarise
from gansmith.metrics.intervals import Estimate
from gansmith.runs.history import DECIDES, Evaluated, evaluations
from gansmith.runs.run import Run
from gansmith.text import command
from gansmith.training.evaluation import NOT_EVALUATED


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """A point of training at which all groups are compared."""

    title: str
    rows: Mapping[str, tuple[SeedSummary, ...]]
    """A summary of each group by metric; empty when the groups cannot be compared here."""
    why_not: str = ""
    """Why the groups cannot be compared here."""


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
    row = tuple(summarise(DECIDES, [at(one.run) for one in group.runs], group.seeds) for group in groups)
    return Moment(title=title, rows={DECIDES: row})


EVALUATIONS_OFF = "no evaluations during training"
"""Why a run whose recipe asks for no evaluations has none."""


def _why_no_evaluations(runs: Sequence[MeasuredRun]) -> str:
    """Why these runs have no evaluations; empty for no runs."""
    reasons: dict[str, list[Run]] = {}
    for one in runs:
        reasons.setdefault(_why_not_evaluated(one), []).append(one.run)
    texts = []
    for reason, those in reasons.items():
        remedy = _instead(those[0]) if reason == EVALUATIONS_OFF else ""
        texts.append(f"{', '.join(run.path.name for run in those)}: {reason}{remedy}")
    return "; ".join(texts)


def _why_not_evaluated(one: MeasuredRun) -> str:
    notes = one.run.info().get("notes")
    for note in notes if isinstance(notes, list) else []:
        if str(note).startswith(NOT_EVALUATED):
            return str(note)
    if every := one.recipe.evaluate.every:
        return f"ended before its first evaluation, evaluate.every={every}; train longer, or with a smaller value"
    return EVALUATIONS_OFF


def _instead(run: Run) -> str:
    """What measures a run that was not evaluated during training: its kept checkpoints, without training again."""
    try:
        steps = list(saved_checkpoints(run))
    except CheckpointError:
        steps = []
    if not steps:
        return "; train with --set evaluate.every=N"
    evaluation = command("evaluate", run.path, "--checkpoint", steps[0])
    return f"; kept checkpoints can be measured without training again, such as: {evaluation}"


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
