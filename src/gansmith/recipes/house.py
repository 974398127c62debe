"""The recipe of the house: the best pictures a minute, from any pictures; it sets itself from them."""

from gansmith.models import thin_dcgan as networks
from gansmith.recipes.base import OURS, Family
from gansmith.recipes.fitting import EXAMPLE, Facts, Fitted, Start, settle
from gansmith.schema import Adam, Objective, Recipe

BATCH, LATENTS = 64, 64
WIDTH, WIDTH_ON_GPU = 16, 64
PENALTY, GAMMA, PENALTY_EVERY = "r1", 0.3, 16
RATE, BETA1, BETA2 = 1.5e-3, 0.0, 0.99


def fitted(facts: Facts) -> Fitted:
    """The recipe for these pictures, this device and this length. Raises DataError for too few pictures."""
    start = Start(
        name="house",
        about="your own pictures, any size and shape: thin networks, R1, an average of G; it sets itself from them",
        batch=BATCH,
        latents=LATENTS,
        model=networks.Config(width=WIDTH_ON_GPU if facts.gpu else WIDTH),
        objective=Objective(loss="non-saturating", penalty=PENALTY, gamma=GAMMA, penalty_every=PENALTY_EVERY),
        discriminator_optimizer=Adam(lr=RATE, beta1=BETA1, beta2=BETA2),
        generator_optimizer=Adam(lr=RATE, beta1=BETA1, beta2=BETA2),
    )
    return settle(start, facts)


FAMILY = Family(article=OURS, fitted=fitted)


def house() -> Recipe:
    """Pictures of any size and shape, on a CPU or a GPU: what `gansmith train --data FOLDER` takes.

    Ours. Width, batch, augmentation, length, average and intervals follow from the pictures, the device and the budget;
    without pictures it is for the clothes that ship with gansmith.

    Command: `gansmith train --data ./photos`, or `gansmith train house`.
    """
    return fitted(EXAMPLE).recipe
