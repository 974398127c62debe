"""The recipe's table `objective`: loss, penalty, and how a step updates D and G."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from gansmith.config import Scheduled, Settings
from gansmith.errors import RecipeError, unknown
from gansmith.objectives.adversarial import LOSSES, Targets
from gansmith.objectives.penalties import PENALTIES

NO_PENALTY = "none"


class Objective(Settings):
    """Loss and gradient penalty, and how a training step updates D and G."""

    loss: str = Field("non-saturating", description=f"One of {', '.join(LOSSES)}.")
    real_target: float = 1.0
    """D's target for real images (binary-cross-entropy and least-squares only)."""
    fake_target: float = 0.0
    """D's target for fake images (binary-cross-entropy and least-squares only)."""
    generator_target: float = 1.0
    """G's target for D on fake images (binary-cross-entropy and least-squares only)."""
    label_noise: float = Field(0.0, ge=0, le=1)
    """Width c of the noise U(0, c) added to each target of D, for losses with targets; 0 is off."""
    probability_clip: float = Field(0.0, ge=0, lt=0.5)
    """Limit c: probabilities are clipped to [c, 1 - c] before the logarithm, as in Keras 2.0 with 1e-7; 0 is off."""
    weight_clip: float = Field(0.0, ge=0)
    """Limit c: D's parameters are clipped to [-c, c] after each update (wasserstein only); 0 is off."""
    penalty: str = Field(NO_PENALTY, description=f"Gradient penalty on D: {NO_PENALTY}, {', '.join(PENALTIES)}.")
    gamma: Scheduled[Annotated[float, Field(ge=0)]] = 0.0
    """Weight of the penalty, or a schedule of it; r1 and r2 use half of it, as in their paper."""
    penalty_every: int = Field(1, ge=1)
    """Lazy penalty: it is computed in every n-th update of D, with n times its weight. arXiv:1912.04958, §3.1."""
    discriminator_batch: Literal["mixed", "separate"] = "mixed"
    """mixed: one update of D on real and fake images together; separate: one on each, with its own batch statistics."""
    fakes_first: bool = False
    """Fake images come before real ones, in D's batch or as the first of its two updates."""
    generator_reuses_latents: bool = False
    """G's update uses the latents of D's update instead of new ones."""
    generator_reuses_images: bool = False
    """Both updates use the same fake images, made in training mode: one forward pass of G in a step instead of two."""
    generator_step_trains_discriminator: bool = False
    """G's update also changes D, with G's optimiser, as an unfrozen stacked Keras model does."""

    @property
    def targets(self) -> Targets:
        """The three targets as `Targets`."""
        return Targets(real=self.real_target, fake=self.fake_target, generator=self.generator_target)

    @property
    def in_pairs(self) -> bool:
        """Whether the loss compares pairs of a real and a fake image; G's loss then needs real images too."""
        return LOSSES[self.loss].fake is None

    @model_validator(mode="after")
    def _loss_uses_settings(self) -> "Objective":
        if self.loss not in LOSSES:
            raise RecipeError(unknown("loss", self.loss, LOSSES))
        loss = LOSSES[self.loss]
        if (self.targets != Targets() or self.label_noise) and not loss.uses_targets:
            names = " or ".join(repr(name) for name, loss in LOSSES.items() if loss.uses_targets)
            raise RecipeError(f"loss {self.loss!r} takes no targets and no label_noise; remove them or take {names}.")
        if self.real_target == self.fake_target:
            raise RecipeError(
                f"objective.real_target and objective.fake_target are both {self.real_target:g}, so D cannot learn "
                "anything; give two different numbers."
            )
        if self.probability_clip and not loss.clips_probability:
            raise RecipeError(
                f"loss {self.loss!r} takes no probability_clip; remove it or take 'binary-cross-entropy'."
            )
        if self.weight_clip and self.loss != "wasserstein":
            raise RecipeError(f"loss {self.loss!r} takes no weight_clip; remove it or take 'wasserstein'.")
        if self.weight_clip and self.generator_step_trains_discriminator:
            raise RecipeError(
                "objective.weight_clip would not hold with objective.generator_step_trains_discriminator, which moves "
                "D once more after it; set one of them only."
            )
        if self.generator_reuses_latents and self.generator_reuses_images:
            raise RecipeError(
                "objective.generator_reuses_latents has no effect where objective.generator_reuses_images is set: "
                "the same images have the same latents; set one of them only."
            )
        return self

    @model_validator(mode="after")
    def _penalty_uses_settings(self) -> "Objective":
        if self.penalty != NO_PENALTY and self.penalty not in PENALTIES:
            raise RecipeError(unknown("penalty", self.penalty, (NO_PENALTY, *PENALTIES)))
        if (self.penalty == NO_PENALTY) != (self.gamma == 0):
            raise RecipeError(
                f"objective.gamma={self.gamma} does not go with objective.penalty={self.penalty!r}: "
                f"a weight above 0 goes with a penalty, 0 with {NO_PENALTY!r}."
            )
        if self.penalty == NO_PENALTY and self.penalty_every > 1:
            raise RecipeError(
                f"objective.penalty_every={self.penalty_every} has no effect without a penalty; set both, or it to 1."
            )
        if self.discriminator_batch == "separate" and (self.in_pairs or self.penalty != NO_PENALTY):
            what = f"loss {self.loss!r}" if self.in_pairs else f"penalty {self.penalty!r}"
            raise RecipeError(
                f"{what} needs reals and fakes in one batch of D; set objective.discriminator_batch to 'mixed'."
            )
        return self
