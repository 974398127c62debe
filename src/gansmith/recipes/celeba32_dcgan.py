"""Faces: the fourth system of "Having Fun with Deep Convolutional GANs" (Naoki Shibuya, 2017)."""

from typing import Literal

from gansmith.models import svhn_dcgan as networks
from gansmith.recipes.base import HAVING_FUN, Family, repaired, scenario
from gansmith.recipes.mnist_mlp import INFERRED, SOURCE, adam, epochs, objective, order
from gansmith.recipes.svhn_dcgan import RATES, SCENARIOS
from gansmith.schema import Data, Figures, Grid, Recipe, ValidationLosses

BATCH, STEPS_PER_EPOCH, EPOCHS = 128, 1574, 3
PUBLISHED, CENTRED = (34, 14, 150, 130), (34, 14, 150, 150)
"""Top, left, height and width of the crop of 218x178."""

FAMILY = Family(
    article=HAVING_FUN,
    source=SOURCE.format("dcgan_celeba"),
    inferred=(
        *INFERRED,
        "the parameter counts: the notebook prints none",
        "scenario 2 is the article's: the one it calls the best",
        "bilinear resizing with antialiasing: the default of the library's imresize",
    ),
    finding="scenario 1: no faces. Scenario 2: the best, some faces, not very clear, blurrier in later epochs. "
    "Scenario 3: not clear at all. Scenario 4: only garbage.",
    measured="300 steps on a stand-in: light and dark masses under the grid that transposed convolutions leave; this "
    "shows that the system reads CelebA's files, crops and trains, and nothing about faces.",
    shows=("samples", "on the way", "losses"),
    variants={
        **SCENARIOS,
        "scenario-4": scenario(4, "as scenario 2, kernels start as N(0, 0.1^2) instead of N(0, 0.02^2)"),
        "repaired": repaired(
            "D is frozen in the generator step, batches are shuffled, faces are cropped in the middle"
        ),
    },
)


def celeba32_dcgan(scenario: Literal[1, 2, 3, 4] = 2, repaired: bool = False) -> Recipe:
    """Faces of 32x32 as the 2017 notebook trains them: 3 epochs of 1,574 steps of 128, Adam, 1,000 validation faces.

    The notebook uses the row offset for the end of the columns: its crop of 150x130 lies 10 pixels to the left and is
    then squeezed into a square.

    Command: `gansmith train celeba32-dcgan`.
    """
    lr_d, lr_g, beta1 = RATES[2 if scenario == 4 else scenario]
    return Recipe(
        name="celeba32-dcgan",
        about="faces: the networks of svhn-dcgan from N(0, 0.02^2), Adam, 3 epochs of 1,574 steps of 128",
        batch_size=BATCH,
        length=epochs(BATCH, STEPS_PER_EPOCH, EPOCHS, sample_every=1),
        data=Data(
            name="celeba",
            channels=3,
            height=32,
            width=32,
            resize="stretch",
            box=CENTRED if repaired else PUBLISHED,
            resample="bilinear",
            order=order(repaired),
        ),
        model=networks.Config(init_std=0.1 if scenario == 4 else 0.02),
        objective=objective(repaired),
        discriminator_optimizer=adam(lr_d, beta1),
        generator_optimizer=adam(lr_g, beta1),
        validation_losses=ValidationLosses(every=STEPS_PER_EPOCH * BATCH, validation=1000),
        grid=Grid(rows=8, columns=10),
        figures=Figures(losses="validation", epoch=STEPS_PER_EPOCH * BATCH, axis="epoch"),
    )
