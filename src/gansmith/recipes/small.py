"""Any pictures: a DCGAN small enough for two CPU cores, for a folder or an archive of one's own."""

from gansmith.models import upsample_dcgan as networks
from gansmith.recipes.base import OURS, Family
from gansmith.schema import Adam, Data, Evaluate, Latents, Length, Recipe

BATCH = 32
STEPS = 10_000

FAMILY = Family(article=OURS)


def small() -> Recipe:
    """Pictures of any size and shape, on a CPU: the demo's networks, wider, on CIFAR-10 unless told otherwise.

    Ours. The sides must be halved to 4 to 8 pixels in whole steps: 28, 32, 64, 96x64. Not the modern recipe, which is
    another one: this one is for a first look at a set.

    Command: `gansmith train small --data ./photos`.
    """
    return Recipe(
        name="small",
        about="your own pictures, any size and shape: a small upsampling DCGAN for a CPU",
        batch=BATCH,
        ema_half_life=10_000,
        length=Length(
            images=STEPS * BATCH, log_every=20 * BATCH, sample_every=500 * BATCH, checkpoint_every=500 * BATCH
        ),
        evaluate=Evaluate(every=STEPS // 20 * BATCH, pictures=500),
        latents=Latents(size=128),
        data=Data(name="cifar10", channels=3, height=32, width=32),
        model=networks.Config(width=128),
        discriminator_optimizer=Adam(lr=2e-4, beta1=0.5, beta2=0.99),
        generator_optimizer=Adam(lr=2e-4, beta1=0.5, beta2=0.99),
    )
