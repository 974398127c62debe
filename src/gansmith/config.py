"""The base of every part of a recipe, and numbers that change over a run."""

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from gansmith.errors import RecipeError, unknown


class Settings(BaseModel):
    """Frozen data. Unknown keys, values of another type, and numbers that are not finite are refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    @model_validator(mode="before")
    @classmethod
    def _known_keys_only(cls, given: object) -> object:
        """Pydantic would refuse unknown keys too, but without the closest name."""
        if isinstance(given, dict):
            for key in given.keys() - cls.model_fields.keys():
                raise RecipeError(unknown(f"field of {cls.__name__}", str(key), cls.model_fields))
        return given


class Schedule(Settings):
    """A number that is `start` before `begin`, `end` from `until` on, and goes from one to the other in between."""

    start: float = Field(ge=0)
    """The number at first."""
    end: float = Field(ge=0)
    """The number at last."""
    begin: int = Field(0, ge=0)
    """Real images shown to D when it begins to move."""
    until: int
    """Real images shown to D when it has come to its end."""
    shape: Literal["cosine", "linear"] = "cosine"
    """cosine: half a wave, slow at both ends; linear: evenly."""

    def __str__(self) -> str:
        return inline(self.model_dump())

    @model_validator(mode="after")
    def _moves(self) -> Self:
        if self.begin >= self.until:
            raise PydanticCustomError("schedule", "a schedule whose begin comes before its until")
        if self.start == self.end:
            raise PydanticCustomError("schedule", "a plain number when a schedule would start and end at the same")
        return self


KINDS = ("number", "schedule")
"""What pydantic calls the two when it tells the place of a mistake."""


def _kind(given: object) -> str:
    return "schedule" if isinstance(given, dict | Schedule) else "number"


Number = TypeVar("Number", bound=float)
Scheduled = Annotated[Annotated[Number, Tag("number")] | Annotated[Schedule, Tag("schedule")], Discriminator(_kind)]
"""A number with bounds of its own, or a schedule of which neither end is below 0."""


def value_at(scheduled: float | Schedule, seen: int) -> float:
    """The number when D has seen this many real images."""
    if not isinstance(scheduled, Schedule):
        return scheduled
    done = min(max((seen - scheduled.begin) / (scheduled.until - scheduled.begin), 0.0), 1.0)
    if scheduled.shape == "cosine":
        done = (1 - math.cos(math.pi * done)) / 2
    return scheduled.start * (1 - done) + scheduled.end * done


def scaled(scheduled: float | Schedule, factor: float) -> float | Schedule:
    """The number, or both ends of the schedule, multiplied."""
    if not isinstance(scheduled, Schedule):
        return scheduled * factor
    return scheduled.model_copy(update={"start": scheduled.start * factor, "end": scheduled.end * factor})


def below_one(scheduled: float | Schedule) -> float | Schedule:
    """A validator, for the ends of a schedule; a number has its own bounds."""
    if isinstance(scheduled, Schedule) and max(scheduled.start, scheduled.end) >= 1:
        raise PydanticCustomError("schedule", "less than 1 at both ends")
    return scheduled


def up_to_one(scheduled: float | Schedule) -> float | Schedule:
    """A validator, for the ends of a schedule; a number has its own bounds."""
    if isinstance(scheduled, Schedule) and max(scheduled.start, scheduled.end) > 1:
        raise PydanticCustomError("schedule", "at most 1 at both ends")
    return scheduled


def is_schedule(values: Mapping[str, Any]) -> bool:
    """Whether these are the plain values of a schedule, and not a table of settings."""
    return values.keys() == Schedule.model_fields.keys()


def is_whole_schedule(values: Mapping[str, Any]) -> bool:
    """Whether a schedule can be made of these plain values alone, the rest of it being at rest."""
    needed = {name for name, field in Schedule.model_fields.items() if field.is_required()}
    return needed <= values.keys() <= Schedule.model_fields.keys()


def inline(values: Mapping[str, Any]) -> str:
    """A schedule's plain values on one line, as TOML."""
    return f"{{{', '.join(f'{name} = {json.dumps(value)}' for name, value in values.items())}}}"
