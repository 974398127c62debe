"""What a continued run may change: its new recipe compared with the one that it was trained with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gansmith.data.datasets.catalog import SETS
from gansmith.data.selection import parse_name
from gansmith.data.store import Dataset
from gansmith.errors import DataError, UsageError
from gansmith.networks import networks_on_meta
from gansmith.recipe_file import assignment, flat, from_run, recipe_of
from gansmith.runs.run import Run
from gansmith.schema import Recipe
from gansmith.text import command

MOVES_NO_WEIGHT = (
    "name",
    "about",
    "length.log_every",
    "length.sample_every",
    "length.checkpoint_every",
    "checkpoints",
    "figures",
    "grid",
    "on_divergence",
    "evaluate.every",
    "evaluate.images",
    "evaluate.features",
    "evaluate.patience",
    "validation_losses.images",
)
"""Fields and tables that change no step's result; see `what_moves_weights` for one more."""

_ALIKE_IN_A_RUN = ("grid", "evaluate.images", "evaluate.features")
"""Those of them that a continued run keeps, since its grids and numbers are compared with earlier ones."""
SAFE = ("length.images", *(name for name in MOVES_NO_WEIGHT if name not in _ALIKE_IN_A_RUN))
"""Fields and tables that a continued run may change. See `_is_safe` for more."""


@dataclass(frozen=True, slots=True)
class Change:
    """A field of a recipe, its value then and now; None where the table has no such field."""

    field: str
    old: Any
    new: Any


def trained_recipe(run: Run) -> Recipe:
    """The recipe that the run was trained with so far, which an edited recipe.toml may differ from."""
    kept = run.info().get("recipe")
    return from_run(kept) if isinstance(kept, dict) else recipe_of(run)


def what_moves_weights(values: dict[str, Any]) -> dict[str, object]:
    """The plain values of a recipe that results depend on, under dotted names.

    Of the interval of validation losses only whether there is one: they take images out of the training set.
    """
    found = {field: value for field, value in flat(values).items() if not _is_among(field, MOVES_NO_WEIGHT)}
    return found | {"validation_losses.every": bool(found["validation_losses.every"])}


def changes_between(old: Recipe, new: Recipe) -> list[Change]:
    """The fields that differ, in the order of the recipe."""
    before, after = flat(old.model_dump()), flat(new.model_dump())
    changes = [Change(field, before.get(field), after.get(field)) for field in before | after]
    return [change for change in changes if change.old != change.new]


def check_changes_are_safe(run: Run, trained: Recipe, wanted: Recipe) -> None:
    """Raise UsageError for changes that a continued run cannot have: every such field, and how to start a new run."""
    unsafe = [change for change in changes_between(trained, wanted) if not _is_safe(change, trained)]
    if not unsafe:
        return
    changed = "; ".join(f"{change.field} was {change.old!r} and is now {change.new!r}" for change in unsafe)
    cannot = f"{run.path} cannot go on exactly: {changed}. Put that back, here or in {run.recipe_file}, or"
    if _weights(trained) != _weights(wanted):
        anew = command("train", run.recipe_file, *_options(trained, wanted))
        raise UsageError(f"{cannot} train anew, since the weights do not fit the changed networks: {anew}")
    raise UsageError(
        f"{cannot} start a new run from its checkpoint: {_forking(run, trained, wanted)} (a change of "
        f"{', '.join(SAFE)} needs no new run)"
    )


def _forking(run: Run, trained: Recipe, wanted: Recipe) -> str:
    """The command that starts a new run from the run's checkpoint, with all that it needs."""
    options = _options(trained, wanted)
    if run.info().get("seen", 0) >= wanted.length.images:  # the new run must go further than this one came
        options += ["--steps", str(2 * wanted.steps)]
    return command("resume", run.path, *options, "--fork")


def _options(trained: Recipe, wanted: Recipe) -> list[str]:
    """The options that make one recipe of the other."""
    options = []
    for change in changes_between(trained, wanted):
        if change.field == "length.images":
            options += ["--steps", str(wanted.steps)]
        elif change.field == "data.name":
            options += ["--data", wanted.data.name]
        elif change.new is not None:
            options += ["--set", assignment(change.field, change.new)]
    return options


def _weights(recipe: Recipe) -> dict[str, list[int]]:
    """The shape of each tensor of the networks by its name."""
    networks = networks_on_meta(recipe)
    tensors = {**networks.G.state_dict(prefix="G."), **networks.D.state_dict(prefix="D.")}
    return {name: [*tensor.shape] for name, tensor in tensors.items()}


def check_same_images(run: Run, identity: Mapping[str, Any], wanted: Recipe) -> None:
    """Raise UsageError when the images, see `Datasets.identity`, differ from those that the run was trained on."""
    then = trained_on(run)
    differing = [key for key, value in identity.items() if then[key] not in (None, value)]
    if differing:
        changed = ", ".join(f"{key} was {then[key]} and is now {identity[key]}" for key in differing)
        raise UsageError(
            f"{run.path} cannot go on exactly: its images are not those it was trained on ({changed}). Put them back, "
            f"or start a new run from its checkpoint: {_forking(run, trained_recipe(run), wanted)}"
        )


def trained_on(run: Run) -> dict[str, Any]:
    """Count and hashes of the images that the run was trained on, as `Datasets.identity`; None if run.json lacks them.

    The hash of the labels is there whether the run is conditional or not.
    """
    data = run.info().get("data")
    data = data if isinstance(data, dict) else {}
    hashes = data.get("sha256")
    hashes = hashes if isinstance(hashes, dict) else {}
    return {"count": data.get("count"), "sha256": hashes.get("images"), "labels": hashes.get("labels")}


def was_trained_on(run: Run, dataset: Dataset) -> bool:
    """Whether the run was trained on this packed dataset as it is now, as far as run.json tells."""
    return trained_on(run)["sha256"] in (None, dataset.index["sha256"]["images"])


def check_images_are_found(run: Run, wanted: Recipe) -> None:
    """Raise DataError when the folder or file of the user's own images is no longer there."""
    name = parse_name(wanted.data.name).name
    if name not in SETS and not Path(name).expanduser().exists():
        raise DataError(
            f"the images of {run.path} are not at {name} any more; give their new location: "
            f"{command('resume', run.path, '--data', 'PATH')}"
        )


def _is_safe(change: Change, trained: Recipe) -> bool:
    """Whether a continued run may have this change.

    Switching validation losses on or off changes which images are trained on; their interval does not. Evaluations may
    be switched on and off, since without them no images are left out; while they are on, their images and features must
    stay, or the numbers could not be compared. A folder may have moved: `check_same_images` compares its content.
    Another precision, like another machine, gives a note.
    """
    if change.field == "validation_losses.every":
        return bool(change.old and change.new)
    if change.field in ("evaluate.images", "evaluate.features"):
        return not trained.evaluate.every
    if change.field == "data.name":
        return parse_name(change.old).classes == parse_name(change.new).classes
    return change.field == "precision" or _is_among(change.field, SAFE)


def _is_among(field: str, names: Sequence[str]) -> bool:
    """Whether these fields and tables name it."""
    return any(field == name or field.startswith(f"{name}.") for name in names)
