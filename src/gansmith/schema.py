"""What a run is, as frozen, checked data.

A recipe holds no class name and no import path: networks, losses and sets are found by the names of their files and
table entries.
"""

from typing import Annotated, Literal

import torch
from pydantic import AfterValidator, BeforeValidator, Field, SerializeAsAny, model_validator
from torch import nn

from gansmith.augment.operations import OPERATIONS
from gansmith.augment.settings import Augment
from gansmith.config import Scheduled, Settings, below_one
from gansmith.data.datasets.catalog import Split
from gansmith.data.images.resize import Box, ImageShape, Resample, ResizeMode
from gansmith.data.sampler import Order
from gansmith.errors import RecipeError, UsageError
from gansmith.models.base import ModelConfig, Spec, model_config
from gansmith.nn.norm import normalises_batches
from gansmith.nn.spectral import every_kernel_is_normed
from gansmith.objectives.settings import NO_PENALTY, Objective
from gansmith.pixels import Display, PixelRange
from gansmith.rng import LatentDistribution
from gansmith.runs.run import folder_name

COLOUR = "^#[0-9a-f]{6}$"
"""Red, green and blue in hexadecimal."""


class Data(Settings):
    """Which images, in which shape and range, in which order."""

    name: str = Field(min_length=1)
    """A known set's name, or the path of a folder; classes in brackets, such as cifar10[ship] or mnist[0,1]."""
    split: Split = "train"
    """Part of a known set: train, test, extra (SVHN's), or both: train, then test."""
    skip: int = Field(0, ge=0)
    """Images left out at the start of what is asked for."""
    limit: int = Field(0, ge=0)
    """Images taken after those; 0 for all."""
    channels: Literal[1, 3, 4] = 1
    """1 for grey, 3 for RGB, 4 for RGB with transparency."""
    height: int = Field(28, ge=4, le=1024)
    """Rows of pixels."""
    width: int = Field(28, ge=4, le=1024)
    """Columns of pixels."""
    resize: ResizeMode = "crop"
    """How an image of another shape is brought to this one: crop, pad or stretch."""
    box: Annotated[Box, BeforeValidator(lambda given: tuple(given) if isinstance(given, list) else given)] = ()
    """The part of each image that is used, before it is fitted: [top, left, height, width]; [] for all of it."""
    resample: Resample = "lanczos"
    """How images are resized: lanczos or bilinear, both antialiased."""
    pixel_range: PixelRange = "-1..1"
    """What 0..255 becomes for D: "-1..1" or "0..1"."""
    num_classes: int = Field(0, ge=0, le=100_000)
    """How many classes the networks are told apart, by the images' labels; 0 for networks that know no labels."""
    order: Order = "permutation"
    """permutation (a new one each pass), sequential, shuffle-buffer, or with-replacement."""
    shuffle_buffer: int = Field(0, ge=0)
    """Images in the buffer of order "shuffle-buffer"; 0 for the other orders."""

    @property
    def shape(self) -> ImageShape:
        """The shape, as the decoders take it."""
        return ImageShape(
            channels=self.channels,
            height=self.height,
            width=self.width,
            resize=self.resize,
            box=self.box,
            resample=self.resample,
        )

    @model_validator(mode="after")
    def _box_can_be(self) -> "Data":
        try:
            _ = self.shape
        except ValueError as error:
            raise RecipeError(f"data.{error}") from error
        return self

    @model_validator(mode="after")
    def _classes_are_told_apart(self) -> "Data":
        if self.num_classes == 1:
            raise RecipeError("data.num_classes=1 tells no image from another; give 0, or 2 and more.")
        return self

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
    distribution: LatentDistribution = "normal"
    """normal: N(0, 1); uniform: U(-1, 1)."""


class _OptimizerSettings(Settings):
    name: str
    lr: Scheduled[Annotated[float, Field(gt=0)]]
    """Learning rate, or a schedule of it: {start, end, until}, in images, see docs/schedules.md."""
    lr_decay: float = Field(0.0, ge=0)
    """The rate of update t is lr / (1 + lr_decay * t), t counted from 0."""
    clip_value: float = Field(0.0, ge=0)
    """Clip every element of the gradient to [-c, c]; 0 is off."""


class RMSprop(_OptimizerSettings):
    """p -= lr g / (sqrt(a) + epsilon), a <- rho a + (1 - rho) g^2, a = 0 at first. Tieleman & Hinton 2012."""

    name: Literal["rmsprop"] = "rmsprop"
    """The optimiser: rmsprop or adam."""
    rho: float = Field(0.9, ge=0, lt=1)
    """Share of the mean square kept at each update."""
    epsilon: float = Field(1e-7, gt=0)
    """Added to the root."""


