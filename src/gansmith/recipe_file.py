"""Recipes as TOML text and back, byte for byte; single values replaced; every mistake explained in one sentence."""

import tomllib
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gansmith.config import KINDS, Schedule, inline, is_schedule, is_whole_schedule, toml_value
from gansmith.errors import RecipeError
from gansmith.field_names import check_meant
from gansmith.runs.renamed import with_new_names
from gansmith.runs.run import Run
from gansmith.schema import OPTIMIZERS, Recipe
from gansmith.system.untrusted import read_plain

NAMED_TABLES = ("model", "discriminator_optimizer", "generator_optimizer")
"""Tables whose fields depend on their `name`: with another name, all old values are dropped."""


def to_toml(recipe: Recipe, *, comments: bool = False) -> str:
    """The recipe as TOML with every field written out; with `comments`, each field's meaning stands above it."""
    return "\n".join(_toml_lines(recipe, comments)) + "\n"


def from_values(values: dict[str, Any]) -> Recipe:
    """A checked recipe from nested plain values. Raises RecipeError that names the wrong field."""
    strange = {key: value for key, value in values.items() if key not in Recipe.model_fields}
    check_meant(flat(strange), flat(values).keys() - flat(strange).keys())
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise RecipeError(_explain(error.errors(include_url=False)[0])) from error


def read_toml(text: str, origin: str) -> dict[str, Any]:
    """TOML text as nested plain values. Raises RecipeError that names `origin` and the place of the mistake."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # for a number of 5,000 digits, or a thousand nested lists
        raise RecipeError(f"{origin} is not valid TOML: {error}.") from error


def recipe_of(run: Run) -> Recipe:
    """The resolved recipe of a run. Raises RecipeError when its file is missing or altered."""
    try:
        text = read_plain(run.recipe_file).decode()
    except (OSError, ValueError) as error:
        raise RecipeError(f"{run.recipe_file} cannot be read: {error}.") from error
    return from_run(read_toml(text, str(run.recipe_file)))


def from_run(values: dict[str, Any]) -> Recipe:
    """As `from_values`, from the values a run folder keeps; older names are read too, see `runs.renamed`."""
    return from_values(with_new_names(values))


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with `changes` on top, table by table.

    Two things are replaced as a whole: a table of `NAMED_TABLES` that gets another name, and a schedule by a complete
    schedule.
    """
    result = dict(base)
    for key, value in changes.items():
        old = base.get(key)
        if isinstance(old, dict) and isinstance(value, dict) and not _is_replaced_as_a_whole(key, old, value):
            value = merged(old, value)
        result[key] = value
    return result


def flat(values: object, before: str = "") -> dict[str, object]:
    """Nested values under dotted names, such as "generator_optimizer.lr"; a schedule is one value, its text."""
    if not isinstance(values, dict):
        return {before: values}
    if is_schedule(values):
        return {before: inline(values)}
    found: dict[str, object] = {}
    for key, value in values.items():
        found |= flat(value, f"{before}.{key}" if before else str(key))
    return found


def _is_replaced_as_a_whole(key: str, old: dict[str, Any], new: dict[str, Any]) -> bool:
    if is_whole_schedule(new):
        return True
    return key in NAMED_TABLES and "name" in new and new["name"] != old.get("name", new["name"])


def override(recipe: Recipe, assignments: Iterable[str]) -> Recipe:
    """A copy with dotted fields replaced, e.g. "discriminator_optimizer.lr=1e-3".

    Values are read as TOML, and as plain text when they are not TOML. Raises RecipeError for an unknown field, a
    value of another type, or an invalid value.
    """
    values = recipe.model_dump()
    known = flat(values)
    for change in sorted(map(assigned, assignments), key=_names_first):
        check_meant((path for path in flat(change) if _is_in_table_without_it(path, recipe)), known)
        values = merged(values, change)
    return from_values(values)


def assigned(assignment: str) -> dict[str, Any]:
    """The nested values of "table.field=value". Raises RecipeError when there is no value."""
    path, found, text = assignment.partition("=")
    if not found:
        raise RecipeError(f"a change is FIELD=VALUE, got {assignment!r}.")
    *tables, field = path.strip().split(".")
    values: dict[str, Any] = {field: _parse_value(text.strip())}
    for table in reversed(tables):
        values = {table: values}
    return values


def assignment(field: str, value: Any) -> str:
    """The text "table.field=value" that `assigned` reads as this value, which is in the form of `flat`."""
    bare = isinstance(value, str) and isinstance(_parse_value(value), str | dict)
    return f"{field}={value if bare else _toml_value(value)}"


def _is_in_table_without_it(path: str, recipe: Recipe) -> bool:
    table, _, field = path.partition(".")
    settings = getattr(recipe, table, None)
    is_table = isinstance(settings, BaseModel) and not isinstance(settings, Schedule)
    return is_table and field.partition(".")[0] not in type(settings).model_fields


def _names_first(change: dict[str, Any]) -> bool:
    """Sort key: the name of a table, which drops its old values, comes before its new values."""
    table, value = next(iter(change.items()))
    return not (table in NAMED_TABLES and isinstance(value, dict) and "name" in value)


def _parse_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def _toml_lines(settings: BaseModel, comments: bool) -> list[str]:
    """Single values first, then the tables, as TOML requires. No table of a recipe holds another."""
    lines, tables = [], []
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, BaseModel) and not isinstance(value, Schedule):
            documented = type(value).__doc__ if comments else None  # python -OO has none
            about = [f"# {documented.splitlines()[0]}"] if documented else []
            tables += ["", *about, f"[{name}]", *_toml_lines(value, comments)]
        else:
            about = [f"# {field.description}"] if comments and field.description else []
            lines += [*about, f"{name} = {_toml_value(value)}"]
    return lines + tables


def _toml_value(value: bool | int | float | str | tuple[Any, ...] | Schedule) -> str:
    if isinstance(value, Schedule):
        return str(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml_value, value))}]"
    return toml_value(value)


def _shorten(given: object) -> str:
    text = repr(given)
    return text if len(text) <= 200 else f"{text[:200]}…"


def _explain(mistake: ErrorDetails) -> str:
    """The field, what it must be, and what was given, in a sentence."""
    # Pydantic puts the chosen kind of optimiser, or of a number, into the path of its fields.
    field = ".".join(str(part) for part in mistake["loc"] if part not in (*OPTIMIZERS, *KINDS))
    if mistake["type"] == "missing":
        if "schedule" in mistake["loc"]:
            return f"{field} is missing: a schedule in place of a number has a start, an end and an until, in images."
        return f"{field} is missing from the recipe."
    if mistake["type"].startswith("union_tag"):
        expected, given = " or ".join(map(repr, OPTIMIZERS)), mistake["input"]
        return f"{field}.name must be {expected}, got {given.get('name') if isinstance(given, dict) else given!r}."
    if mistake["type"] == "tuple_type":
        return f"{field} must be a list in brackets, got {_shorten(mistake['input'])}."
    return f"{field} must be {mistake['msg'].removeprefix('Input should be ')}, got {_shorten(mistake['input'])}."
