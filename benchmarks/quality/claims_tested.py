"""Which claims of the articles are tested, and the trainings that test them; see `claims.py`."""

from dataclasses import dataclass
from typing import Literal

import gansmith
from gansmith.recipe_file import override
from gansmith.recipes.base import EXAMPLE, FIRST_GAN, HAVING_FUN
from gansmith.schema import Recipe

SEEDS = (1, 2, 3)
NUM = 2000
"""Generated images of each run that are measured."""
ARTICLES = {0: EXAMPLE, 3: HAVING_FUN, 4: FIRST_GAN}
BASE = "as published"


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """Trainings of one system that differ in one thing each, and are as long as each other."""

    recipe: str
    changes: tuple[str, ...]
    """What every arm has changed, so that all of them fit into an hour of two cores."""
    steps: int
    why: str
    """The changes, in words."""
    arms: dict[str, tuple[str, ...]]
    """Name of an arm -> its changes to the family's recipe, as `gansmith train --set` takes them."""

    def made(self, arm: str, seed: int) -> Recipe:
        """The recipe that is trained."""
        recipe = override(gansmith.recipe(self.recipe), self.changes)
        images = self.steps * recipe.batch_size
        length = [f"length.images={images}", f"length.checkpoint_every={images}", f"length.sample_every={images // 4}"]
        return override(
            recipe, [*length, f"length.log_every={10 * recipe.batch_size}", f"seed={seed}", *self.arms[arm]]
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """That one arm has less of something than another, or as much."""

    article: int
    says: str
    family: str
    less: str
    """The arm that is said to have less."""
    more: str
    of: Literal["distance", "d_loss", "oscillation"] = "distance"
    """Of what: see `MEASURES` in `claims_page.py`."""
    equal: bool = False
    """The article says that there is no difference."""


def _adam(lr: float, lr_decay: float) -> str:
    """Keras' Adam with the rate, decay and clipping of the RMSprop that it stands in for, and its default beta1."""
    return (
        f'{{name = "adam", lr = {lr}, lr_decay = {lr_decay}, clip_value = 1.0, beta1 = 0.9, epsilon = 1e-8, '
        "epsilon_hat = true}"
    )


FAMILIES = {
    "mnist-dcgan": Family(
        recipe="mnist-dcgan",
        changes=("data.skip=0", "batch_size=64", "model.width=64"),
        steps=1200,
        why="batch 64 instead of 256, a quarter of the width, 1,200 of 10,000 steps, all 9,000 training digits here",
        arms={
            BASE: (),
            "Adam": (
                f"discriminator_optimizer={_adam(8e-4, 6e-8)}",
                f"generator_optimizer={_adam(4e-4, 3e-8)}",
            ),
            "transposed convolution": ("model.doubling=transposed",),
            "no dropout": ("model.dropout=0",),
            "equal rates": ("discriminator_optimizer.lr=4e-4",),
            "D frozen": ("objective.generator_step_trains_discriminator=false",),
        },
    ),
    "mnist-small-dcgan": Family(
        recipe="mnist-small-dcgan",
        changes=("batch_size=64", "validation_losses.every=3200", 'precision="fp32"'),
        steps=2000,
        why="batch 64 instead of 128, 2,000 of 46,800 steps, 9,000 digits instead of 60,000, in fp32",
        arms={
            BASE: (),
            "slope 0.2": ("model.slope=0.2",),
            "beta1 0.5": ("discriminator_optimizer.beta1=0.5", "generator_optimizer.beta1=0.5"),
            "D frozen": ("objective.generator_step_trains_discriminator=false",),
        },
    ),
    "cifar-ships": Family(
        recipe="cifar-ships",
        changes=("data.split=train", "batch_size=16", "model.width=32"),
        steps=2000,
        why="batch 16 instead of 32, an eighth of the width, 2,000 of 10,000 steps, the 5,000 training ships only",
        arms={BASE: (), "no label noise": ("objective.label_noise=0",)},
    ),
}

CLAIMS = (
    Claim(
        article=0,
        says="RMSprop gives more realistic images than Adam",
        family="mnist-dcgan",
        less=BASE,
        more="Adam",
    ),
    Claim(
        article=0,
        says="Upsampling does better than strided transposed convolution",
        family="mnist-dcgan",
        less=BASE,
        more="transposed convolution",
    ),
    Claim(
        article=0,
        says="Dropout on both networks does better than none",
        family="mnist-dcgan",
        less=BASE,
        more="no dropout",
    ),
    Claim(
        article=0,
        says="D's rate above G's does better than equal rates",
        family="mnist-dcgan",
        less=BASE,
        more="equal rates",
    ),
    Claim(
        article=0,
        says="D's rate above G's keeps D's loss from collapsing",
        family="mnist-dcgan",
        less="equal rates",
        more=BASE,
        of="d_loss",
    ),
    Claim(
        article=0,
        says="Moving D too in the generator step is meant, and does better than freezing it",
        family="mnist-dcgan",
        less=BASE,
        more="D frozen",
    ),
    Claim(
        article=3,
        says="With slope 0.2 the images are as good as with 0.01",
        family="mnist-small-dcgan",
        less=BASE,
        more="slope 0.2",
        equal=True,
    ),
    Claim(
        article=3,
        says="With slope 0.2 the losses oscillate more than with 0.01",
        family="mnist-small-dcgan",
        less=BASE,
        more="slope 0.2",
        of="oscillation",
    ),
    Claim(
        article=3,
        says="beta1 0.5 does better than 0.9",
        family="mnist-small-dcgan",
        less="beta1 0.5",
        more=BASE,
    ),
    Claim(
        article=3,
        says="D frozen in the generator step, as the text says it is, does better than D moved, as the code has it",
        family="mnist-small-dcgan",
        less="D frozen",
        more=BASE,
    ),
    Claim(
        article=4,
        says="Noise on D's labels does better than none",
        family="cifar-ships",
        less=BASE,
        more="no label noise",
    ),
)
