"""Names that run folders made before December 2026 use, and those of today."""

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
"""Fields of older runs by their path, and what its last part is called today."""

RENAMED_VALUES = {
    ("augment.signal", "held-out"): "validation",
    ("figures.losses", "held-out"): "validation",
    ("figures.losses", "evaluation"): "validation",
}
"""Values of older runs by field, and what they are called today."""


def with_new_names(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """The nested values of a recipe, older names replaced by those of today."""
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
    """What run.json holds, under the names of today."""
    if "remarks" in info:
        info["notes"] = info.pop("remarks")
    if isinstance(info.get("recipe"), dict):
        info["recipe"] = with_new_names(info["recipe"])
    return info
