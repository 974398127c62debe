"""Which runs a list shows, in which order, and the settings in which they differ."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from gansmith.errors import UsageError, unknown
from gansmith.runs.summary import RunSummary

MOST_SETTINGS = 6
"""Most settings that a table shows."""
_NOT_SETTINGS = ("data.name", "name", "description", "source")
"""Fields of a recipe with a column of their own, or that say nothing about the training."""

ORDERS: dict[str, Callable[[RunSummary], float | str]] = {
    "run": lambda one: one.run.number,
    "fd": lambda one: one.best.value if one.best else float("inf"),
    "step": lambda one: one.step,
    "time": lambda one: one.seconds,
    "status": lambda one: one.status,
    "dataset": lambda one: one.dataset,
}
"""What a list can be sorted by, best or lowest first."""


def select_runs(runs: Iterable[RunSummary], where: Sequence[str] = (), sort: str = "run") -> list[RunSummary]:
    """The runs that fit every "FIELD=VALUE", in this order; runs without an fd come last.

    A field is recipe, status, dataset, or a setting of the recipe such as "objective.loss". Raises UsageError for an
    unknown order, for text without "=", and for a field that no run has.
    """
    if sort not in ORDERS:
        raise UsageError(unknown("order", sort, ORDERS))
    found = list(runs)
    for condition in where:
        field, has_value, value = condition.partition("=")
        if not has_value:
            raise UsageError(f"--where takes FIELD=VALUE, such as status=done, got {condition!r}.")
        properties = [{**settings(one), **_own(one)} for one in found]
        if found and not any(field in one for one in properties):
            raise UsageError(unknown("field", field, {name for one in properties for name in one}))
        found = [one for one, has in zip(found, properties, strict=True) if field in has and has[field] == value]
    return sorted(found, key=ORDERS[sort])


def settings(one: RunSummary) -> dict[str, str]:
    """The recipe's fields under dotted names, as text; empty when run.json holds no recipe."""
    return {name: text for name, text in _flat(one.field("recipe"), "").items() if name not in _NOT_SETTINGS}


def differing_settings(runs: Sequence[RunSummary]) -> list[str]:
    """The settings in which runs of one recipe and dataset differ, in the order of the recipe."""
    kinds: dict[tuple[str, str], list[dict[str, str]]] = {}
    for one in runs:
        kinds.setdefault((_own(one)["recipe"], one.dataset), []).append(settings(one))
    return list(
        dict.fromkeys(
            name
            for members in kinds.values()
            for name in dict.fromkeys(name for one in members for name in one)
            if len({one.get(name) for one in members}) > 1
        )
    )


def _own(one: RunSummary) -> dict[str, str]:
    name = one.field("recipe", "name")
    return {"recipe": name if isinstance(name, str) else "", "status": one.status, "dataset": one.dataset}


def _flat(value: Any, name: str) -> dict[str, str]:
    """Nested values under dotted names; a schedule, which has an end, is one value."""
    if isinstance(value, dict) and "end" not in value:
        found: dict[str, str] = {}
        for key, inner in value.items():
            found |= _flat(inner, f"{name}.{key}" if name else str(key))
        return found
    return {name: value if isinstance(value, str) else json.dumps(value)}
