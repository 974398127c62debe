"""`gansmith train`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional

import gansmith
from gansmith.cli.console import console_reporter
from gansmith.cli.options import (
    AllowDropped,
    Changes,
    Device,
    Json,
    Offline,
    Runs,
    Size,
    check_changes,
    option,
    parse_size,
)
from gansmith.cli.output import print_json, print_lines, print_result
from gansmith.errors import UsageError
from gansmith.runs.run import check_root, default_root, folder_name
from gansmith.text import command

if TYPE_CHECKING:
    from gansmith.schema import Recipe

AUTO = "auto"
"""The recipe where --data is given and no recipe."""


def train(
    recipe: Annotated[Positional[str | None], option("default, with --data: auto", metavar="RECIPE|FILE.toml")] = None,
    data: Annotated[
        str | None, option("a known dataset, or a folder, .zip, .tar, .parquet or .npy of images", metavar="NAME|PATH")
    ] = None,
    budget: Annotated[
        str | None,
        option("time or images that the run may take; a short trial finds the length", metavar="90s|10m|2h|5M-images"),
    ] = None,
    runs: Runs = None,
    name: Annotated[str | None, option("name of the run; default: the recipe's name", metavar="NAME")] = None,
    steps: Annotated[int | None, option("length of the run in training steps", metavar="N")] = None,
    size: Size = None,
    batch_size: Annotated[int | None, option("real images in a training step", metavar="N")] = None,
    lr: Annotated[
        float | None, option("learning rate of both networks; one that falls begins here", metavar="X")
    ] = None,
    mirror: Annotated[bool, option("show every image to the discriminator mirrored half of the time")] = False,
    seed: Annotated[int | None, option("seed of every random draw", metavar="S")] = None,
    device: Device = "auto",
    offline: Offline = False,
    allow_dropped: AllowDropped = False,
    precision: Annotated[str | None, option("precision of the networks", metavar="auto|fp32|bf16")] = None,
    changes: Changes = (),
    labels: Annotated[
        bool, option("train conditionally on the dataset's labels, so that you can sample by class")
    ] = False,
    fit_batch: Annotated[
        bool, option("split a batch that does not fit into memory into microbatches; the result is the same")
    ] = False,
    dry_run: Annotated[bool, option("show the plan and the recipe, and stop")] = False,
    json_: Json = False,
) -> None:
    """Train a recipe in a new run folder, whose path is printed first and last.

    Without a recipe it is auto, which sets itself from the images, the device and the budget, and explains its choices.
    Your own images keep their size and aspect ratio if the model supports any size; to override: --size 64.
    With --labels, the classes are those of the dataset, or the folders that the images lie in.
    """
    given = {"seed": seed, "precision": precision, "batch_size": batch_size}
    check_changes(changes, steps=steps, data=data, budget=budget, size=size, lr=lr, **given)
    height_width = parse_size(size) or (None, None)
    _check_options(recipe, data)
    if name is not None:
        folder_name(name)
    check_root(runs or default_root())
    from gansmith.cli.recipes import describe  # imports numpy
    from gansmith.data.sources import absolute_name
    from gansmith.recipe_file import to_toml

    images = None if data is None else absolute_name(data)
    given |= dict(zip(("data.height", "data.width"), height_width, strict=True))
    fields = [f"{field}={json.dumps(value)}" for field, value in given.items() if value is not None]
    with console_reporter() as reporter:
        found = gansmith.plan(
            recipe or AUTO,
            [*changes, *fields],
            data=images,
            labels=labels,
            budget=budget,
            steps=steps,
            lr=lr,
            mirror=mirror,
            device=device,
            offline=offline,
            allow_dropped=allow_dropped,
            fit_batch=fit_batch,
            reporter=reporter,
        )
    if dry_run:
        if json_:
            print_json(found.to_dict())
        else:
            plan = [] if found.plan else [_without_trial(recipe or AUTO, found.recipe)]
            print_lines([*found.notes, *plan, "", to_toml(found.recipe), describe(found.recipe)])
        return
    with console_reporter() as reporter:
        run = gansmith.train(
            found,
            runs=runs,
            name=name,
            device=device,
            offline=offline,
            allow_dropped=allow_dropped,
            reporter=reporter,
        )
    print_result(run, json_)


def _without_trial(name: str, recipe: "Recipe") -> str:
    """The length of a recipe that has its own, and the command that tells the time."""
    steps = -(-recipe.length.images // recipe.batch_size)
    timed = command("recipes", "show", name, "--trial")
    return f"{steps:,} steps of {recipe.batch_size:,} images; to estimate the time here: {timed}"


def _check_options(recipe: str | None, data: str | None) -> None:
    if recipe is None and data is None:
        raise UsageError(
            "there is nothing to train: gansmith train demo is a first run, gansmith train --data FOLDER is for your "
            "own images, and gansmith recipes list tells what else there is."
        )
    if data is not None and not Path(data).exists():
        from gansmith.recipes import is_recipe

        if is_recipe(data):
            raise UsageError(
                f"{data} is a recipe, which says how to train, and no dataset: {command('train', data)} trains it on "
                "its own images; gansmith data list tells which datasets there are."
            )
