"""What a run is, as frozen, checked data.

A recipe holds no class name and no import path: networks, losses and sets are found by the names of their files and
table entries. To check a recipe builds no networks and imports no torch; `gansmith.networks` has the checks that do.
"""

from dataclasses import fields
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, SerializeAsAny, model_validator

from gansmith.augment.operations import OPERATIONS
from gansmith.augment.settings import Augment
from gansmith.config import Scheduled, Settings, below_one
from gansmith.data.datasets.catalog import Split
from gansmith.data.images.resize import Box, ImageShape, Resample, ResizeMode
from gansmith.data.sampler import Order
from gansmith.errors import RecipeError, UsageError
from gansmith.models.base import ModelConfig, Spec, model_config
from gansmith.objectives.settings import Objective
from gansmith.pixels import Display, PixelRange
from gansmith.rng import LatentDistribution
from gansmith.runs.run import folder_name

COLOUR = "^#[0-9a-f]{6}$"
"""Red, green and blue in hexadecimal."""
MOST_SHARE = 0.05
"""Share of a run's time that its evaluations should take at most."""


class Data(Settings):
    """The images: which, in which size and range, and in which order."""

    name: str = Field(min_length=1)
    """Known dataset, or path of a folder, .zip, .tar, .parquet or .npy; cifar10[ship] and mnist[0,1] pick classes."""
    split: Split = "train"
    """Split of a dataset, or part of your own images: train, test, extra (SVHN only), or both, train before test."""
    skip: int = Field(0, ge=0)
    """Number of images to leave out at the start of the dataset."""
    limit: int = Field(0, ge=0)
    """Number of images to use after data.skip; 0 uses all."""
    channels: Literal[1, 3, 4] = 1
    """Colour channels: 1 is grey, 3 is RGB, 4 is RGB with transparency."""
    height: int = Field(28, ge=4, le=1024)
    """Height of the images in pixels."""
    width: int = Field(28, ge=4, le=1024)
    """Width of the images in pixels."""
    resize: ResizeMode = "crop"
    """How an image of another aspect ratio is brought to this size: crop, pad or stretch."""
    box: Annotated[Box, BeforeValidator(lambda given: tuple(given) if isinstance(given, list) else given)] = ()
    """Part of each image to use, taken before it is resized: [top, left, height, width]; [] uses the whole image."""
    resample: Resample = "lanczos"
    """Filter that resizes images: lanczos or bilinear, both antialiased."""
    pixel_range: PixelRange = "-1..1"
    """Range to which pixels 0..255 are scaled for the networks: "-1..1" or "0..1"."""
    num_classes: int = Field(0, ge=0, le=100_000)
    """Number of classes for conditional training; 0 trains without labels."""
    order: Order = "permutation"
    """Order of the images: permutation (a new one each epoch), sequential, shuffle-buffer or with-replacement."""
    shuffle_buffer: int = Field(0, ge=0)
    """Number of images in the buffer of order "shuffle-buffer"; 0 with every other order."""

    @property
    def shape(self) -> ImageShape:
        """The image shape that decoders produce."""
        return ImageShape(**{field.name: getattr(self, field.name) for field in fields(ImageShape)})

    @model_validator(mode="after")
    def _fields_go_together(self) -> "Data":
        try:
            _ = self.shape
        except ValueError as error:
            raise RecipeError(f"data.{error}") from error
        if self.num_classes == 1:
            raise RecipeError("data.num_classes=1 must be 0, to train without labels, or 2 and more.")
        if (self.order == "shuffle-buffer") != (self.shuffle_buffer > 0):
            raise RecipeError(
                f"data.shuffle_buffer={self.shuffle_buffer} does not go with data.order={self.order!r}: "
                'a size above 0 goes with "shuffle-buffer", 0 with every other order.'
            )
        return self


class Latents(Settings):
    """The random vectors that G turns into images."""

    size: int = Field(100, ge=1)
    """Number of latent variables of an image."""
    distribution: LatentDistribution = "normal"
    """Distribution of the latent variables: normal is N(0, 1), uniform is U(-1, 1)."""


