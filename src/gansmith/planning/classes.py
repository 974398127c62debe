"""A recipe for images that are told apart by their labels: how many classes there are is taken from the images."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from gansmith.data.classes import names_among
from gansmith.data.dataset import Access
from gansmith.data.datasets.catalog import SETS
from gansmith.data.selection import parse_name
from gansmith.errors import DataError
from gansmith.recipe_file import from_values, merged
from gansmith.schema import Recipe
from gansmith.training.datasets import open_set

WIDE = 8
"""Columns of a grid that hold as many of each class as fit, where there are fewer classes than columns."""

WIDEST = 32
"""Classes up to which each has columns of its own."""


def take_labels(recipe: Recipe, access: Access, *, keep_grid: bool = False) -> Recipe:
    """The recipe with the classes of its own images.

    The sample grid gets columns for each class, unless that would be too many, or `keep_grid`. Raises RecipeError when
    the networks take no labels, DataError when the images cannot be had, or are not of two classes at least.
    """
    with torch.device("meta"):
        recipe.model.networks(replace(recipe.spec, num_classes=2))  # before a set is packed for networks that refuse it
    dataset, name = open_set(recipe, access), recipe.data.name
    names = names_among(dataset, name)
    if len(names) < 2:
        raise _nothing_to_tell_apart(name, names, dataset.index.get("no_classes", ""))
    changes: dict[str, object] = {"data": {"num_classes": len(names)}}
    if not keep_grid and len(names) <= WIDEST:
        changes["grid"] = {"columns": len(names) * max(1, round(WIDE / len(names)))}
    return from_values(merged(recipe.model_dump(), changes))


def _nothing_to_tell_apart(name: str, names: Sequence[str], why: str) -> DataError:
    """For images of fewer than two classes; `why` says why there are none, if that is known."""
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
    return DataError(f"{name!r} has {found}, so there is nothing to tell apart; leave out --labels{instead}.")
