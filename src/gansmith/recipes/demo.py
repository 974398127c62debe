"""The first run: clothes in under two minutes, on pictures that ship with gansmith."""

from gansmith.models import upsample_dcgan as networks
from gansmith.recipes.base import OURS, Family
from gansmith.schema import Adam, Data, Evaluate, Latents, Length, Recipe

BATCH = 32
STEPS = 3000

FAMILY = Family(article=OURS)


def demo() -> Recipe:
    """Clothes in under two minutes on two CPU cores, from the 10,000 pictures in the package.

    Ours: the smallest networks, batch and rates that gave recognisable trousers, shirts, shoes and bags in that time.

    Command: `gansmith train demo`, or `make demo`.
    """
    return Recipe(
        name="demo",
        about="clothes in under two minutes: a small upsampling DCGAN on the 10,000 pictures that ship with gansmith",
        batch=BATCH,
        ema_half_life=5000,
        length=Length(
            images=STEPS * BATCH, log_every=10 * BATCH, sample_every=500 * BATCH, checkpoint_every=1000 * BATCH
        ),
        evaluate=Evaluate(every=STEPS // 10 * BATCH, pictures=500),  # so few and seldom: 5 % of the time are 4 seconds
        latents=Latents(size=64),
        data=Data(name="fashion-10k"),
        model=networks.Config(),
        discriminator_optimizer=Adam(lr=5e-4, beta1=0.5, beta2=0.99),
        generator_optimizer=Adam(lr=5e-4, beta1=0.5, beta2=0.99),
    )
