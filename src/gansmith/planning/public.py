"""`gansmith.recipe` and `gansmith.plan`: what `gansmith train` decides, from Python."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gansmith.data.sources import absolute_name
from gansmith.engine import DeviceChoice
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
    data: str | Path | None = None,
    labels: bool = False,
    budget: str | None = None,
    device: DeviceChoice = "auto",
) -> Recipe:
    """The recipe that `gansmith train NAME` would train: a shipped one, or that of a TOML file.

    `data` is a known dataset or a path; `labels` makes the recipe conditional on the dataset's labels; `budget`, such
    as "10m" or "5M-images", decides the length. With any of these, or where the changes name the data, the images are
    looked at and packed, and what depends on them is set from them, as in `plan`. Without, nothing is opened: `auto`
    is then set for the images that ship with gansmith. Raises RecipeError, UsageError and DataError.
    """
    assignments = as_assignments(changes)
    depends_on_images = "data.name" in stated_fields(name, assignments)
    if data is None and not labels and budget is None and not depends_on_images:
        found = load_recipe(name, assignments)
        check_networks(found)
        return found
    return plan(name, changes, data=data, labels=labels, budget=budget, device=device).recipe


def plan(
    recipe: str = "auto",
    changes: RecipeChanges = (),
    *,
    data: str | Path | None = None,
    labels: bool = False,
    budget: str | None = None,
    steps: int | None = None,
    device: DeviceChoice = "auto",
    offline: bool = False,
    allow_dropped: bool = False,
    fit_batch: bool = False,
    reporter: Reporter | None = None,
) -> Resolved:
    """What `gansmith train --dry-run` shows: the recipe with its length, the plan of its time and memory, and notes.

    The arguments are the command's options. A budget, or a recipe that chooses its own length, takes a trial of some
    seconds. To train what was planned, with the dataset that is open already: `gansmith.train(gansmith.plan(...))`.
    """
    reporter = reporter or Silent()
    return resolve(
        recipe,
        as_assignments(changes, data),
        steps=steps,
        budget=None if budget is None else parse_budget(budget),
        device=device,
        labels=labels,
        fit_batch=fit_batch,
        access=access_for(reporter, offline, allow_dropped),
        reporter=reporter,
    )


def as_assignments(changes: RecipeChanges, data: str | Path | None = None) -> list[str]:
    """Changes as "table.field=value", the dataset's name included; a mapping may be nested or have dotted names."""
    if data is not None:
        return [*as_assignments(changes), assignment("data.name", absolute_name(str(data)))]
    if isinstance(changes, Mapping):
        values = flat({**changes}).items()
        return [assignment(field, tuple(value) if isinstance(value, list) else value) for field, value in values]
    return [changes] if isinstance(changes, str) else [*changes]
