"""The recipe's table `augment`: operations on images before D sees them."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gansmith.augment.operations import OPERATIONS
from gansmith.config import Schedule, Scheduled, Settings, up_to_one
from gansmith.errors import RecipeError, unknown


class Augment(Settings):
    """Augmentation of every image that D sees, real or fake, in both steps; for small datasets."""

    operations: Annotated[
        tuple[str, ...], BeforeValidator(lambda given: tuple(given) if isinstance(given, list) else given)
    ] = Field((), description=f"Any of {', '.join(OPERATIONS)}; DiffAugment is colour, translate and cutout.")
    probability: Annotated[Scheduled[Annotated[float, Field(gt=0, le=1)]], AfterValidator(up_to_one)] = 1.0
    """Probability that an operation acts on an image, or a schedule of it; with augment.target, its upper limit."""
    target: float = Field(0.0, ge=0, lt=1)
    """ADA: the probability rises while the signal is above this, and falls otherwise; 0.6 in the paper, 0 is off."""
    signal: Literal["signs", "validation"] = "signs"
    """Signal for how far D overfits: signs of its logits for real images, or its logits for evaluate.validation."""
    speed: int = Field(0, ge=0)
    """Images in which the probability goes from 0 to 1; 500,000 in ADA's paper; 0 without augment.target."""

    @model_validator(mode="after")
    def _used(self) -> "Augment":
        for name in self.operations:
            if name not in OPERATIONS:
                raise RecipeError(unknown("augmentation", name, OPERATIONS))
        if len(set(self.operations)) < len(self.operations):
            raise RecipeError(f"augment.operations={[*self.operations]} names an operation twice; name it once.")
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