class _OptimizerSettings(Settings):
    name: str
    lr: Scheduled[Annotated[float, Field(gt=0)]]
    """Learning rate, or a schedule {start, end, until} with `until` in images; see docs/schedules.md."""
    lr_decay: float = Field(0.0, ge=0)
    """Learning rate decay: update t, counted from 0, uses lr / (1 + lr_decay * t)."""
    clip_value: float = Field(0.0, ge=0)
    """Limit c: every element of the gradient is clipped to [-c, c]; 0 is off."""


class RMSprop(_OptimizerSettings):
    """p -= lr g / (sqrt(a) + epsilon), a <- rho a + (1 - rho) g^2, a = 0 at first. Tieleman & Hinton 2012."""

    name: Literal["rmsprop"] = "rmsprop"
    """Optimiser: rmsprop or adam."""
    rho: float = Field(0.9, ge=0, lt=1)
    """Decay of the running mean of squared gradients at each update."""
    epsilon: float = Field(1e-7, gt=0)
    """Small number added to the root of the mean square, against division by zero."""


class Adam(_OptimizerSettings):
    """Kingma & Ba 2014, arXiv:1412.6980, algorithm 1, or its faster form."""

    name: Literal["adam"] = "adam"
    """Optimiser: rmsprop or adam."""
    beta1: float = Field(0.5, ge=0, lt=1)
    """Decay of the running mean of gradients (momentum)."""
    beta2: Annotated[Scheduled[Annotated[float, Field(ge=0, lt=1)]], AfterValidator(below_one)] = 0.999
    """Decay of the running mean of squared gradients, or a schedule of it."""
    epsilon: float = Field(1e-8, gt=0)
    """Small number added to the root of the mean square, against division by zero; see epsilon_hat."""
    epsilon_hat: bool = False
    """Whether epsilon is added before the bias correction, as Keras and TensorFlow do (end of the paper's §2)."""


OptimizerSettings = Annotated[RMSprop | Adam, Field(discriminator="name")]

OPTIMIZERS = tuple(kind.model_fields["name"].default for kind in get_args(get_args(OptimizerSettings)[0]))
"""Names of the optimisers."""


class Length(Settings):
    """Length of the run and intervals of its logs, sample grids and checkpoints, all in real images shown to D."""

    images: int = Field(ge=1)
    """Real images shown to D in the whole run."""
    log_every: int = Field(ge=1)
    """Images between two log lines of losses."""
    sample_every: int = Field(ge=1)
    """Images between two sample grids; the evolution strip adds a few more grids."""
    checkpoint_every: int = Field(ge=1)
    """Images between two checkpoints; the last step is always saved."""


class Checkpoints(Settings):
    """Which checkpoints stay on disk besides the best. Nothing here changes what a run computes."""

    keep_last: int = Field(3, ge=1)
    """Number of newest checkpoints to keep."""
    keep_every: int = Field(0, ge=0)
    """Images between checkpoints that are never deleted: the first at or after each multiple; 0 for none."""


class Evaluate(Settings):
    """Evaluation during training: the Fréchet distance of samples to real images decides which checkpoint is `best`."""

    every: int = Field(0, ge=0)
    """Images between two evaluations; 0 for none. A fiftieth to a twentieth of the run keeps them cheap."""
    images: int = Field(2000, ge=12)
    """Number of samples, and of real images, in each evaluation; both are the same each time."""
    features: str = Field("auto", min_length=1)
    """Feature network of the evaluation; auto takes the one made for the dataset, or else random weights."""
    validation: int = Field(0, ge=0)
    """Size of the validation set, drawn at random, with which samples are compared; 0 compares with training images."""
    patience: int = Field(0, ge=0)
    """Evaluations in a row without a gain beyond noise after which the run ends early; 0 for never."""


class ValidationLosses(Settings):
    """Validation losses, which some articles print: both networks in inference mode, on images not trained on."""

    every: int = Field(0, ge=0)
    """Images between two lines of validation losses; 0 for none."""
    images: int = Field(16, ge=1)
    """Number of real images, and of samples, for one line of validation losses; drawn anew each time."""
    validation: int = Field(0, ge=0)
    """Size of the validation set, drawn at random from the training images; 0 takes the dataset's test split."""


class Grid(Settings):
    """The sample grid, which shows the same latents throughout the run."""

    rows: int = Field(8, ge=1, le=64)
    """Rows of the sample grid."""
    columns: int = Field(8, ge=1, le=64)
    """Columns of the sample grid."""


