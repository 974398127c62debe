"""The rules by which a recipe sets itself from the images: what `auto` and `fast` have in common, and their why.

The numbers are those of benchmarks/bakeoff.py where it has measured them, and a place to start from elsewhere.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gansmith.augment.settings import Augment
from gansmith.data.check.suggest import SHORT_SIDE
from gansmith.data.selection import parse_name
from gansmith.errors import DataError
from gansmith.models.base import ModelConfig
from gansmith.objectives.settings import Objective
from gansmith.schema import Data, Evaluate, Grid, Latents, Length, OptimizerSettings, Recipe
from gansmith.text import describe_epochs
from gansmith.training.evaluation import MOST_SHARE, is_measurable

FEWEST_IMAGES = 8
"""With fewer there is nothing to learn from."""

PASSES, SHORTEST, LONGEST = 50, 500_000, 2_000_000
"""Length of a run for which neither a budget nor steps were given: passes over the images, and its bounds, images."""
EVALUATIONS, EVALUATED = 20, 2_000
"""On the way, at most; and images in each."""
GRIDS, CHECKPOINTS, LOG_LINES = 20, 10, 500
"""In a run."""

FEW = 5_000
"""Images up to which D would know them by heart before G has learned from it."""
AUGMENTATION = ("translate", "cutout")
AUGMENTATION_OF_COLOUR = ("colour", "translate", "cutout")
MIRRORED = {"cifar10", "celeba"}
"""Known sets whose images may as well be seen in a mirror. Never those of digits and letters."""

HALF_LIFE, LONGEST_HALF_LIFE = 0.05, 20_000.0
"""Of the average of G: a share of the run's images, and at most so many of them."""

SHORT_SIDE_ON_SHORT_BUDGET, SHORT_BUDGET = 32, 1200.0
"""Pixels of the shorter side that own images get, at most, on a processor with a budget of fewer seconds."""

GRID_SIDE, MOST_IN_ROW = 1024, 8
"""Pixels of the sample grid's sides, and images in a row, at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetFacts:
    """What a recipe that sets itself goes by."""

    data: Data
    """The images, in the shape they will have."""
    count: int
    """How many there are."""
    gpu: bool = False
    images: int = 0
    """The run's length where it is given, by a budget or in steps; 0 leaves it to the rules."""
    evaluations: int = 0
    """How many there is time for, by a trial; 0 leaves it to the rules."""

    @property
    def may_be_mirrored(self) -> bool:
        """Whether the images are of a set that may be seen in a mirror."""
        return parse_name(self.data.name).name in MIRRORED

    @property
    def most_evaluations(self) -> int:
        """In the run. Where no trial told their price, G paints at most that share of the images trained on."""
        if self.evaluations or not self.images:
            return self.evaluations or EVALUATIONS
        return min(max(int(MOST_SHARE * self.images / EVALUATED), 1), EVALUATIONS)


EXAMPLE = DatasetFacts(data=Data(name="fashion-10k"), count=10_000)
"""The clothes that ship with gansmith: what the recipes are for where no images are given."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fitted:
    """A recipe, and why it is as it is."""

    recipe: Recipe
    why: Mapping[str, "Reason"]
    """For each field that was decided."""


Reason = Callable[[Recipe], str]
"""A sentence about a field of the recipe as it is in the end, for others may have been set by then; '' for none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """What a recipe brings along, whatever the images are."""

    name: str
    about: str
    batch_size: int
    latents: int
    model: ModelConfig
    objective: Objective
    discriminator_optimizer: OptimizerSettings
    generator_optimizer: OptimizerSettings


