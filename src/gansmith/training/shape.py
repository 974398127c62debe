"""The shape of a recipe's pictures, taken from the pictures themselves where the networks adapt to any."""

from dataclasses import replace
from pathlib import Path

from gansmith.data.catalogue import SETS
from gansmith.data.fit import Fit, Wanted
from gansmith.data.named import open_named
from gansmith.data.pack import read_pack
from gansmith.data.prepare import Asked, choose_shape
from gansmith.data.selection import parse_name
from gansmith.data.source import Access, size_in_words
from gansmith.errors import RecipeError
from gansmith.recipe_file import from_values, merged
from gansmith.schema import Recipe
from gansmith.training.reporting import Reporter

LOOKED_AT = 2000
"""Pictures, evenly spread, that the shape is taken from: `data check` looks at all of them."""


def take_shape(
    recipe: Recipe, fit: Fit | None, short_side: int, access: Access, reporter: Reporter
) -> tuple[Recipe, list[str]]:
    """The recipe for the shape of its pictures, and what the user should know of that.

    A store that was prepared has its shape; for other pictures it is what `data check` proposes, with `fit` if it is
    given and no shorter side above `short_side`. Recipes whose networks are those of an article are left alone, and so
    is a recipe whose networks cannot be built in that shape. Raises DataError when there is no picture that can be
    used, or no such set.
    """
    name = parse_name(recipe.data.name).name
    path = Path(name).expanduser()
    if not recipe.model.any_size or not (name in SETS or path.exists()):
        return recipe, []
    pack = None if name in SETS else read_pack(path)
    if pack:
        channels, height, width = pack.index["shape"]
        wanted, origin = replace(recipe.data.wanted, channels=channels, height=height, width=width), "the store"
    else:
        wanted, origin = _look(recipe, fit, short_side, access, reporter), "the pictures"
    shape = {"channels": wanted.channels, "height": wanted.height, "width": wanted.width, "fit": wanted.fit}
    size, own = _in_words(wanted), _in_words(recipe.data.wanted)
    values = merged(recipe.model_dump(), {"data": shape})
    try:
        from_values(values | {"augment": {}})  # what else may not suit the shape is to be told, and not evaded
    except RecipeError:
        return recipe, [f"{origin} would be {size}, which these networks cannot be built for; fitted to {own}"]
    return from_values(values), [f"shape, from {origin}: {size}"]


def _look(recipe: Recipe, fit: Fit | None, short_side: int, access: Access, reporter: Reporter) -> Wanted:
    data = recipe.data
    with open_named(data.name, data.split, offline=access.offline, progress=access.downloading) as source:
        every = -(-len(source.entries) // LOOKED_AT) or 1
        some = replace(source, entries=source.entries[::every])
        reporter.say(f"looking at {len(some.entries):,} of {len(source.entries):,} files for the shape of the pictures")
        return choose_shape(some, Asked(fit=fit, box=data.box, resample=data.resample, short_side=short_side))


def _in_words(wanted: Wanted) -> str:
    return f"{size_in_words(wanted.channels, wanted.height, wanted.width)}, {wanted.fit}"