class Figures(Settings):
    """How `gansmith runs figures` draws the figures of the article. Nothing here changes what a run computes."""

    colour_map: Literal["grey", "grey-reversed"] = "grey"
    """Colour map of images of one channel; grey-reversed shows 0 as white, like matplotlib's "binary" and "gray_r"."""
    autoscale: bool = False
    """Whether each image is stretched from its darkest to its brightest value, as matplotlib does by default."""
    display: Display = "clipped"
    """How G's output becomes pixels: clipped is right; wrapped and doubled are two articles' mistakes."""
    losses: Literal["training", "validation"] = "training"
    """Losses that the curves show: training or validation."""
    epoch: int = Field(0, ge=0)
    """Number of images in one epoch of the article, the unit of the curves' axis; 0 counts steps."""
    axis: str = "step"
    """Label of the curves' horizontal axis."""
    discriminator_colour: str = Field("#3b76c4", pattern=COLOUR)
    """Colour of D's curve, such as "#3b76c4"."""
    generator_colour: str = Field("#d9822b", pattern=COLOUR)
    """Colour of G's curve, such as "#d9822b"."""


def _recipe_name(given: str) -> str:
    try:
        return folder_name(given)
    except UsageError as error:
        raise RecipeError(str(error)) from error


class Recipe(Settings):
    """Everything that decides what a run computes."""

    name: Annotated[str, AfterValidator(_recipe_name)]
    """Name of the recipe; part of the run folder's name."""
    about: str = ""
    """What the recipe is, in one line."""
    seed: int = Field(0, ge=0)
    """Seed of every random draw of the run."""
    batch_size: int = Field(ge=1)
    """Real images in a training step; D sees as many generated ones."""
    microbatches: int = Field(1, ge=1)
    """Number of microbatches into which a batch is split to save memory; the gradient stays that of the whole batch."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Precision of the networks: fp32, bf16, or auto, which takes bf16 where this CPU or GPU is faster in it."""
    ema_half_life: Scheduled[Annotated[float, Field(ge=0)]] = 0.0
    """Half-life, in images, of the EMA of the generator's weights, or a schedule of it; 0 keeps no EMA."""
    on_divergence: Literal["stop", "roll-back"] = "stop"
    """If a loss is not finite: stop, or roll-back to the last checkpoint with half the rates, at most 3 times."""
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
        """The images, latents and classes that the networks are built for."""
        images = self.data.model_dump(include={"channels", "height", "width", "num_classes"})
        return Spec(**images, latents=self.latents.size)

    @property
    def steps(self) -> int:
        """Number of iterations: the images, in whole batches, rounded up."""
        return -(-self.length.images // self.batch_size)

    @model_validator(mode="after")
    def _tables_go_together(self) -> "Recipe":
        for table, name in (("evaluate", "validation"), ("evaluate", "patience"), ("validation_losses", "validation")):
            settings = getattr(self, table)
            if not settings.every and (value := getattr(settings, name)):
                raise RecipeError(
                    f"{table}.{name}={value} has no effect with {table}.every=0; set both, or {name} to 0."
                )
        if self.batch_size % self.microbatches:
            raise RecipeError(f"microbatches={self.microbatches} must divide batch_size={self.batch_size}.")
        if self.microbatches > 1 and self.objective.generator_reuses_images:
            raise RecipeError(
                f"microbatches={self.microbatches} would save no memory: objective.generator_reuses_images keeps the "
                "graph of the whole batch; set only one of them."
            )
        self.model.check_conditional(self.data.num_classes)
        if self.augment.signal == "validation" and not self.evaluate.validation:
            raise RecipeError(
                "augment.signal='validation' needs validation images, which are not trained on; set "
                "evaluate.validation to their number, or augment.signal='signs'."
            )
        if self.model.any_size and self.data.pixel_range != "-1..1":
            raise RecipeError(
                f"the G of model {self.model.name!r} makes images in -1..1, which data.pixel_range="
                f"{self.data.pixel_range!r} would cut in half; leave data.pixel_range out."
            )
        for name in self.augment.operations:
            if OPERATIONS[name].square_only and self.data.height != self.data.width:
                raise RecipeError(
                    f"augmentation {name!r} needs images as high as wide, got {self.data.height}x{self.data.width}."
                )
        return self


def _as_model(given: object) -> object:
    return model_config(given) if isinstance(given, dict) else given
