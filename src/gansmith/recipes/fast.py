"""The other modern recipe: spectral norm and hinge in place of a penalty. It sets itself from the pictures."""

from gansmith.models import upsample_dcgan as networks
from gansmith.recipes.base import OURS, Family
from gansmith.recipes.fitting import EXAMPLE, Facts, Fitted, Start, settle
from gansmith.schema import Adam, Objective, Recipe

BATCH, LATENTS = 32, 64
WIDTH, WIDTH_ON_GPU = 64, 256
RATE, BETA1, BETA2 = 4e-4, 0.5, 0.999


def fitted(facts: Facts) -> Fitted:
    """The recipe for these pictures, this device and this length. Raises DataError for too few pictures."""
    start = Start(
        name="fast",
        about="any pictures: a small upsampling DCGAN, spectral norm and hinge; it sets itself from them",
        batch=BATCH,
        latents=LATENTS,
        model=networks.Config(width=WIDTH_ON_GPU if facts.gpu else WIDTH, spectral_norm=True),
        objective=Objective(loss="hinge"),
        discriminator_optimizer=Adam(lr=RATE, beta1=BETA1, beta2=BETA2),
        generator_optimizer=Adam(lr=RATE, beta1=BETA1, beta2=BETA2),
    )
    return settle(start, facts)


FAMILY = Family(article=OURS, fitted=fitted)


def fast() -> Recipe:
    """Pictures of any size and shape whose sides can be halved to 4 to 8 pixels: 28, 32, 64, 96x64.

    Ours, after Miyato et al. 2018, arXiv:1802.05957, and what the literature takes on a limited budget. A second
    opinion beside `house`, without second derivatives.

    Command: `gansmith train fast --data ./photos`.
    """
    return fitted(EXAMPLE).recipe
