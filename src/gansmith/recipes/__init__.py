"""Functions that return a Recipe; the file's name, with hyphens, is the recipe's name, its arguments the variants."""

import importlib
import pkgutil
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from gansmith.errors import RecipeError, unknown
from gansmith.recipe_file import from_values, merged, override, read_toml
from gansmith.recipes.base import Family
from gansmith.schema import Recipe


def recipe_names() -> list[str]:
    """Names of the recipes that ship with gansmith, without their variants."""
    files = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(file.replace("_", "-") for file in files if file != "base")


def all_names() -> list[str]:
    """Every recipe, followed by it with each of its variants: "svhn-dcgan", "svhn-dcgan:scenario-1", ..."""
    return [full for name in recipe_names() for full in (name, *(f"{name}:{one}" for one in family(name).variants))]


def family(name: str) -> Family:
    """What the recipe's file says of it; `name` may have variants. Raises RecipeError when there is no such recipe."""
    return _module(name.partition(":")[0]).FAMILY


def recipe(name: str, changes: Iterable[str] = ()) -> Recipe:
    """The recipe of that name, or of the TOML file `name`, with `changes` such as "batch=64" on top.

    A name may be followed by variants, "cifar-ships:repaired" or "svhn-dcgan:scenario-1:repaired". A TOML file holds a
    whole recipe, or starts from a named one with `from = "NAME"` and holds what differs. Raises RecipeError when there
    is no such recipe, variant or file, or when anything in it is wrong.
    """
    found = _from_file(Path(name)) if name.endswith(".toml") else _named(name)
    return override(found, changes)


def _named(name: str) -> Recipe:
    stem, *chosen = name.split(":")
    module = _module(stem)
    arguments: dict[str, object] = {}
    for one in chosen:
        if one not in module.FAMILY.variants:
            raise RecipeError(unknown(f"variant of {stem}", one, module.FAMILY.variants))
        variant = module.FAMILY.variants[one]
        if taken := arguments.keys() & variant.arguments.keys():
            raise RecipeError(f"{name!r} gives {', '.join(sorted(taken))} twice; name one such variant.")
        arguments |= variant.arguments
    found: Recipe = getattr(module, stem.replace("-", "_"))(**arguments)
    about = "; ".join([found.about, *(module.FAMILY.variants[one].about for one in chosen)])
    return found.model_copy(update={"name": name, "about": about})


def _module(name: str) -> ModuleType:
    if name not in recipe_names():
        raise RecipeError(unknown("recipe", name, recipe_names()) + " A file of your own ends in .toml.")
    return importlib.import_module(f"{__name__}.{name.replace('-', '_')}")


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
