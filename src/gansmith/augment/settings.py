"""The recipe's table `augment`: what is done to images before D sees them."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gansmith.augment.operations import OPERATIONS
from gansmith.config import Schedule, Scheduled, Settings, up_to_one
from gansmith.errors import RecipeError, unknown


class Augment(Settings):
    """What is done to every image that D sees, real or generated, in both steps; for sets that are small."""

    operations: Annotated[
        tuple[str, ...], BeforeValidator(lambda given: tuple(given) if isinstance(given, list) else given)
    ] = Field((), description=f"Any of {', '.join(OPERATIONS)}; DiffAugment is colour, translate and cutout.")
    probability: Annotated[Scheduled[Annotated[float, Field(gt=0, le=1)]], AfterValidator(up_to_one)] = 1.0
    """Chance that an operation acts on an image, or a schedule of it; with a target the most that it may rise to."""
    target: float = Field(0.0, ge=0, lt=1)
    """ADA: the probability rises while the signal is above this, and falls else. 0.6 there for signs; 0 is off."""
    signal: Literal["signs", "validation"] = "signs"
    """How D's overfitting is told: by its answers' signs, or by its answers to images of evaluate.validation."""
    speed: int = Field(0, ge=0)
    """Images in which the probability goes from 0 to 1, with a target. 500,000 in ADA's paper; 0 without a target."""

    @model_validator(mode="after")
    def _used(self) -> "Augment":
        for name in self.operations:
            if name not in OPERATIONS:
                raise RecipeError(unknown("augmentation", name, OPERATIONS))
        if len(set(self.operations)) < len(self.operations):
            raise RecipeError(f"augment.operations={[*self.operations]} names one twice; once is enough.")
        if not self.operations and (self.target or self.probability != 1):
            raise RecipeError("augment.probability and augment.target have no effect without augment.operations.")
        if (self.target > 0) != (self.speed > 0):
            raise RecipeError(
                f"augment.speed={self.speed} does not go with augment.target={self.target}: "
                "a speed above 0 goes with a target, 0 with none."
            )
        if self.signal == "validation" and not self.target:
            raise RecipeError("augment.signal='validation' has no effect without augment.target; set both, or neither.")
        if self.target and isinstance(self.probability, Schedule):
            raise RecipeError(
                f"augment.target={self.target} moves the probability itself, and augment.probability="
                f"{self.probability} too; give a plain number, the most it may rise to, or take target 0."
            )
        return self
