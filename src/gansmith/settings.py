"""The base of every piece of a recipe: frozen, checked, and without room for a key nobody reads."""

from pydantic import BaseModel, ConfigDict, model_validator

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
