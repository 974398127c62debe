"""Functions that return a Recipe; the file's name, with hyphens, is the recipe's name, its arguments the variants."""

import importlib
import pkgutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from gansmith.errors import RecipeError, unknown
from gansmith.recipe_file import flat, from_values, merged, override, read_toml
from gansmith.recipes.base import Family
from gansmith.recipes.fitting import EXAMPLE, DatasetFacts, Fitted
from gansmith.schema import Recipe


def recipe_names() -> list[str]:
    """Names of the recipes that ship with gansmith, without their variants."""
    files = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(file.replace("_", "-") for file in files if file not in ("base", "fitting"))


def all_names() -> list[str]:
    """Every recipe, followed by it with each of its variants: "svhn-dcgan", "svhn-dcgan:scenario-1", ..."""
    return [full for name in recipe_names() for full in (name, *(f"{name}:{one}" for one in family(name).variants))]


def family(name: str) -> Family:
    """What the recipe's file says of it; `name` may have variants. Raises RecipeError when there is no such recipe."""
    return _module(name.partition(":")[0]).FAMILY


def recipe(name: str, changes: Iterable[str] = ()) -> Recipe:
    """The recipe of that name, or of the TOML file `name`, with `changes` such as "batch_size=64" on top.

    One that sets itself is set for the clothes that ship with gansmith, and for the length if that is changed; `fitted`
    sets it for other images.

    A name may be followed by variants, "cifar-ships:repaired" or "svhn-dcgan:scenario-1:repaired". A TOML file holds a
    whole recipe, or starts from a named one with `from = "NAME"` and holds what differs. Raises RecipeError when there
    is no such recipe, variant or file, or when anything in it is wrong.
    """
    return fitted(name, changes).recipe


def fitted(name: str, changes: Iterable[str] = (), facts: DatasetFacts | None = None) -> Fitted:
    """As `recipe`, set from these facts where it sets itself, and why what is left of that is as it is."""
    changes = [*changes]
    if name.endswith(".toml"):
        base, recipe = _from_file(Path(name), facts)
    else:
        base = _named(name, facts)
        recipe = base.recipe
    recipe = override(recipe, changes)
    if facts is None and recipe.length.images != base.recipe.length.images and sets_itself(name):
        return fitted(name, changes, replace(EXAMPLE, images=recipe.length.images))
    before, after = flat(base.recipe.model_dump()), flat(recipe.model_dump())

    def is_kept(field: str) -> bool:
        kind = f"{field.partition('.')[0]}.name"  # another model's width is not the one that was decided
        return all(before.get(one) == after.get(one) for one in (field, kind))

    return Fitted(recipe=recipe, why={field: reason for field, reason in base.why.items() if is_kept(field)})


def sets_itself(name: str) -> bool:
    """Whether the recipe of that name, or the one that the TOML file starts from, sets itself from the images."""
    base = _base(_read(Path(name)), Path(name)) if name.endswith(".toml") else name
    return base is not None and family(base).fitted is not None


def _named(name: str, facts: DatasetFacts | None) -> Fitted:
    stem, *chosen = name.split(":")
    module = _module(stem)
    if facts and module.FAMILY.fitted and not chosen:
        return module.FAMILY.fitted(facts)
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
    return Fitted(recipe=found.model_copy(update={"name": name, "about": about}), why={})


def _module(name: str) -> ModuleType:
    if name not in recipe_names():
        raise RecipeError(unknown("recipe", name, recipe_names()) + " A file of your own ends in .toml.")
    return importlib.import_module(f"{__name__}.{name.replace('-', '_')}")


def _from_file(path: Path, facts: DatasetFacts | None) -> tuple[Fitted, Recipe]:
    """What the file starts from, and the recipe that it makes of that."""
    values = _read(path)
    base = _base(values, path)
    if base is None:
        whole = from_values(values)
        return Fitted(recipe=whole, why={}), whole
    found = _named(base, facts)
    changes = {"name": path.stem} | {key: value for key, value in values.items() if key != "from"}
    return found, from_values(merged(found.recipe.model_dump(), changes))


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise RecipeError(f"recipe file {path} cannot be read: {reason}.") from error
    return read_toml(text, str(path))


def _base(values: dict[str, Any], path: Path) -> str | None:
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
