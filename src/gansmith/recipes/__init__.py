"""Functions that return a Recipe; one file a family, and the file's name, with hyphens, is the recipe's name."""

import importlib
import pkgutil
from collections.abc import Iterable
from pathlib import Path

from gansmith.errors import RecipeError, unknown
from gansmith.recipe_file import from_values, merged, override, read_toml
from gansmith.schema import Recipe


def recipe_names() -> list[str]:
    """Names of the recipes that ship with gansmith."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__))


def recipe(name: str, changes: Iterable[str] = ()) -> Recipe:
    """The recipe of that name, or of the TOML file `name`, with `changes` such as "batch=64" on top.

    A TOML file holds a whole recipe, or starts from a named one with `from = "NAME"` and holds what differs. Raises
    RecipeError when there is no such recipe or file, or when anything in it is wrong.
    """
    found = _from_file(Path(name)) if name.endswith(".toml") else _named(name)
    return override(found, changes)


def _named(name: str) -> Recipe:
    if name not in recipe_names():
        raise RecipeError(unknown("recipe", name, recipe_names()) + " A file of your own ends in .toml.")
    stem = name.replace("-", "_")
    return getattr(importlib.import_module(f"{__name__}.{stem}"), stem)()


def _from_file(path: Path) -> Recipe:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise RecipeError(f"recipe file {path} cannot be read: {reason}.") from error
    values = read_toml(text, str(path))
    base = values.pop("from", None)
    if base is None:
        return from_values(values)
    if not isinstance(base, str):
        raise RecipeError(f'{path}: from = {base!r} must name a recipe, such as "fashion-dcgan".')
    return from_values(merged(_named(base).model_dump(), {"name": path.stem, **values}))
