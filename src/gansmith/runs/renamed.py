"""The names of recipe fields and values in run folders made before December 2026, and their names today."""

from collections.abc import Mapping
from typing import Any

RENAMED = {
    "batch": "batch_size",
    "parts": "microbatches",
    "latents.law": "distribution",
    "data.classes": "num_classes",
    "data.fit": "resize",
    "objective.generator_reuses_pictures": "generator_reuses_images",
    "evaluate.pictures": "images",
    "evaluate.held_out": "validation",
    "evaluation": "validation_losses",
    "held_out_losses": "validation_losses",
    "validation_losses.pictures": "images",
    "validation_losses.held_out": "validation",
}
"""Path of a field in older runs -> its last part today."""

RENAMED_VALUES = {
    ("augment.signal", "held-out"): "validation",
    ("figures.losses", "held-out"): "validation",
    ("figures.losses", "evaluation"): "validation",
}
"""Field and value in older runs -> the value today."""


def with_new_names(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """The nested values of a recipe, with older names replaced."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = RENAMED.get(f"{before}{key}", key)
        path = f"{before}{name}"
        if isinstance(value, dict):
            found[name] = with_new_names(value, f"{path}.")
        else:
            found[name] = RENAMED_VALUES.get((path, value), value) if isinstance(value, str) else value
    return found


def of_today(info: dict[str, Any]) -> dict[str, Any]:
    """The content of run.json, with older names replaced."""
    if "remarks" in info:
        info["notes"] = info.pop("remarks")
    if isinstance(info.get("recipe"), dict):
        info["recipe"] = with_new_names(info["recipe"])
    return info
