"""Groups of runs: those with one given name, or whose recipes differ only in the seed and in what moves no weight."""

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

MOST_GROUPS = len(ascii_uppercase)
"""Groups in one comparison; a group without a given name has a letter."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasuredRun:
    """A run and the metrics of the checkpoint that is compared."""

    run: Run
    recipe: Recipe
    measured: Measured
    group_name: str = ""
    """The name that was given to its group; empty for a run that is grouped by its recipe."""

    @property
    def seen(self) -> int:
        """Real images that D had seen at this checkpoint."""
        return (self.measured.protocol.checkpoint or 0) * self.recipe.batch_size


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Runs with one given name, or whose recipes differ only in the seed and in what moves no weight."""

    name: str
    runs: tuple[MeasuredRun, ...]

    @property
    def recipe(self) -> Recipe:
        """The recipe of the first run."""
        return self.runs[0].recipe

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seed of each run."""
        return tuple(one.recipe.seed for one in self.runs)

    @property
    def mixed_fields(self) -> list[str]:
        """The fields besides the seed in which its runs differ; none unless the group was named."""
        kinds = [_weight_fields(one.run, one.recipe.model_dump(mode="json")) for one in self.runs]
        names = dict.fromkeys(name for one in kinds for name in one)
        return [name for name in names if len({str(one.get(name)) for one in kinds}) > 1]


def check_runs_differ(runs: Sequence[tuple[Run, Recipe, str]]) -> None:
    """Raise UsageError for a run that is given twice, and for fewer than two groups or too many.

    Each run comes with its recipe and its group's given name, which may be empty.
    """
    seen: dict[Any, str] = {}
    for run, _, _ in runs:
        if (path := run.path.resolve()) in seen:
            raise UsageError(f"{run.path} is given twice; give different runs.")
        seen[path] = run.path.name
    kinds = {_group_key(*one) for one in runs}
    if len(kinds) < 2 and runs[0][2]:
        raise UsageError(
            f"all runs are in the group {runs[0][2]!r}; give a second group to compare with, such as other=3,4."
        )
    if len(kinds) < 2:
        raise UsageError(
            f"{', '.join(seen.values())} differ in the seed only, or in what moves no weight, which makes them one "
            "group; give a run of another recipe, or with other settings, to compare with."
        )
    if len(kinds) > MOST_GROUPS:
        raise UsageError(f"{len(kinds)} groups are too many for one comparison; give runs of at most {MOST_GROUPS}.")


def check_same_shapes(runs: Sequence[tuple[Run, Recipe]]) -> None:
    """Raise UsageError when two runs make images of different shapes."""
    first, shape = runs[0][0], runs[0][1].data
    for run, recipe in runs[1:]:
        data = recipe.data
        if differ := [name for name in ("channels", "height", "width") if getattr(data, name) != getattr(shape, name)]:
            options = " ".join(f"--set data.{name}={getattr(shape, name)}" for name in differ)
            raise UsageError(
                f"{first.path.name} makes {describe_size(shape.channels, shape.height, shape.width)} images, "
                f"{run.path.name} {describe_size(data.channels, data.height, data.width)} ones, which cannot be "
                f"compared; train both with the same, such as {options}."
            )


def groups_of(runs: Sequence[MeasuredRun]) -> tuple[Group, ...]:
    """The runs in groups, in the order of their first runs. Raises UsageError as `check_runs_differ`."""
    check_runs_differ([(one.run, one.recipe, one.group_name) for one in runs])
    groups: dict[tuple[str, str], list[MeasuredRun]] = {}
    for one in runs:
        groups.setdefault(_group_key(one.run, one.recipe, one.group_name), []).append(one)
    letters = iter([letter for letter in ascii_uppercase if (letter, "") not in groups])
    return tuple(Group(name=name or next(letters), runs=tuple(group)) for (name, _), group in groups.items())


def _group_key(run: Run, recipe: Recipe, name: str) -> tuple[str, str]:
    """What runs of one group have in common: a given name, else the fields of their recipes."""
    return (name, "" if name else str(_weight_fields(run, recipe.model_dump(mode="json"))))


def _weight_fields(run: Run, values: dict[str, Any]) -> dict[str, object]:
    """The fields that runs of one group have in common: all that move a weight, except the seed.

    Images are compared by their hash, if the run has it, and not by their path.
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
    """The fields of the recipe that differ between groups -> the value in each group; None where it has no such field.

    If datasets of the same name hold different images, the first digits of their hashes are added to the name.
    """
    recipes = [group.recipe.model_dump(mode="json") for group in groups]
    kinds = [_weight_fields(group.runs[0].run, values) for group, values in zip(groups, recipes, strict=True)]
    names = dict.fromkeys(name for one in kinds for name in one)
    differ = [name for name in names if len({str(one.get(name)) for one in kinds}) > 1]
    found = {name: [flat(values).get(name) for values in recipes] for name in differ}
    if len(set(found.get("data.name", ()))) == 1:
        hashes = [str(trained_on(group.runs[0].run)["sha256"])[:12] for group in groups]
        found["data.name"] = [f"{group.recipe.data.name} ({sha})" for group, sha in zip(groups, hashes, strict=True)]
    return found


def differing_in_length(groups: Sequence[Group]) -> list[list[Group]]:
    """Lists of groups that differ only in the length of training and in what follows from it."""
    by_fields: dict[str, list[Group]] = {}
    for group in groups:
        values = _without_schedule_times(group.recipe.model_dump(mode="json"))
        kind = _weight_fields(
            group.runs[0].run, {name: value for name, value in values.items() if name != "ema_half_life"}
        )
        by_fields.setdefault(str(kind | {"length.images": 0}), []).append(group)
    return [members for members in by_fields.values() if len({group.recipe.length.images for group in members}) > 1]


def _without_schedule_times(values: Any) -> Any:
    """A recipe's plain values without the beginnings and ends of its schedules."""
    if not isinstance(values, dict):
        return values
    kept = [name for name in values if not (is_schedule(values) and name in ("begin", "until"))]
    return {name: _without_schedule_times(values[name]) for name in kept}
