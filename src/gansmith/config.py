"""The base class of every table of a recipe, and schedules: numbers that change over a run."""

import json
import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from gansmith.errors import RecipeError, unknown


class Settings(BaseModel):
    """Frozen, checked data: unknown keys, values of another type and numbers that are not finite are errors."""

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
    """A number that is `start` until `begin`, `end` from `until` on, and moves from one to the other in between."""

    start: float = Field(ge=0)
    """The value at the start of the run."""
    end: float = Field(ge=0)
    """The value at the end of the schedule."""
    begin: int = Field(0, ge=0)
    """Real images shown to D when the value begins to move."""
    until: int
    """Real images shown to D when the value reaches `end`."""
    shape: Literal["cosine", "linear"] = "cosine"
    """Shape of the way: cosine is half a wave, slow at both ends; linear is a straight line."""

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
"""Pydantic's names for the two, as they occur in the place of an error."""


def _kind(given: object) -> str:
    return "schedule" if isinstance(given, dict | Schedule) else "number"


Number = TypeVar("Number", bound=float)
Scheduled = Annotated[Annotated[Number, Tag("number")] | Annotated[Schedule, Tag("schedule")], Discriminator(_kind)]
"""A number with bounds of its own, or a schedule with both ends at 0 or above."""


def value_at(scheduled: float | Schedule, seen: int) -> float:
    """The value of a number or a schedule when D has seen this many real images."""
    if not isinstance(scheduled, Schedule):
        return scheduled
    done = min(max((seen - scheduled.begin) / (scheduled.until - scheduled.begin), 0.0), 1.0)
    if scheduled.shape == "cosine":
        done = (1 - math.cos(math.pi * done)) / 2
    return scheduled.start * (1 - done) + scheduled.end * done


def scaled(scheduled: float | Schedule, factor: float) -> float | Schedule:
    """The number, or both ends of the schedule, multiplied."""
    if not isinstance(scheduled, Schedule):
        return product(scheduled, factor)
    ends = {"start": product(scheduled.start, factor), "end": product(scheduled.end, factor)}
    return scheduled.model_copy(update=ends)


def product(number: float, factor: float) -> float:
    """The product as people write it: without the error in its last digit, such as that of 3 * 0.1.

    That with a power of two, such as 1 or a half, has no error, and stays as it is to the last bit.
    """
    if abs(math.frexp(factor)[0]) == 0.5:
        return number * factor
    return float(f"{number * factor:.15g}")


def below_one(scheduled: float | Schedule) -> float | Schedule:
    """Validator that both ends of a schedule are within the bound; a plain number has its own bounds."""
    if isinstance(scheduled, Schedule) and max(scheduled.start, scheduled.end) >= 1:
        raise PydanticCustomError("schedule", "less than 1 at both ends")
    return scheduled


def up_to_one(scheduled: float | Schedule) -> float | Schedule:
    """Validator that both ends of a schedule are within the bound; a plain number has its own bounds."""
    if isinstance(scheduled, Schedule) and max(scheduled.start, scheduled.end) > 1:
        raise PydanticCustomError("schedule", "at most 1 at both ends")
    return scheduled


def is_schedule(values: Mapping[str, Any]) -> bool:
    """Whether these are the plain values of a schedule, and not of a table of settings."""
    return values.keys() == Schedule.model_fields.keys()


def is_whole_schedule(values: Mapping[str, Any]) -> bool:
    """Whether these plain values are enough for a schedule: all that has no default, and nothing else."""
    required = {name for name, field in Schedule.model_fields.items() if field.is_required()}
    return required <= values.keys() <= Schedule.model_fields.keys()


def toml_value(value: bool | int | float | str) -> str:
    """A single value as TOML, with numbers as people write them: 7.5e-5."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return re.sub(r"e([+-])0+(?=\d)", r"e\1", repr(value))


def inline(values: Mapping[str, Any]) -> str:
    """A schedule's plain values on one line, as TOML."""
    return f"{{{', '.join(f'{name} = {toml_value(value)}' for name, value in values.items())}}}"
