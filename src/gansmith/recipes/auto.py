"""The recipe `auto`: the best images a minute, from any images; it sets itself from them."""

from gansmith.config import Schedule
from gansmith.models import thin_dcgan as networks
from gansmith.recipes.base import OURS, Family
from gansmith.recipes.fitting import EXAMPLE, DatasetFacts, Fitted, Start, batch_for, length_for, settle
from gansmith.schema import Adam, Objective, Recipe

BATCH, LATENTS = 32, 64
WIDTH, WIDTH_ON_GPU = 16, 64
PENALTY, GAMMA, PENALTY_EVERY = "r1", 0.3, 16
RATE, LAST_RATE, CONSTANT, BETA1, BETA2 = 1.5e-3, 0.05 * 1.5e-3, 0.5, 0.0, 0.99
"""The rate is constant for a share of the run, and falls in a straight line to the last after it."""


def fitted(facts: DatasetFacts) -> Fitted:
    """The recipe for these images, this device and this length. Raises DataError for too few images."""
    images = length_for(facts, batch_for(facts, BATCH)).images
    rate = Schedule(start=RATE, end=LAST_RATE, begin=round(CONSTANT * images), until=images, shape="linear")
    start = Start(
        name="auto",
        about="your own images, any size and shape: thin networks, R1, an average of G; it sets itself from them",
        batch_size=BATCH,
        latents=LATENTS,
        model=networks.Config(width=WIDTH_ON_GPU if facts.gpu else WIDTH),
        objective=Objective(
            loss="non-saturating",
            penalty=PENALTY,
            gamma=GAMMA,
            penalty_every=PENALTY_EVERY,
            generator_reuses_images=True,
        ),
        discriminator_optimizer=Adam(lr=rate, beta1=BETA1, beta2=BETA2),
        generator_optimizer=Adam(lr=rate, beta1=BETA1, beta2=BETA2),
    )
    return settle(start, facts)


FAMILY = Family(article=OURS, fitted=fitted)


def auto() -> Recipe:
    """Images of any size and shape, on a CPU or a GPU: what `gansmith train --data FOLDER` takes.

    Ours. Width, batch, augmentation, length, average and intervals follow from the images, the device and the budget;
    without images it is for the clothes that ship with gansmith.

    Command: `gansmith train --data ./photos`, or `gansmith train auto`.
    """
    return fitted(EXAMPLE).recipe
