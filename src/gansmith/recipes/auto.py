"""The recipe `auto`: the best images a minute, from any images; it sets itself from them."""

from gansmith.config import Schedule, product
from gansmith.models import thin_dcgan
from gansmith.recipes import fitting
from gansmith.recipes.base import OURS, Family
from gansmith.recipes.fitting import EXAMPLE, DatasetFacts
from gansmith.schema import Adam, Evaluate, Latents, Length, Objective, Recipe

WIDTH = 16
"""Channels of the networks next to the image, on a CPU."""
WIDTH_ON_GPU = 64
"""Channels of the networks next to the image, on a GPU."""
RATE = 1.5e-3
"""Learning rate of the first half of the run."""
LAST_RATE = 7.5e-5
"""Learning rate at the end of the run."""
CONSTANT = 0.5
"""Share of the run after which the learning rate falls in a straight line."""

FAMILY = Family(article=OURS, sets_itself=True)


def auto(facts: DatasetFacts = EXAMPLE) -> Recipe:
    """Images of any size and aspect ratio, on a CPU or a GPU: the recipe of `gansmith train --data FOLDER`.

    Ours. Width, batch size, augmentation, length, EMA and intervals follow from the images, the device and the budget;
    without images they are for the 10,000 that ship with gansmith. Raises DataError for too few images.

    Command: `gansmith train --data ./photos`, or `gansmith train auto`.
    """
    intervals = fitting.intervals_for(facts)
    images = intervals["length.images"]
    rate = Schedule(start=RATE, end=LAST_RATE, begin=round(CONSTANT * images), until=images, shape="linear")
    adam = Adam(lr=rate, beta1=0.0, beta2=0.99)
    return Recipe(
        name="auto",
        about="your own images, any size and aspect ratio: small networks, R1 penalty, EMA; it sets itself from them",
        batch_size=fitting.batch_size_for(facts),
        ema_half_life=min(product(images, fitting.HALF_LIFE), fitting.LONGEST_HALF_LIFE),
        length=Length(
            images=images,
            log_every=intervals["length.log_every"],
            sample_every=intervals["length.sample_every"],
            checkpoint_every=intervals["length.checkpoint_every"],
        ),
        latents=Latents(size=64),
        data=facts.data,
        model=thin_dcgan.Config(width=WIDTH_ON_GPU if facts.gpu else WIDTH),
        objective=Objective(
            loss="non-saturating", penalty="r1", gamma=0.3, penalty_every=16, generator_reuses_images=True
        ),
        augment=fitting.augment_for(facts),
        discriminator_optimizer=adam,
        generator_optimizer=adam,
        evaluate=Evaluate(every=intervals["evaluate.every"], images=facts.evaluated),
        grid=fitting.grid_for(facts.data),
    )
