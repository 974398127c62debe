"""A recipe for conditional training: the number of its classes is taken from the dataset's labels."""

from collections.abc import Collection, Sequence

from gansmith.data.classes import names_among
from gansmith.data.datasets.catalog import SETS
from gansmith.data.selection import parse_name
from gansmith.data.store import Dataset
from gansmith.errors import DataError
from gansmith.schema import Recipe

GRID_COLUMNS = 8
"""Columns of a sample grid with fewer classes than that: each class gets as many as fit."""
MOST_CLASSES_IN_GRID = 32
"""Number of classes up to which each has columns of its own in the sample grid."""


def conditional_changes(recipe: Recipe, dataset: Dataset, stated: Collection[str]) -> list[str]:
    """The changes that make the recipe conditional on the labels of its images.

    The sample grid gets columns for each class, unless there are too many or `grid.columns` is stated. Raises DataError
    for images of fewer than two classes.
    """
    names = names_among(dataset, recipe.data.name)
    count = len(names)
    if count < 2:
        raise _too_few_classes(recipe.data.name, names, "" if names else dataset.index.get("no_classes", ""))
    columns = count * max(1, round(GRID_COLUMNS / count))
    changes = [f"data.num_classes={count}"]
    if count <= MOST_CLASSES_IN_GRID and "grid.columns" not in stated and columns != recipe.grid.columns:
        changes.append(f"grid.columns={columns}")
    return changes


def _too_few_classes(name: str, names: Sequence[str], why: str) -> DataError:
    """The error for images of fewer than two classes; `why` is the reason if it is known."""
    if why:
        return DataError(f"{name!r}: {why}, or leave out --labels.")
    selection = parse_name(name)
    instead = f" or {name.removeprefix(selection.name)}" if selection.classes else ""
    if not instead and selection.name not in SETS:
        instead = (
            ", or sort the images into a folder for each class; `gansmith data check --help` tells where else labels "
            "may be"
        )
    found = f"only images of the class {names[0]!r}" if names else "no labels"
    return DataError(f"{name!r} has {found}, but --labels needs two classes; leave out --labels{instead}.")
