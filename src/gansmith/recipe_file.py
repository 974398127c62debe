"""Recipes as TOML text and back, byte for byte; single values replaced; what is wrong said in one sentence."""

import json
import tomllib
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gansmith.config import KINDS, Schedule, inline, is_schedule, is_whole_schedule
from gansmith.errors import RecipeError
from gansmith.runs.renamed import with_new_names
from gansmith.runs.run import Run
from gansmith.schema import Recipe
from gansmith.system.untrusted import read_plain

NAMED_TABLES = ("model", "discriminator_optimizer", "generator_optimizer")
"""Tables whose fields depend on their `name`: under another name, none of the old values is kept."""


def to_toml(recipe: Recipe, *, comments: bool = False) -> str:
    """The recipe as TOML, every field written out; with `comments`, what each field means above it."""
    return "\n".join(_lines(recipe, comments)) + "\n"


def from_values(values: dict[str, Any]) -> Recipe:
    """A checked recipe from nested plain values. Raises RecipeError naming the field that is wrong."""
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise RecipeError(_sentence(error.errors(include_url=False)[0])) from error


def read_toml(text: str, origin: str) -> dict[str, Any]:
    """TOML text as nested plain values. Raises RecipeError naming `origin` and the place of a mistake."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # of a number of 5,000 digits, or a thousand lists in each other
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
    """`base` with `changes` on top, table by table; see `NAMED_TABLES` for an exception.

    Another is a schedule that says all it must: it takes the place of the one there is, whose beginning means nothing
    to it.
    """
    result = dict(base)
    for key, value in changes.items():
        old = base.get(key)
        if isinstance(old, dict) and isinstance(value, dict) and not _another_kind(key, old, value):
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


def _another_kind(key: str, old: dict[str, Any], new: dict[str, Any]) -> bool:
    if is_whole_schedule(new):
        return True
    return key in NAMED_TABLES and "name" in new and new["name"] != old.get("name", new["name"])


def override(recipe: Recipe, assignments: Iterable[str]) -> Recipe:
    """A copy with dotted fields replaced, e.g. "discriminator_optimizer.lr=1e-3".

    Values are read as TOML, and as plain text when they are not TOML. Raises RecipeError for a field that is not
    there, a value of another type, or a value that cannot be.
    """
    values = recipe.model_dump()
    for _, change in sorted(enumerate(map(assigned, assignments)), key=_names_first):
        values = merged(values, change)
    return from_values(values)


def assigned(assignment: str) -> dict[str, Any]:
    """The nested values of "table.field=value". Raises RecipeError when there is no value."""
    path, found, text = assignment.partition("=")
    if not found:
        raise RecipeError(f"--set takes FIELD=VALUE, got {assignment!r}.")
    *tables, field = path.strip().split(".")
    return _nested(tables, {field: _value(text.strip())})


def assignment(field: str, value: Any) -> str:
    """What `assigned` reads as this value of a field, as `flat` has it: a schedule is its text."""
    bare = isinstance(value, str) and isinstance(_value(value), str | dict)
    return f"{field}={value if bare else _toml_value(value)}"


def _names_first(numbered: tuple[int, dict[str, Any]]) -> tuple[bool, int]:
    """In the order given, but a name that takes a table's values away comes before the values it is given."""
    number, change = numbered
    table, value = next(iter(change.items()))
    return not (table in NAMED_TABLES and isinstance(value, dict) and "name" in value), number


def _nested(tables: list[str], values: dict[str, Any]) -> dict[str, Any]:
    return {tables[0]: _nested(tables[1:], values)} if tables else values


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def _lines(settings: BaseModel, comments: bool) -> list[str]:
    """Single values first, then the tables: TOML's order. No table of a recipe holds another."""
    lines, tables = [], []
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, BaseModel) and not isinstance(value, Schedule):
            about = [f"# {(type(value).__doc__ or '').splitlines()[0]}"] if comments else []
            tables += ["", *about, f"[{name}]", *_lines(value, comments)]
        else:
            about = [f"# {field.description}"] if comments and field.description else []
            lines += [*about, f"{name} = {_toml_value(value)}"]
    return lines + tables


def _toml_value(value: bool | int | float | str | tuple[Any, ...] | Schedule) -> str:
    if isinstance(value, Schedule):
        return str(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml_value, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)


def _short(given: object) -> str:
    text = repr(given)
    return text if len(text) <= 200 else f"{text[:200]}…"


def _sentence(mistake: ErrorDetails) -> str:
    """The field, what would do, what was given."""
    # Pydantic puts the chosen kind of optimiser, or of a number, into the path of its fields.
    field = ".".join(str(part) for part in mistake["loc"] if part not in ("rmsprop", "adam", *KINDS))
    if mistake["type"] == "missing":
        if "schedule" in mistake["loc"]:
            return f"{field} is missing: a schedule in place of a number has a start, an end and an until, in images."
        return f"{field} is missing from the recipe."
    if mistake["type"].startswith("union_tag"):
        expected, given = "'rmsprop' or 'adam'", mistake["input"]
        return f"{field}.name must be {expected}, got {given.get('name') if isinstance(given, dict) else given!r}."
    if mistake["type"] == "tuple_type":
        return f"{field} must be a list in brackets, got {_short(mistake['input'])}."
    return f"{field} must be {mistake['msg'].removeprefix('Input should be ')}, got {_short(mistake['input'])}."
