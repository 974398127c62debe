"""Functions that return a Recipe; the file's name, with hyphens, is the recipe's name, its arguments the variants."""

import importlib
import pkgutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from gansmith.data.datasets.catalog import SETS
from gansmith.data.selection import parse_name
from gansmith.errors import RecipeError, unknown
from gansmith.recipe_file import assigned, flat, from_values, merged, override, read_toml
from gansmith.recipes.base import Family
from gansmith.recipes.fitting import EXAMPLE, DatasetFacts
from gansmith.schema import Recipe
from gansmith.text import command


def recipe_names() -> list[str]:
    """Names of the recipes that ship with gansmith, without their variants."""
    files = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(file.replace("_", "-") for file in files if file not in ("base", "fitting"))


def all_names() -> list[str]:
    """Every recipe, followed by it with each of its variants: "svhn-dcgan", "svhn-dcgan:scenario-1", ..."""
    return [full for name in recipe_names() for full in (name, *(f"{name}:{one}" for one in family(name).variants))]


def family(name: str) -> Family:
    """The article, the variants and the results of a recipe; `name` may have variants. Raises RecipeError."""
    return _module(name.partition(":")[0]).FAMILY


def load_recipe(name: str, changes: Iterable[str] = (), facts: DatasetFacts | None = None) -> Recipe:
    """The recipe of that name, or of the TOML file `name`, with `changes` such as "batch_size=64" on top.

    A name may be followed by variants, "cifar-ships:repaired" or "svhn-dcgan:scenario-1:repaired". A TOML file holds a
    whole recipe, or starts from a named one with `from = "NAME"` and holds what differs. A recipe that sets itself does
    so from `facts`; without any, for the images that ship with gansmith and the length that the changes give.

    No networks are built: see `gansmith.networks.check_networks`. Raises RecipeError when there is no such recipe,
    variant or file, or when anything in it is wrong.
    """
    changes = [*changes]
    base, found = _base_and_found(name, facts)
    recipe = override(found, changes)
    if facts is None and recipe.length.images != base.length.images and sets_itself(name):
        return load_recipe(name, changes, replace(EXAMPLE, images=recipe.length.images))
    return recipe


def sets_itself(name: str) -> bool:
    """Whether the recipe of that name, or the one that the TOML file starts from, sets itself from the images."""
    base = _base_name(_file_values(Path(name)), Path(name)) if name.endswith(".toml") else name
    return base is not None and family(base).sets_itself


def stated_fields(name: str, changes: Iterable[str]) -> set[str]:
    """The fields that the user has set, in the TOML file `name` or by the changes, such as "length.images"."""
    fields = {field for change in changes for field in flat(assigned(change))}
    return fields | flat(_file_values(Path(name))).keys() if name.endswith(".toml") else fields


def _base_and_found(name: str, facts: DatasetFacts | None) -> tuple[Recipe, Recipe]:
    """The recipe that a TOML file starts from and what the file makes of it; the same two if there is but one."""
    path, values = Path(name), {}
    base_name = name
    if name.endswith(".toml"):
        values = _file_values(path)
        base_name = _base_name(values, path)
    base = _named_recipe(base_name, facts) if base_name else from_values(values)
    if not (base_name and values):
        return base, base
    changes = {"name": path.stem} | {key: value for key, value in values.items() if key != "from"}
    return base, from_values(merged(base.model_dump(), changes))


def _named_recipe(name: str, facts: DatasetFacts | None) -> Recipe:
    stem, *chosen = name.split(":")
    module = _module(stem)
    arguments: dict[str, object] = {"facts": facts} if facts and module.FAMILY.sets_itself else {}
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


def is_recipe(name: str) -> bool:
    """Whether a recipe of that name, perhaps followed by variants, ships with gansmith."""
    return name.partition(":")[0] in recipe_names()


def _module(name: str) -> ModuleType:
    if name not in recipe_names():
        raise RecipeError(_why_no_recipe(name))
    return importlib.import_module(f"{__name__}.{name.replace('-', '_')}")


def _why_no_recipe(name: str) -> str:
    """One sentence on a name that no recipe has: that of a dataset, of a path, or of nothing."""
    if (plain := parse_name(name).name) in SETS:
        own = [one for one in recipe_names() if parse_name(load_recipe(one).data.name).name == plain]
        made = f" (made for this one: {', '.join(own)})" if own else ""
        return (
            f"{name} is a dataset, and a recipe says how to train on one{made}; to train on it with the recipe auto: "
            f"{command('train', '--data', name)}"
        )
    if Path(name).expanduser().exists():
        return f"{name} is a path and no recipe; to train on its images: {command('train', '--data', name)}"
    return unknown("recipe", name, recipe_names()) + " A file of your own ends in .toml."


def _file_values(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise RecipeError(f"recipe file {path} cannot be read: {reason}.") from error
    return read_toml(text, str(path))


def _base_name(values: dict[str, Any], path: Path) -> str | None:
    base = values.get("from")
    if not isinstance(base, str | None):
        raise RecipeError(f'{path}: from = {base!r} must name a recipe, such as "fashion-dcgan".')
    if base and base.endswith(".toml"):
        raise RecipeError(f"{path}: from = {base!r} is a file; it takes the name of a recipe: gansmith recipes list.")
    if base is None and "name" not in values:
        raise RecipeError(
            f'{path} is no whole recipe; write from = "auto", or another of gansmith recipes list, above what differs.'
        )
    return base
