"""What a run is, as frozen, checked data.

A recipe holds no class name and no import path: networks, losses and sets are found by the names of their files and
table entries.
"""

from typing import Annotated, Literal

import torch
from pydantic import AfterValidator, BeforeValidator, Field, SerializeAsAny, model_validator

from gansmith.data.fit import Fit
from gansmith.data.sampler import Order
from gansmith.data.source import Split
from gansmith.errors import RecipeError, UsageError, unknown
from gansmith.models.base import ModelConfig, Spec, model_config
from gansmith.objectives.adversarial import LOSSES, Targets
from gansmith.pixels import PixelRange
from gansmith.rng import LatentLaw
from gansmith.runs import folder_name
from gansmith.settings import Settings


class Data(Settings):
    """Which pictures, in which shape and range, in which order."""

    name: str = Field(min_length=1)
    """A known set's name, or the path of a folder; classes in brackets, such as cifar10[ship] or mnist[0,1]."""
    split: Split = "train"
    """Part of a known set: train, test, extra (SVHN's), or both: train, then test."""
    skip: int = Field(0, ge=0)
    """Pictures left out at the start of what is asked for."""
    limit: int = Field(0, ge=0)
    """Pictures taken after those; 0 for all."""
    channels: Literal[1, 3, 4] = 1
    """1 for grey, 3 for RGB, 4 for RGB with transparency."""
    height: int = Field(28, ge=4, le=1024)
    """Rows of pixels."""
    width: int = Field(28, ge=4, le=1024)
    """Columns of pixels."""
    fit: Fit = "crop"
    """How a picture of another shape is brought to this one: crop, pad or stretch."""
    pixel_range: PixelRange = "-1..1"
    """What 0..255 becomes for D: "-1..1" or "0..1"."""
    order: Order = "permutation"
    """permutation (a new one each pass), sequential, shuffle-buffer, or with-replacement."""
    shuffle_buffer: int = Field(0, ge=0)
    """Pictures in the buffer of order "shuffle-buffer"; 0 for the other orders."""

    @model_validator(mode="after")
    def _buffer_fits_order(self) -> "Data":
        if (self.order == "shuffle-buffer") != (self.shuffle_buffer > 0):
            raise RecipeError(
                f"data.shuffle_buffer={self.shuffle_buffer} does not go with data.order={self.order!r}: "
                'a size above 0 goes with "shuffle-buffer", 0 with every other order.'
            )
        return self


class Latents(Settings):
    """What G starts from."""

    size: int = Field(100, ge=1)
    """Number of latent variables."""
    law: LatentLaw = "normal"
    """normal: N(0, 1); uniform: U(-1, 1)."""


class Objective(Settings):
    """What the two networks are asked to do, and how the two steps of an iteration are put together."""

    loss: str = Field("non-saturating", description=f"One of {', '.join(LOSSES)}.")
    real_target: float = 1.0
    """What D is asked to answer for real pictures (binary-cross-entropy only)."""
    fake_target: float = 0.0
    """What D is asked to answer for generated pictures (binary-cross-entropy only)."""
    generator_target: float = 1.0
    """What G wants D to answer (binary-cross-entropy only)."""
    probability_clip: float = Field(0.0, ge=0, lt=0.5)
    """Clip probabilities to [c, 1 - c] before the logarithm, as Keras 2.0 did with 1e-7; 0 is off."""
    fakes_first: bool = False
    """Generated pictures come before the real ones in D's batch."""
    generator_step_trains_discriminator: bool = False
    """The generator step also moves D, with G's optimiser: what an unfrozen stacked Keras model does."""

    @property
    def targets(self) -> Targets:
        """The three targets together."""
        return Targets(real=self.real_target, fake=self.fake_target, generator=self.generator_target)

    @model_validator(mode="after")
    def _loss_uses_settings(self) -> "Objective":
        if self.loss not in LOSSES:
            raise RecipeError(unknown("loss", self.loss, LOSSES))
        if not LOSSES[self.loss].uses_targets and (self.targets != Targets() or self.probability_clip):
            raise RecipeError(
                f"loss {self.loss!r} takes no targets and no probability_clip; "
                "remove them or take 'binary-cross-entropy'."
            )
        return self