def settle(start: Start, facts: DatasetFacts) -> Fitted:
    """The whole recipe, for these images, this device and this length. Raises DataError for too few images."""
    batch = batch_for(facts, start.batch_size)
    length = length_for(facts, batch)
    half_life = min(HALF_LIFE * length.images, LONGEST_HALF_LIFE)
    recipe = Recipe(
        name=start.name,
        about=start.about,
        batch_size=batch,
        ema_half_life=half_life,
        length=length,
        latents=Latents(size=start.latents),
        data=facts.data,
        model=start.model,
        objective=start.objective,
        augment=augment_for(facts),
        discriminator_optimizer=start.discriminator_optimizer,
        generator_optimizer=start.generator_optimizer,
        evaluate=Evaluate(
            every=_evaluated_every(length.images // batch, facts.most_evaluations) * batch, images=EVALUATED
        ),
        grid=grid_for(facts.data),
    )
    return Fitted(recipe=recipe, why=_reasons(facts, start, half_life))


def batch_for(facts: DatasetFacts, batch_size: int) -> int:
    """The batch, or the largest power of two that does not exceed the images. Raises DataError for too few."""
    if facts.count < FEWEST_IMAGES:
        images = "1 image" if facts.count == 1 else f"{facts.count} images"
        left = " after data.skip and data.limit" if facts.data.skip or facts.data.limit else ""
        raise DataError(
            f"{facts.data.name} has {images} that can be used{left}; {FEWEST_IMAGES} are the least to train "
            "on, and some hundreds to be worth it."
        )
    return batch_size if batch_size <= facts.count else 1 << (facts.count.bit_length() - 1)


def length_for(facts: DatasetFacts, batch_size: int) -> Length:
    """The length that is given, or one by the number of images; intervals are shares of it, in whole batches.

    A length by the number of images is a multiple of the evaluations' interval, so that the end is evaluated. Lines
    of the log are an odd number of steps apart, so that some meet an iteration with a penalty that comes now and then.
    """
    steps = -(-facts.images // batch_size)
    if not steps:
        images = min(max(PASSES * facts.count, SHORTEST), LONGEST)
        steps = max(round(images / batch_size / facts.most_evaluations), 1) * facts.most_evaluations
    return Length(
        images=steps * batch_size,
        log_every=(_share(steps, LOG_LINES) | 1) * batch_size,
        sample_every=_share(steps, GRIDS) * batch_size,
        checkpoint_every=_share(steps, CHECKPOINTS) * batch_size,
    )


def _share(steps: int, number: int) -> int:
    """Steps between two of so many in a run, rounded up."""
    return -(-steps // number)


def _evaluated_every(steps: int, most: int) -> int:
    """Steps between two evaluations: no more than `most`, and the last less than `most` steps before the end."""
    return steps // most if steps >= most**2 else _share(steps, most)


def augment_for(facts: DatasetFacts) -> Augment:
    """Nothing for many images; for few what DiffAugment does, and flips where the set allows them."""
    if facts.count > FEW:
        return Augment()
    operations = AUGMENTATION if facts.data.channels == 1 else AUGMENTATION_OF_COLOUR
    return Augment(operations=("flip", *operations) if facts.may_be_mirrored else operations)


def grid_for(data: Data) -> Grid:
    """As many images as fit, 8 x 8 at most."""
    rows, columns = (min(max(GRID_SIDE // side, 1), MOST_IN_ROW) for side in (data.height, data.width))
    return Grid(rows=rows, columns=columns)


def short_side_for(seconds: float, gpu: bool) -> int:
    """Pixels that own images get, at most, by the budget of time; 0 seconds are none."""
    return SHORT_SIDE_ON_SHORT_BUDGET if 0 < seconds < SHORT_BUDGET and not gpu else SHORT_SIDE


def about_short_budget(height: int, width: int) -> str:
    """A sentence for images that haste made smaller than that."""
    return (
        f"{SHORT_SIDE_ON_SHORT_BUDGET} pixels on the shorter side at most: in under {SHORT_BUDGET / 60:.0f} minutes on "
        "a processor more small images teach more than few large ones; "
        f"--set data.height={height} --set data.width={width} for larger ones"
    )


def _reasons(facts: DatasetFacts, start: Start, half_life: float) -> dict[str, Reason]:
    """Why, by field."""
    count = f"{facts.count:,} images"

    def width(recipe: Recipe) -> str:
        why = "a GPU has room for it" if facts.gpu else "on a processor many quick updates do more than wide networks"
        return f"{recipe.model.name}, width {recipe.model.model_dump()['width']}: {why}"

    def batch(recipe: Recipe) -> str:
        few = recipe.batch_size < start.batch_size
        return f"batch {recipe.batch_size}: {f'there are only {count}' if few else 'small batches make many updates'}"

    def length(recipe: Recipe) -> str:
        said = f"{recipe.steps:,} steps: {describe_epochs(recipe.length.images, facts.count)} passes over {count}"
        return said if facts.images else f"{said}, for --budget and --steps are not given"

    def average(recipe: Recipe) -> str:
        return f"the average of G halves in {half_life:,.0f} images, {half_life / recipe.length.images:.1%} of the run"

    def evaluations(recipe: Recipe) -> str:
        times = recipe.length.images // recipe.evaluate.every
        if not (times and is_measurable(recipe, facts.count)):
            return ""  # the run says why
        said = f"evaluated {_several_times(times)} on the way, to keep the best state"
        if facts.most_evaluations == EVALUATIONS:
            return said
        return f"{said}; more {'would' if facts.evaluations else 'might'} take over {MOST_SHARE:.0%} of the time"

    return {
        "model.width": width,
        "batch_size": batch,
        "augment.operations": lambda recipe: _about_augmentation(facts, recipe.augment),
        "length.images": length,
        "ema_half_life": average,
        "evaluate.every": evaluations,
    }


def _several_times(number: int) -> str:
    return "once" if number == 1 else f"{number:,} times"


def _about_augmentation(facts: DatasetFacts, augment: Augment) -> str:
    if not augment.operations:
        return f"no augmentation: {facts.count:,} images are more than {FEW:,}, D does not learn them by heart"
    said = f"augmented by {', '.join(augment.operations)}: D would soon know {facts.count:,} images by heart"
    if "flip" in augment.operations:
        return said
    given = ", ".join(f'"{name}"' for name in ("flip", *augment.operations))
    return f"{said}; not mirrored, for text and digits must not be: if yours may, --set 'augment.operations=[{given}]'"
