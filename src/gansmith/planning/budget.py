"""What a run may cost, as the command line says it, and a recipe of fixed length made as long as that."""

import re
from dataclasses import dataclass
from typing import Any

from gansmith.config import is_schedule, scaled
from gansmith.errors import UsageError
from gansmith.recipe_file import from_values, merged
from gansmith.schema import Recipe

FORMS = "a time such as 90s, 10m, 2h or 1.5h, or a number of images such as 200k-images or 5M-images"

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_IMAGES = {"": 1, "k": 1000, "m": 1_000_000}
_TIME, _COUNT = re.compile(r"(\d+(?:\.\d+)?)([smhd])"), re.compile(r"(\d+(?:\.\d+)?)([km]?)-images")

_LONGEST = 10 * 365 * 86_400
_MOST_IMAGES = 10**12


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """Seconds that the run may take from its first step to its report, or images shown to D; the other one is 0."""

    text: str
    seconds: float = 0.0
    images: int = 0


def parse_budget(text: str) -> Budget:
    """The budget of a text such as "10m" or "5M-images". Raises UsageError for anything else, and for nothing.

    Units of time are lower-case, since people write M for millions.
    """
    given = text.strip()
    said = given[:100]
    if match := _TIME.fullmatch(given):
        seconds = float(match[1]) * _SECONDS[match[2]]
        if seconds > _LONGEST:
            raise UsageError(f"--budget {said} is longer than ten years; give less.")
        if seconds > 0:
            return Budget(text=text, seconds=seconds)
    elif match := _COUNT.fullmatch(given.lower()):
        images = float(match[1]) * _IMAGES[match[2]]
        if images > _MOST_IMAGES:
            raise UsageError(f"--budget {said} is more than {_MOST_IMAGES:,} images; give less.")
        if images >= 1:
            return Budget(text=text, images=round(images))
    elif given.endswith("M") and _TIME.fullmatch(given.lower()):
        raise UsageError(
            f"--budget {said} might be minutes or millions; give {said.lower()} for a time, or {said}-images."
        )
    else:
        raise UsageError(f"--budget {said!r} is not understood; give {FORMS}.")
    raise UsageError(f"--budget {said} buys nothing; give more.")


def stretched(recipe: Recipe, images: int) -> Recipe:
    """The recipe with so many images, in whole batches, and its intervals, schedules and average in proportion."""
    batch = recipe.batch_size
    steps, share = -(-images // batch), images / recipe.length.images

    def in_proportion(interval: int) -> int:
        return max(interval * images // (recipe.length.images * batch), 1) * batch if interval else 0

    length = recipe.length
    made = from_values(
        merged(
            _with_schedules_stretched(recipe.model_dump(), share),
            {
                "length": {
                    "images": steps * batch,
                    "log_every": in_proportion(length.log_every),
                    "sample_every": in_proportion(length.sample_every),
                    "checkpoint_every": in_proportion(length.checkpoint_every),
                },
                "checkpoints": {"keep_every": in_proportion(recipe.checkpoints.keep_every)},
                "evaluate": {"every": in_proportion(recipe.evaluate.every)},
                "validation_losses": {"every": in_proportion(recipe.validation_losses.every)},
            },
        )
    )
    return made.model_copy(update={"ema_half_life": scaled(made.ema_half_life, share)})


def _with_schedules_stretched(values: dict[str, Any], share: float) -> dict[str, Any]:
    """The values of a recipe, whose schedules begin and end at the same shares of a run of another length."""
    if is_schedule(values):
        begin = round(values["begin"] * share)
        return values | {"begin": begin, "until": max(round(values["until"] * share), begin + 1)}
    return {
        name: _with_schedules_stretched(value, share) if isinstance(value, dict) else value
        for name, value in values.items()
    }