class _Optimizer(Settings):
    name: str
    lr: float = Field(gt=0)
    """Learning rate."""
    lr_decay: float = Field(0.0, ge=0)
    """The rate of update t is lr / (1 + lr_decay * t), t counted from 0."""
    clip_value: float = Field(0.0, ge=0)
    """Clip every element of the gradient to [-c, c]; 0 is off."""


class RMSprop(_Optimizer):
    """p -= lr g / (sqrt(a) + epsilon), a <- rho a + (1 - rho) g^2, a = 0 at first. Tieleman & Hinton 2012."""

    name: Literal["rmsprop"] = "rmsprop"
    """The optimiser: rmsprop or adam."""
    rho: float = Field(0.9, ge=0, lt=1)
    """Share of the mean square kept at each update."""
    epsilon: float = Field(1e-7, gt=0)
    """Added to the root."""


class Adam(_Optimizer):
    """Kingma & Ba 2014, arXiv:1412.6980, algorithm 1."""

    name: Literal["adam"] = "adam"
    """The optimiser: rmsprop or adam."""
    beta1: float = Field(0.5, ge=0, lt=1)
    """Decay of the mean gradient."""
    beta2: float = Field(0.999, ge=0, lt=1)
    """Decay of the mean square."""
    epsilon: float = Field(1e-8, gt=0)
    """Added to the root of the bias-corrected mean square."""


Optimizer = Annotated[RMSprop | Adam, Field(discriminator="name")]


class Length(Settings):
    """How long the run is and what is done on the way, in real images shown to D."""

    images: int = Field(ge=1)
    """Real images shown to D in the whole run."""
    log_every: int = Field(ge=1)
    """Images between two lines of events.jsonl."""
    sample_every: int = Field(ge=1)
    """Images between two sample grids; grids for the evolution strip come on top."""
    checkpoint_every: int = Field(ge=1)
    """Images between two checkpoints; the last step is always saved."""


class Grid(Settings):
    """The sample grid: the same latents throughout the run."""

    rows: int = Field(8, ge=1, le=64)
    """Rows of pictures."""
    columns: int = Field(8, ge=1, le=64)
    """Columns of pictures."""


def _recipe_name(given: str) -> str:
    try:
        return folder_name(given)
    except UsageError as error:
        raise RecipeError(str(error)) from error


class Recipe(Settings):
    """Everything that decides what a run computes."""

    name: Annotated[str, AfterValidator(_recipe_name)]
    """The recipe's name; part of the run folder's name."""
    about: str = ""
    """One line on what this is."""
    seed: int = Field(0, ge=0)
    """Decides every random draw of the run."""
    batch: int = Field(ge=1)
    """Real images in a step; D sees as many fakes."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto takes bf16 where the processor computes in it, fp32 elsewhere."""
    ema_half_life: float = Field(0.0, ge=0)
    """Images after which a weight's share in the averaged generator halves; 0 keeps no average."""
    length: Length
    latents: Latents = Latents()
    data: Data
    model: Annotated[SerializeAsAny[ModelConfig], BeforeValidator(lambda given: _as_model(given))]
    objective: Objective = Objective()
    discriminator_optimizer: Optimizer
    generator_optimizer: Optimizer
    grid: Grid = Grid()

    @property
    def spec(self) -> Spec:
        """What the networks have to fit."""
        data = self.data
        return Spec(channels=data.channels, height=data.height, width=data.width, latents=self.latents.size)

    @property
    def steps(self) -> int:
        """Number of iterations: the images, in whole batches, rounded up."""
        return -(-self.length.images // self.batch)

    @model_validator(mode="after")
    def _networks_fit_pictures(self) -> "Recipe":
        with torch.device("meta"):  # shapes only: no memory is taken, no number drawn
            self.model.build(self.spec)
        return self


def _as_model(given: object) -> object:
    return model_config(given) if isinstance(given, dict) else given
