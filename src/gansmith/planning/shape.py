"""The shape of a recipe's images, taken from the images themselves where the networks adapt to any."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from gansmith.data.check.report import check_source
from gansmith.data.check.suggest import MULTIPLE, SHORT_SIDE
from gansmith.data.dataset import Access, describe_size
from gansmith.data.datasets.catalog import SETS
from gansmith.data.images.resize import ImageShape
from gansmith.data.named import open_named
from gansmith.data.prepare import Asked, shape_of
from gansmith.data.selection import parse_name
from gansmith.data.store import read_dataset
from gansmith.errors import DataError, RecipeError
from gansmith.recipe_file import from_values, merged
from gansmith.schema import Recipe
from gansmith.training.log import Reporter

LOOKED_AT = 2000
"""Images, evenly spread, that the shape is taken from: `data check` looks at all of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shaped:
    """A recipe in the shape of its images, and what the user should know of that."""

    recipe: Recipe
    notes: list[str]
    larger: tuple[int, int] | None = None
    """Height and width that the images would have had, were it not for the bound on their shorter side."""


def take_shape(recipe: Recipe, stated: Collection[str], short_side: int, access: Access, reporter: Reporter) -> Shaped:
    """The recipe for the shape of its images, but for what is `stated` of it, fields such as "data.height".

    A store that was prepared has its shape; for other images it is what `data check` proposes, with no shorter side
    above `short_side`. Where one side is stated, the other follows in the aspect of that. Recipes whose networks are
    those of an article are left alone, and so is a recipe whose networks cannot be built in that shape. Raises
    DataError when there is no image that can be used, or no such set.
    """
    name = parse_name(recipe.data.name).name
    path, own = Path(name).expanduser(), recipe.data.shape
    known = name in SETS
    all_stated = {"data.channels", "data.height", "data.width"} <= {*stated}
    if not recipe.model.any_size or not (known or path.exists()) or all_stated:
        return Shaped(recipe=recipe, notes=[])
    if dataset := None if known else read_dataset(path):
        channels, height, width = dataset.index["shape"]
        found = larger = replace(own, channels=channels, height=height, width=width)
    else:
        found, larger = _look(recipe, "data.resize" in stated, short_side, access, reporter)
    origin = "the store" if dataset else "the images"
    fields = [field for field in ("channels", "height", "width", "resize") if f"data.{field}" not in stated]
    shape = {field: getattr(found, field) for field in fields}
    if not dataset and len(left := {"height", "width"} & {*fields}) == 1:
        shape |= _in_aspect(left.pop(), own, found)
    values = merged(recipe.model_dump(), {"data": shape})
    size = _describe_seconds(replace(own, **shape))
    try:
        from_values(values | {"augment": {}})  # what else may not suit the shape is to be told, and not evaded
    except RecipeError:
        why = f"{origin} would be {size}, which these networks cannot be built for; fitted to {_describe_seconds(own)}"
        return Shaped(recipe=recipe, notes=[why])
    sides = (larger.height, larger.width)
    bounded = {"height", "width"} <= {*fields} and sides != (found.height, found.width)
    notes = [f"shape, from {origin}: {size}"]
    return Shaped(recipe=from_values(values), notes=notes, larger=sides if bounded else None)


def _look(
    recipe: Recipe, keep_fit: bool, short_side: int, access: Access, reporter: Reporter
) -> tuple[ImageShape, ImageShape]:
    """What is proposed with that shorter side, and with the usual one."""
    data = recipe.data
    with open_named(data.name, data.split, offline=access.offline, progress=access.downloading) as source:
        every = -(-len(source.entries) // LOOKED_AT) or 1
        some = replace(source, entries=source.entries[::every])
        reporter.note(f"looking at {len(some.entries):,} of {len(source.entries):,} files for the shape of the images")
        kept = check_source(some).kept
    if not kept:
        raise DataError(f"{data.name} holds no image that can be used; see: gansmith data check {data.name}")
    asked = Asked(resize=data.resize if keep_fit else None, box=data.box, resample=data.resample, short_side=short_side)
    return shape_of(kept, asked), shape_of(kept, replace(asked, short_side=SHORT_SIDE))


def _in_aspect(left: str, stated: ImageShape, proposed: ImageShape) -> dict[str, int]:
    """The side that is left, so that the images keep the aspect proposed; in its steps where the stated side is."""
    other = "width" if left == "height" else "height"
    step = 1 if getattr(stated, other) % MULTIPLE else MULTIPLE
    side = getattr(stated, other) * getattr(proposed, left) / getattr(proposed, other)
    return {left: max(round(side / step), 1) * step}


def _describe_seconds(wanted: ImageShape) -> str:
    return f"{describe_size(wanted.channels, wanted.height, wanted.width)}, {wanted.resize}"
