"""The budget of a run, read from the command line, and a recipe of fixed length stretched to another length."""

import re
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from gansmith.config import is_schedule, scaled
from gansmith.errors import UsageError
from gansmith.recipe_file import from_values
from gansmith.schema import Recipe
from gansmith.text import duration

FORMS = "a time such as 90s, 10m, 2h or 1.5h, or a number of images such as 200k-images or 5M-images"

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_IMAGES = {"": 1, "k": 1000, "m": 1_000_000}
_TIME = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_COUNT = re.compile(r"(\d+(?:\.\d+)?)([km]?)-images")

INTERVALS = (
    "length.images",
    "length.log_every",
    "length.sample_every",
    "length.checkpoint_every",
    "checkpoints.keep_every",
    "evaluate.every",
    "validation_losses.every",
)
"""Fields of a recipe that change with its length."""
_LONGEST = 10 * 365 * 86_400
"""Seconds of a budget, at most."""
_MOST_IMAGES = 10**12
"""Images of a budget, at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """What a run may cost: seconds from its first step to its report, or images shown to D; the other one is 0."""

    text: str
    seconds: float = 0.0
    images: int = 0


def parse_budget(text: str) -> Budget:
    """The budget of a text such as "10m" or "5M-images". Raises UsageError for anything else, and for a budget of 0.

    Units of time are lower-case, since people write M for millions.
    """
    given = text.strip()
    shown = given[:100]
    if match := _TIME.fullmatch(given):
        seconds = float(match[1]) * _SECONDS[match[2]]
        if seconds > _LONGEST:
            raise UsageError(f"--budget {shown} is longer than ten years; give less.")
        if seconds > 0:
            return Budget(text=text, seconds=seconds)
    elif match := _COUNT.fullmatch(given.lower()):
        images = float(match[1]) * _IMAGES[match[2]]
        if images > _MOST_IMAGES:
            raise UsageError(f"--budget {shown} is more than {_MOST_IMAGES:,} images; give less.")
        if images >= 1:
            return Budget(text=text, images=round(images))
    elif given.endswith("M") and _TIME.fullmatch(given.lower()):
        raise UsageError(
            f"--budget {shown} might be minutes or millions; give {shown.lower()} for a time, or {shown}-images."
        )
    else:
        raise UsageError(f"--budget {shown!r} is not understood; give {FORMS}.")
    raise UsageError(f"--budget {shown} buys nothing; give more.")


def describe_seconds(seconds: float) -> str:
    """Milliseconds below a second, seconds below a quarter of an hour, then as `duration`."""
    if seconds < 0.9995:
        return f"{1000 * seconds:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 999.5 else duration(seconds)


def intervals_of(recipe: Recipe) -> dict[str, int]:
    """The length and the intervals that a recipe has, in images, by field."""
    return {field: attrgetter(field)(recipe) for field in INTERVALS}


def proportional_intervals(recipe: Recipe, images: int) -> dict[str, int]:
    """The recipe's length and intervals in proportion to a length of `images`, in whole batches, by field."""
    batch_size, intervals = recipe.batch_size, intervals_of(recipe)
    own_batches = intervals["length.images"] * batch_size
    made = {
        field: max(interval * images // own_batches, 1) * batch_size if interval else 0
        for field, interval in intervals.items()
    }
    return {**made, "length.images": -(-images // batch_size) * batch_size}


def stretched(recipe: Recipe, images: int) -> Recipe:
    """The recipe at a length of so many images, with its intervals, schedules and EMA in proportion."""
    share = images / recipe.length.images
    values = _with_schedules_stretched(recipe.model_dump(), share)
    for field, interval in proportional_intervals(recipe, images).items():
        table, name = field.split(".")
        values[table] |= {name: interval}
    made = from_values(values)
    return made.model_copy(update={"ema_half_life": scaled(made.ema_half_life, share)})


def _with_schedules_stretched(values: dict[str, Any], share: float) -> dict[str, Any]:
    """The values of a recipe with schedules that begin and end at the same shares of a run of another length."""
    if is_schedule(values):
        begin = round(values["begin"] * share)
        return values | {"begin": begin, "until": max(round(values["until"] * share), begin + 1)}
    return {
        name: _with_schedules_stretched(value, share) if isinstance(value, dict) else value
        for name, value in values.items()
    }
