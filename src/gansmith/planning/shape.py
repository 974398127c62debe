"""The size of a recipe's images, taken from the images themselves where the model supports any size."""

from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from gansmith.data.check.report import check_source
from gansmith.data.check.suggest import MULTIPLE, SHORT_SIDE
from gansmith.data.dataset import Access
from gansmith.data.datasets.catalog import SETS
from gansmith.data.images.resize import ImageShape
from gansmith.data.open_source import OpenSource, no_usable_image
from gansmith.data.prepare import ShapeOptions, shape_of
from gansmith.data.selection import parse_name
from gansmith.data.sources import find_source, only_classes
from gansmith.data.store import read_dataset
from gansmith.errors import RecipeError
from gansmith.networks import check_networks
from gansmith.planning.explain import about_short_budget
from gansmith.recipe_file import from_values, merged
from gansmith.runs.reporter import Reporter
from gansmith.schema import Recipe
from gansmith.text import describe_size

LOOKED_AT = 2000
"""Files, evenly spread, from which the size is taken; `data check` looks at all of them."""
SHAPE_FIELDS = ("channels", "height", "width", "resize")
"""Fields of the recipe's table `data` that the images decide."""


def take_shape(
    recipe: Recipe, stated: Collection[str], short_side: int, access: Access, reporter: Reporter, until: ExitStack
) -> tuple[Recipe, list[str], OpenSource | None]:
    """The recipe in the size of its images, but for the fields that are `stated`, such as "data.height".

    Also what the user should know of that, and the images as they were listed, of all classes; None where no file was
    looked at.

    A prepared dataset has its size; other images get what `data check` suggests, with a shorter side of at most
    `short_side`. Where one side is stated, the other keeps the suggested aspect ratio. Models that do not support any
    size are left alone, and so is a recipe whose networks cannot be built in that size. The source that is found stays
    open `until` the stack is closed. Raises DataError when no image can be used, or there is no such dataset.
    """
    name = parse_name(recipe.data.name).name
    path, own = Path(name).expanduser(), recipe.data.shape
    is_known = name in SETS
    all_stated = {"data.channels", "data.height", "data.width"} <= {*stated}
    if not recipe.model.any_size or not (is_known or path.exists()) or all_stated:
        return recipe, [], None
    packed, source = None if is_known else read_dataset(path), None
    if packed:
        channels, height, width = packed.index["shape"]
        found = larger = replace(own, channels=channels, height=height, width=width)
    else:
        source = until.enter_context(
            find_source(name, recipe.data.split, offline=access.offline, progress=access.downloading).open()
        )
        found, larger = _suggested_shapes(recipe, source, "data.resize" in stated, short_side, reporter)
    origin = "the prepared dataset" if packed else "the images"
    fields = [field for field in SHAPE_FIELDS if f"data.{field}" not in stated]
    shape = {field: getattr(found, field) for field in fields}
    if not packed and len(left := {"height", "width"} & {*fields}) == 1:
        shape |= _keep_aspect_ratio(left.pop(), own, found)
    size = _describe_shape(replace(own, **shape))
    shaped = _with_shape(recipe, shape)
    if shaped is None:
        note = f"{origin} would be {size}, for which the networks cannot be built; resized to {_describe_shape(own)}"
        return recipe, [note], source
    notes = [f"image size, from {origin}: {size}"]
    if {"height", "width"} <= {*fields} and (larger.height, larger.width) != (found.height, found.width):
        notes.append(about_short_budget(larger.height, larger.width))
    return shaped, notes, source


def _with_shape(recipe: Recipe, shape: dict[str, object]) -> Recipe | None:
    """The recipe with this table of shape fields; None when its networks cannot be built so.

    What else does not suit the size, such as an augmentation of square images, raises RecipeError.
    """
    values = merged(recipe.model_dump(), {"data": shape})
    try:
        check_networks(from_values(values | {"augment": {}}))
    except RecipeError:
        return None
    return from_values(values)


def _suggested_shapes(
    recipe: Recipe, source: OpenSource, keep_resize: bool, short_side: int, reporter: Reporter
) -> tuple[ImageShape, ImageShape]:
    """The shape suggested for the images with that shorter side, and with the usual one."""
    data = recipe.data
    classes = parse_name(data.name).classes
    chosen = only_classes(source, classes, parse_name(data.name).name) if classes else source
    every = -(-len(chosen.entries) // LOOKED_AT) or 1
    some = replace(chosen, entries=chosen.entries[::every])
    reporter.note(f"looking at {len(some.entries):,} of {len(chosen.entries):,} files for the size of the images")
    kept = check_source(some).kept
    if not kept:
        raise no_usable_image(chosen)
    options = ShapeOptions(
        resize=data.resize if keep_resize else None, box=data.box, resample=data.resample, short_side=short_side
    )
    return shape_of(kept, options), shape_of(kept, replace(options, short_side=SHORT_SIDE))


def _keep_aspect_ratio(left: str, stated: ImageShape, suggested: ImageShape) -> dict[str, int]:
    """The side that is `left`, so that the images keep the suggested aspect ratio; in steps like the stated side."""
    other = "width" if left == "height" else "height"
    step = 1 if getattr(stated, other) % MULTIPLE else MULTIPLE
    side = getattr(stated, other) * getattr(suggested, left) / getattr(suggested, other)
    return {left: max(round(side / step), 1) * step}


def _describe_shape(shape: ImageShape) -> str:
    return f"{describe_size(shape.channels, shape.height, shape.width)}, {shape.resize}"