class Adam(_OptimizerSettings):
    """Kingma & Ba 2014, arXiv:1412.6980, algorithm 1, or its faster form."""

    name: Literal["adam"] = "adam"
    """The optimiser: rmsprop or adam."""
    beta1: float = Field(0.5, ge=0, lt=1)
    """Decay of the mean gradient."""
    beta2: Annotated[Scheduled[Annotated[float, Field(ge=0, lt=1)]], AfterValidator(below_one)] = 0.999
    """Decay of the mean square, or a schedule of it."""
    epsilon: float = Field(1e-8, gt=0)
    """Added to the root of the bias-corrected mean square, or of the mean square itself, see epsilon_hat."""
    epsilon_hat: bool = False
    """Add epsilon before the bias is corrected, as Keras and TensorFlow do: "epsilon hat" at the end of §2."""


OptimizerSettings = Annotated[RMSprop | Adam, Field(discriminator="name")]


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


class Checkpoints(Settings):
    """Which checkpoints stay on disk besides the best. Nothing here changes what a run computes."""

    keep_last: int = Field(3, ge=1)
    """The newest ones."""
    keep_every: int = Field(0, ge=0)
    """Images between checkpoints that stay for good, the first at or after each multiple; 0 for none."""


def _check_used(table: str, settings: "Evaluate | ValidationLosses", names: tuple[str, ...]) -> None:
    for name in names:
        if not settings.every and (value := getattr(settings, name)):
            raise RecipeError(f"{table}.{name}={value} has no effect with {table}.every=0; set both, or {name} to 0.")


class Evaluate(Settings):
    """Measuring on the way: G's images against real ones. The Fréchet distance decides which checkpoint is `best`."""

    every: int = Field(0, ge=0)
    """Images between two evaluations; 0 for none. A fiftieth to a twentieth of the run keeps them cheap."""
    images: int = Field(2000, ge=12)
    """G's images, of the same latents each time, and the real ones, the same each time too, as many of each."""
    features: str = Field("auto", min_length=1)
    """The network that looks at them; auto takes the one made for the set, and random weights where there is none."""
    validation: int = Field(0, ge=0)
    """Training images kept out as the real ones, at random; 0 compares with images that are trained on."""
    patience: int = Field(0, ge=0)
    """Evaluations in a row without a gain beyond noise after which the run ends; 0 for never."""

    @model_validator(mode="after")
    def _used(self) -> "Evaluate":
        _check_used("evaluate", self, ("validation", "patience"))
        return self


class ValidationLosses(Settings):
    """Losses that some articles print: both networks in inference mode, on images kept out of the training."""

    every: int = Field(0, ge=0)
    """Images between two lines of them; 0 for none."""
    images: int = Field(16, ge=1)
    """Real images, and as many generated ones, drawn anew for each."""
    validation: int = Field(0, ge=0)
    """Images taken out of the training set for this, at random; 0 takes the set's test split."""

    @model_validator(mode="after")
    def _used(self) -> "ValidationLosses":
        _check_used("validation_losses", self, ("validation",))
        return self


class Grid(Settings):
    """The sample grid: the same latents throughout the run."""

    rows: int = Field(8, ge=1, le=64)
    """Rows of images."""
    columns: int = Field(8, ge=1, le=64)
    """Columns of images."""


