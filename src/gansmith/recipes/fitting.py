"""The rules by which `auto` sets itself from the images, the device and the length of the run.

The numbers are those of benchmarks/quality/bakeoff.py where it has measured them, and a place to start from elsewhere.
"""

from dataclasses import dataclass

from gansmith.augment.settings import Augment
from gansmith.data.check.suggest import SHORT_SIDE
from gansmith.data.selection import parse_name
from gansmith.errors import DataError
from gansmith.schema import MOST_SHARE, Data, Grid

FEWEST_IMAGES = 8
"""A dataset with fewer images is refused: there is nothing to learn from."""
BATCH_SIZE = 32
"""Batch size, unless the dataset is smaller."""
PASSES = 50
"""Epochs of a run for which neither --budget nor --steps is given."""
SHORTEST = 500_000
"""Images that such a run shows to D at least."""
LONGEST = 2_000_000
"""Images that such a run shows to D at most."""
EVALUATIONS = 20
"""Evaluations of a run, at most."""
EVALUATED = 2_000
"""Samples, and real images, of each evaluation, if there is time for several."""
FEWEST_EVALUATED = 500
"""Samples, and real images, of each evaluation at least, so that the distance says more than chance."""
SEVERAL = 5
"""Evaluations that a run gets before each has more images: the best of one or two means little."""
GRIDS = 20
"""Sample grids of a run."""
CHECKPOINTS = 10
"""Checkpoints of a run."""
LOG_LINES = 500
"""Log lines of a run."""
FEW = 5_000
"""Datasets of at most so many images are augmented, because D would overfit to them."""
AUGMENTATION = ("translate", "cutout")
"""Augmentation of few grey images."""
AUGMENTATION_OF_COLOUR = ("colour", "translate", "cutout")
"""Augmentation of few images in colour."""
MIRRORED = {"cifar10", "celeba"}
"""Known datasets whose images may be mirrored. Digits and letters may not."""
HALF_LIFE = 0.05
"""Half-life of the EMA of G, as a share of the run's images."""
LONGEST_HALF_LIFE = 20_000.0
"""Half-life of the EMA of G in images, at most."""
SHORT_BUDGET = 1200.0
"""Seconds; a budget of less is short."""
SHORT_SIDE_ON_SHORT_BUDGET = 32
"""Pixels of the shorter side of own images, at most, on a CPU with a short budget."""
GRID_SIDE = 1024
"""Pixels of the sample grid's sides, at most."""
MOST_IN_ROW = 8
"""Images in a row or column of the sample grid, at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetFacts:
    """Everything from which `auto` sets itself."""

    data: Data
    """The images, in the size they will have."""
    count: int
    """Number of images to train on."""
    gpu: bool = False
    """Whether the run is on a GPU."""
    images: int = 0
    """Length of the run in images, if a budget or a number of steps decides it; 0 leaves it to the rules."""
    evaluations: int = 0
    """Number of evaluations that there is time for, by a trial; 0 leaves it to the rules."""
    fewest_evaluated: int = FEWEST_EVALUATED
    """Images of an evaluation, at least; some features need more than others."""

    @property
    def most_evaluations(self) -> int:
        """Evaluations of the run, at most. Without a trial, samples are at most `MOST_SHARE` of the images shown."""
        if self.evaluations or not self.images:
            return self.evaluations or EVALUATIONS
        return min(max(int(MOST_SHARE * self.images / self.evaluated), 1), EVALUATIONS)

    @property
    def evaluated(self) -> int:
        """Samples, and real images, of each evaluation: fewer where a length without a trial has not several."""
        if self.evaluations or not self.images:
            return EVALUATED
        return min(max(int(MOST_SHARE * self.images / SEVERAL), self.fewest_evaluated), EVALUATED)


EXAMPLE = DatasetFacts(data=Data(name="fashion-10k"), count=10_000)
"""The images that ship with gansmith, for which `auto` is set where no images are given."""


def batch_size_for(facts: DatasetFacts) -> int:
    """The batch size: at most the largest power of two within the dataset. Raises DataError for too few images."""
    if facts.count < FEWEST_IMAGES:
        images = "1 image" if facts.count == 1 else f"{facts.count} images"
        left = " after data.skip and data.limit" if facts.data.skip or facts.data.limit else ""
        raise DataError(
            f"{facts.data.name} has {images} that can be used{left}; {FEWEST_IMAGES} are the least to train "
            "on, and some hundreds to be worth it."
        )
    return BATCH_SIZE if facts.count >= BATCH_SIZE else 1 << (facts.count.bit_length() - 1)


def intervals_for(facts: DatasetFacts) -> dict[str, int]:
    """The length of the run and its intervals, by the recipe's fields: shares of the length, in whole batches.

    A length that the rules choose is a multiple of the evaluations' interval, so that the end is evaluated. Log lines
    are an odd number of steps apart, so that some meet a step with a lazy penalty.
    """
    batch_size = batch_size_for(facts)
    steps = -(-facts.images // batch_size)
    if not steps:
        images = min(max(PASSES * facts.count, SHORTEST), LONGEST)
        steps = max(round(images / batch_size / facts.most_evaluations), 1) * facts.most_evaluations
    most = facts.most_evaluations  # the last is less than so many steps before the end
    between_evaluations = steps // most if steps >= most**2 else -(-steps // most)
    return {
        "length.images": steps * batch_size,
        "length.log_every": (-(-steps // LOG_LINES) | 1) * batch_size,
        "length.sample_every": -(-steps // GRIDS) * batch_size,
        "length.checkpoint_every": -(-steps // CHECKPOINTS) * batch_size,
        "evaluate.every": between_evaluations * batch_size,
    }


def augment_for(facts: DatasetFacts) -> Augment:
    """No augmentation for many images; DiffAugment for few, and flips where the dataset allows them."""
    if facts.count > FEW:
        return Augment()
    operations = AUGMENTATION if facts.data.channels == 1 else AUGMENTATION_OF_COLOUR
    may_be_mirrored = parse_name(facts.data.name).name in MIRRORED
    return Augment(operations=("flip", *operations) if may_be_mirrored else operations)


def grid_for(data: Data) -> Grid:
    """A sample grid of as many images as fit into its sides, 8 x 8 at most."""
    rows, columns = (min(max(GRID_SIDE // side, 1), MOST_IN_ROW) for side in (data.height, data.width))
    return Grid(rows=rows, columns=columns)


def short_side_for(seconds: float, gpu: bool) -> int:
    """Pixels of the shorter side of own images, at most, by the seconds of the budget; 0 seconds is no budget."""
    return SHORT_SIDE_ON_SHORT_BUDGET if 0 < seconds < SHORT_BUDGET and not gpu else SHORT_SIDE
