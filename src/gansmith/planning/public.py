"""`gansmith.recipe` and `gansmith.plan`: what `gansmith train` decides, from Python."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from gansmith.data.given import GivenArray, GivenImages, name_of_images
from gansmith.data.sources import absolute_name
from gansmith.engine import DeviceChoice
from gansmith.errors import DataError, RecipeError
from gansmith.networks import check_networks
from gansmith.planning.budget import parse_budget
from gansmith.planning.resolve import Resolved, resolve
from gansmith.recipe_file import assignment, flat
from gansmith.recipes import load_recipe, stated_fields
from gansmith.runs.reporter import Reporter, Silent
from gansmith.schema import Recipe
from gansmith.training.datasets import access_for

RecipeChanges = Iterable[str] | Mapping[str, Any]
"""Changes of a recipe: ["batch_size=64"], {"batch_size": 64}, or {"data": {"height": 64}}."""


def recipe(
    name: str,
    changes: RecipeChanges = (),
    *,
    data: GivenImages | None = None,
    labels: bool | GivenArray = False,
    budget: str | None = None,
    device: DeviceChoice = "auto",
    **fields: Any,
) -> Recipe:
    """The recipe that `gansmith train NAME` would train: a shipped one, or that of a TOML file.

    `data` is a known dataset, a path, or images uint8 (N, H, W) or (N, H, W, C) in an array of NumPy or torch, which
    are kept in the cache; `labels` makes the recipe conditional, on the dataset's labels if it is True, or on those of
    an array, whole numbers [N]; `budget`, such as "10m" or "5M-images", decides the length. With any of these, or
    where the changes name the data, the images are looked at and packed, and what depends on them is set from them, as
    in `plan`. Without, nothing is opened: `auto` is then set for the images that ship with gansmith. Further keywords
    are changes too: `batch_size=64`. Raises RecipeError, UsageError and DataError.
    """
    assignments, more = as_assignments(changes), as_assignments(fields)
    if twice := stated_fields("", assignments) & stated_fields("", more):
        raise RecipeError(f"{sorted(twice)[0]} is given twice, in the changes and by its keyword; give one of them.")
    assignments += more
    depends_on_images = "data.name" in stated_fields(name, assignments)
    if data is None and labels is False and budget is None and not depends_on_images:
        found = load_recipe(name, assignments)
        check_networks(found)
        return found
    return plan(name, assignments, data=data, labels=labels, budget=budget, device=device).recipe


def plan(
    recipe: str = "auto",
    changes: RecipeChanges = (),
    *,
    data: GivenImages | None = None,
    labels: bool | GivenArray = False,
    budget: str | None = None,
    steps: int | None = None,
    lr: float | None = None,
    mirror: bool = False,
    device: DeviceChoice = "auto",
    offline: bool = False,
    allow_dropped: bool = False,
    fit_batch: bool = False,
    reporter: Reporter | None = None,
) -> Resolved:
    """What `gansmith train --dry-run` shows: the recipe with its length, the plan of its time and memory, and notes.

    The arguments are the command's options; `data` and `labels` are those of `recipe`. `lr` is the learning rate of
    both networks; `mirror` adds the augmentation that mirrors images. A budget, or a recipe that chooses its own
    length, takes a trial of some seconds. To train what was planned, with the dataset that is open already:
    `gansmith.train(gansmith.plan(...))`.
    """
    reporter = reporter or Silent()
    return resolve(
        recipe,
        as_assignments(changes, _name_of(data, labels)),
        steps=steps,
        budget=None if budget is None else parse_budget(budget),
        lr=lr,
        mirror=mirror,
        device=device,
        labels=labels is not False,
        fit_batch=fit_batch,
        access=access_for(reporter, offline, allow_dropped),
        reporter=reporter,
    )


def _name_of(data: GivenImages | None, labels: bool | GivenArray) -> str | None:
    own = None if isinstance(labels, bool) else labels
    if data is None and own is not None:
        raise DataError("labels in an array go with images in an array; give them as data.")
    return None if data is None else name_of_images(data, own)


def as_assignments(changes: RecipeChanges, data: str | None = None) -> list[str]:
    """Changes as "table.field=value", the dataset's name included; a mapping may be nested or have dotted names.

    Raises RecipeError for anything else.
    """
    if data is not None:
        return [*as_assignments(changes), assignment("data.name", absolute_name(data))]
    if isinstance(changes, Mapping):
        values = flat({field: _plain(value) for field, value in changes.items()}).items()
        return [assignment(field, value) for field, value in values]
    listed = [changes] if isinstance(changes, str) else [*changes] if isinstance(changes, Iterable) else None
    if listed is None or not all(isinstance(one, str) for one in listed):
        raise RecipeError(f'changes are {{"batch_size": 64}} or ["batch_size=64"], got {str(changes)[:100]}.')
    return listed


def _plain(value: Any) -> Any:
    """A value of Python as `assignment` takes it: tables of settings as dictionaries, numbers of NumPy as Python's."""
    if isinstance(value, BaseModel):
        return value.model_dump()
    if isinstance(value, Mapping):
        return {str(field): _plain(one) for field, one in value.items()}
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value))
    if isinstance(value, Path):
        return str(value)
    return value.item() if isinstance(value, np.generic) else value
