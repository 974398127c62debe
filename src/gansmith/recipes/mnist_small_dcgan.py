"""Handwritten digits: the second system of "Having Fun with Deep Convolutional GANs" (Naoki Shibuya, 2017)."""

from typing import Literal

from gansmith.models import mnist_small_dcgan as networks
from gansmith.recipes.base import HAVING_FUN, Family, repaired, scenario
from gansmith.recipes.mnist_mlp import INFERRED, SOURCE, adam, digits, epochs, objective, order
from gansmith.schema import Data, Grid, Recipe, ValidationLosses

BATCH, STEPS_PER_EPOCH, EPOCHS = 128, 468, 100
SLOPES = {1: 0.01, 2: 0.2}

FAMILY = Family(
    article=HAVING_FUN,
    source=SOURCE.format("dcgan_mnist"),
    inferred=(*INFERRED, "D's parameter counts: the notebook prints none"),
    finding="definitely better than the dense networks; with slope 0.2 losses oscillate more, images are as good.",
    measured="as the author says: after an hour of a processor, 27,511 of the 46,800 steps, most digits are legible "
    "and clean; the dense networks' are broken and speckled after all of their steps. Validation losses go up and down "
    "between 1 and 9, median of the last ten 4.85 for D and 5.25 for G (the notebook after five epochs: 4.8 and 3.3).",
    shows=("samples", "on the way", "losses"),
    variants={
        "scenario-1": scenario(1, "LeakyReLU 0.01, the article's"),
        "scenario-2": scenario(2, "LeakyReLU 0.2"),
        "repaired": repaired("D is frozen in the generator step, batches are shuffled, the display is right"),
    },
)


def mnist_small_dcgan(scenario: Literal[1, 2] = 1, repaired: bool = False) -> Recipe:
    """Digits from small convolutional networks, as the 2017 notebook trains them: 100 epochs of 468 steps of 128.

    Command: `gansmith train mnist-small-dcgan`.
    """
    return Recipe(
        name="mnist-small-dcgan",
        about="handwritten digits, small convolutions: Adam, 100 epochs of 468 steps of 128",
        batch_size=BATCH,
        length=epochs(BATCH, STEPS_PER_EPOCH, EPOCHS, sample_every=10),
        data=Data(name="mnist", order=order(repaired)),
        model=networks.Config(slope=SLOPES[scenario]),
        objective=objective(repaired),
        discriminator_optimizer=adam(1e-3, 0.9),
        generator_optimizer=adam(1e-4, 0.9),
        validation_losses=ValidationLosses(every=STEPS_PER_EPOCH * BATCH),
        grid=Grid(rows=4, columns=4),
        figures=digits(BATCH * STEPS_PER_EPOCH, repaired),
    )
