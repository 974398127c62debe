"""Which runs are seeds of one another, and which are compared: runs put together as sides.

Runs are one side when their recipes differ in the seed only, and in what moves no weight.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from gansmith.config import is_schedule
from gansmith.data.selection import parse_name
from gansmith.errors import UsageError
from gansmith.evaluation.measure import Measured
from gansmith.recipe_file import flat
from gansmith.runs.run import Run
from gansmith.schema import Recipe
from gansmith.sessions.changes import trained_on, what_moves_weights
from gansmith.text import describe_size

MOST = len(ascii_uppercase)
"""Sides that can be told apart by a letter."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasuredRun:
    """A run, and what the state that is compared was measured at."""

    run: Run
    recipe: Recipe
    measured: Measured

    @property
    def seen(self) -> int:
        """Images after which that state was saved."""
        return (self.measured.protocol.checkpoint or 0) * self.recipe.batch_size


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Runs whose recipes differ in the seed only, and in what moves no weight."""

    letter: str
    runs: tuple[MeasuredRun, ...]

    @property
    def recipe(self) -> Recipe:
        """Of the first run, which stands for all."""
        return self.runs[0].recipe


def check_runs_differ(runs: Sequence[tuple[Run, Recipe]]) -> None:
    """Raise UsageError when there is nothing to compare, before anything is measured."""
    seen: dict[Any, str] = {}
    for run, _ in runs:
        if (path := run.path.resolve()) in seen:
            raise UsageError(f"{run.path} is given twice; give different runs.")
        seen[path] = run.path.name
    kinds = {str(_kind(run, recipe.model_dump(mode="json"))) for run, recipe in runs}
    if len(kinds) < 2:
        raise UsageError(
            f"{', '.join(seen.values())} differ in the seed only, or in what moves no weight, which makes them one "
            "side; give a run of another recipe, or other settings, to compare with."
        )
    if len(kinds) > MOST:
        raise UsageError(f"{len(kinds)} recipes are too many for one table; give runs of at most {MOST}.")


def check_same_shapes(runs: Sequence[tuple[Run, Recipe]]) -> None:
    """Raise UsageError when two runs make images of unlike shape, before anything is opened."""
    first, wanted = runs[0][0], runs[0][1].data
    for run, recipe in runs[1:]:
        data = recipe.data
        if differ := [name for name in ("channels", "height", "width") if getattr(data, name) != getattr(wanted, name)]:
            options = " ".join(f"--set data.{name}={getattr(wanted, name)}" for name in differ)
            raise UsageError(
                f"{first.path.name} makes {describe_size(wanted.channels, wanted.height, wanted.width)} images, "
                f"{run.path.name} {describe_size(data.channels, data.height, data.width)} ones, which cannot be "
                f"compared; train both with the same, such as {options}."
            )


def groups_of(runs: Sequence[MeasuredRun]) -> tuple[Group, ...]:
    """The runs put together. Raises UsageError as `check_runs_differ`."""
    check_runs_differ([(one.run, one.recipe) for one in runs])
    groups: dict[str, list[MeasuredRun]] = {}
    for one in runs:
        groups.setdefault(str(_kind(one.run, one.recipe.model_dump(mode="json"))), []).append(one)
    return tuple(
        Group(letter=letter, runs=tuple(group)) for letter, group in zip(ascii_uppercase, groups.values(), strict=False)
    )


def _kind(run: Run, values: dict[str, Any]) -> dict[str, object]:
    """What a side's runs have in common, of the plain values of a recipe: all that moves a weight, but for the seed.

    Images go by what they are, if the run says it, and not by where they lie.
    """
    moving = {name: value for name, value in what_moves_weights(values).items() if name != "seed"}
    data, images = values["data"], trained_on(run)
    if not images["sha256"]:
        return moving
    labels = images["labels"] if data["num_classes"] else None
    return moving | {
        "data.name": (parse_name(data["name"]).classes, images["sha256"]),
        "data.num_classes": (data["num_classes"], labels),
    }


def differences(groups: Sequence[Group]) -> dict[str, list[Any]]:
    """The recipe's fields that make sides of the runs, with the value of each; None where a side has none.

    Where the images under one name are not the same, the beginning of their hash is added to it.
    """
    facts = [group.recipe.model_dump(mode="json") for group in groups]
    kinds = [_kind(group.runs[0].run, values) for group, values in zip(groups, facts, strict=True)]
    names = dict.fromkeys(name for one in kinds for name in one)
    differ = [name for name in names if len({str(one.get(name)) for one in kinds}) > 1]
    found = {name: [flat(values).get(name) for values in facts] for name in differ}
    if len(set(found.get("data.name", ()))) == 1:
        hashes = [str(trained_on(group.runs[0].run)["sha256"])[:12] for group in groups]
        found["data.name"] = [f"{group.recipe.data.name} ({sha})" for group, sha in zip(groups, hashes, strict=True)]
    return found


def of_another_length(groups: Sequence[Group]) -> list[list[Group]]:
    """Those sides that differ in nothing but their length and what follows from it, together."""
    alike: dict[str, list[Group]] = {}
    for group in groups:
        values = _without_moments(group.recipe.model_dump(mode="json"))
        kind = _kind(group.runs[0].run, {name: value for name, value in values.items() if name != "ema_half_life"})
        alike.setdefault(str(kind | {"length.images": 0}), []).append(group)
    return [members for members in alike.values() if len({group.recipe.length.images for group in members}) > 1]


def _without_moments(values: Any) -> Any:
    """A recipe's plain values, but for when its schedules begin and end."""
    if not isinstance(values, dict):
        return values
    kept = [name for name in values if not (is_schedule(values) and name in ("begin", "until"))]
    return {name: _without_moments(values[name]) for name in kept}