class Figures(Settings):
    """How `gansmith runs figures` draws what the article shows. Nothing here changes what a run computes."""

    colour_map: Literal["grey", "grey-reversed"] = "grey"
    """Of images of one channel; reversed, 0 is white: matplotlib's "binary" and "gray_r"."""
    autoscale: bool = False
    """Stretch each image from its own darkest to its own brightest value, as matplotlib does by default."""
    display: Display = "clipped"
    """How G's output becomes pixels: clipped is right; wrapped and doubled are two articles' mistakes."""
    losses: Literal["training", "validation"] = "training"
    """Which losses the curves show."""
    epoch: int = Field(0, ge=0)
    """Images in one of the article's epochs, the unit of the curves' axis; 0 counts steps."""
    axis: str = "step"
    """What stands below the curves."""
    discriminator_colour: str = Field("#3b76c4", pattern=COLOUR)
    """Colour of D's curve."""
    generator_colour: str = Field("#d9822b", pattern=COLOUR)
    """Colour of G's curve."""


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
    batch_size: int = Field(ge=1)
    """Real images in a step; D sees as many fakes."""
    microbatches: int = Field(1, ge=1)
    """How many parts of a batch go through the networks one after the other: the memory of one, the gradient of all."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto takes bf16 where the processor or GPU is faster in it, fp32 elsewhere."""
    ema_half_life: Scheduled[Annotated[float, Field(ge=0)]] = 0.0
    """Images after which a weight's share in the averaged generator halves, or a schedule; 0 keeps no average."""
    on_divergence: Literal["stop", "roll-back"] = "stop"
    """When a number is not finite: stop, or go back to the last checkpoint with half the rates, at most 3 times."""
    length: Length
    checkpoints: Checkpoints = Checkpoints()
    latents: Latents = Latents()
    data: Data
    model: Annotated[SerializeAsAny[ModelConfig], BeforeValidator(lambda given: _as_model(given))]
    objective: Objective = Objective()
    augment: Augment = Augment()
    discriminator_optimizer: OptimizerSettings
    generator_optimizer: OptimizerSettings
    evaluate: Evaluate = Evaluate()
    validation_losses: ValidationLosses = ValidationLosses()
    grid: Grid = Grid()
    figures: Figures = Figures()

    @property
    def spec(self) -> Spec:
        """What the networks have to fit."""
        data = self.data
        return Spec(
            channels=data.channels,
            height=data.height,
            width=data.width,
            latents=self.latents.size,
            num_classes=data.num_classes,
        )

    @property
    def steps(self) -> int:
        """Number of iterations: the images, in whole batches, rounded up."""
        return -(-self.length.images // self.batch_size)

    @model_validator(mode="after")
    def _networks_fit_images(self) -> "Recipe":
        try:
            with torch.device("meta"):  # shapes only: no memory is taken, no number drawn
                networks = self.model.networks(self.spec)
        except (RuntimeError, TypeError) as error:  # torch on sizes beyond 64 bits
            reason = str(error).splitlines()[0]
            raise RecipeError(f"model {self.model.name!r} cannot be made of this size: {reason}.") from error
        if self.microbatches > 1 and (
            self.batch_size % self.microbatches or normalises_batches(networks.G, networks.D)
        ):
            raise RecipeError(
                f"microbatches={self.microbatches} would change the result: it must divide "
                f"batch_size={self.batch_size}, and batch norm would see one microbatch instead of "
                "the batch; set a smaller batch_size instead."
            )
        if self.microbatches > 1 and self.objective.generator_reuses_images:
            raise RecipeError(
                f"microbatches={self.microbatches} would save no memory: objective.generator_reuses_images keeps the "
                "graph of the whole batch; set only one of them."
            )
        self._check_penalty_of_samples(networks.D)
        self._check_critic_is_bounded(networks.D)
        self._check_signal_has_images(networks.D)
        return self

    def _check_penalty_of_samples(self, D: nn.Module) -> None:
        if self.objective.penalty != NO_PENALTY and normalises_batches(D):
            raise RecipeError(
                f"penalty {self.objective.penalty!r} asks for the slope at each image, and batch norm in the D of "
                f"model {self.model.name!r} makes it that of the whole batch; take a model without, or no penalty."
            )

    def _check_critic_is_bounded(self, D: nn.Module) -> None:
        rules = self.objective
        held = rules.weight_clip or rules.penalty != NO_PENALTY or every_kernel_is_normed(D)
        if rules.loss == "wasserstein" and not held:
            raise RecipeError(
                f"loss 'wasserstein' has no end where nothing holds D, and nothing in model {self.model.name!r} does; "
                "set objective.weight_clip, objective.penalty with its gamma, or spectral norm on every layer of D."
            )

    def _check_signal_has_images(self, D: nn.Module) -> None:
        if self.augment.signal != "validation":
            return
        if not self.evaluate.validation:
            raise RecipeError(
                "augment.signal='validation' needs images that are kept out of the training; set evaluate.validation, "
                "or augment.signal to 'signs'."
            )
        if normalises_batches(D):
            raise RecipeError(
                f"augment.signal='validation' asks D of images it must not learn from, and batch norm in the D of "
                f"model {self.model.name!r} learns from all it sees; take a model without, or augment.signal 'signs'."
            )

    @model_validator(mode="after")
    def _range_is_that_of_the_networks(self) -> "Recipe":
        if self.model.any_size and self.data.pixel_range != "-1..1":
            raise RecipeError(
                f"the G of model {self.model.name!r} makes images in -1..1, of which data.pixel_range="
                f"{self.data.pixel_range!r} would show half; leave it out."
            )
        return self

    @model_validator(mode="after")
    def _augmentation_fits_images(self) -> "Recipe":
        square = self.data.height == self.data.width
        for name in self.augment.operations:
            if OPERATIONS[name].square_only and not square:
                raise RecipeError(
                    f"augmentation {name!r} needs images as high as wide, got {self.data.height}x{self.data.width}."
                )
        return self


def _as_model(given: object) -> object:
    return model_config(given) if isinstance(given, dict) else given
