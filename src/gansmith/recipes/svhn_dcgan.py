"""House numbers: the third system of "Having Fun with Deep Convolutional GANs" (Naoki Shibuya, 2017)."""

from typing import Literal

from gansmith.models import svhn_dcgan as networks
from gansmith.recipes.base import HAVING_FUN, Family, repaired, scenario
from gansmith.recipes.mnist_mlp import INFERRED, SOURCE, adam, epochs, objective, order
from gansmith.schema import Data, Figures, Grid, Recipe, ValidationLosses

BATCH, STEPS_PER_EPOCH, EPOCHS = 128, 572, 25
RATES = {1: (2e-4, 2e-4, 0.5), 2: (1e-3, 1e-4, 0.5), 3: (1e-3, 1e-4, 0.9)}
"""D's rate, G's rate and beta1 of each scenario."""
SCENARIOS = {
    "scenario-1": scenario(1, "both rates 2e-4, beta1 0.5, as in the DCGAN paper"),
    "scenario-2": scenario(2, "rates 1e-3 for D and 1e-4 for G, beta1 0.5: the article's"),
    "scenario-3": scenario(3, "rates 1e-3 and 1e-4, beta1 0.9"),
}

FAMILY = Family(
    article=HAVING_FUN,
    source=SOURCE.format("dcgan_svhn"),
    inferred=(
        *INFERRED,
        "the parameter counts: the notebook prints none",
        "scenario 2 is the article's: it does not say which one it shows, and calls this one the best",
    ),
    finding="scenario 1: only garbage, G's loss oscillates. Scenario 2: the best, real-looking house numbers, both "
    "losses more stable. Scenario 3: worse images than 2, D's loss goes down and stays low.",
    measured="300 steps on a stand-in: still a coloured pattern, as G's loss of 16.12 after the notebook's first 572 "
    "steps suggests it was there; this shows that the system reads SVHN's files and trains, and nothing about "
    "house numbers.",
    shows=("samples", "on the way", "losses"),
    variants={**SCENARIOS, "repaired": repaired("D is frozen in the generator step, batches are shuffled")},
)


def svhn_dcgan(scenario: Literal[1, 2, 3] = 2, repaired: bool = False) -> Recipe:
    """House numbers as the 2017 notebook trains them: 25 epochs of 572 steps of 128, Adam, the larger rate on D.

    Command: `gansmith train svhn-dcgan`.
    """
    lr_d, lr_g, beta1 = RATES[scenario]
    return Recipe(
        name="svhn-dcgan",
        about="house numbers: convolutions with batch norm, Adam, 25 epochs of 572 steps of 128",
        batch_size=BATCH,
        length=epochs(BATCH, STEPS_PER_EPOCH, EPOCHS, sample_every=5),
        data=Data(name="svhn", channels=3, height=32, width=32, order=order(repaired)),
        model=networks.Config(),
        objective=objective(repaired),
        discriminator_optimizer=adam(lr_d, beta1),
        generator_optimizer=adam(lr_g, beta1),
        validation_losses=ValidationLosses(every=STEPS_PER_EPOCH * BATCH),
        grid=Grid(rows=8, columns=10),
        figures=Figures(losses="validation", epoch=STEPS_PER_EPOCH * BATCH, axis="epoch"),
    )
