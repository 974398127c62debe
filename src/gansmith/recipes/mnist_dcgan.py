"""Handwritten digits: "GAN by Example using Keras on Tensorflow Backend" (Rowel Atienza, 29 March 2017)."""

from gansmith.models import mnist_dcgan as networks
from gansmith.schema import Data, Grid, Latents, Length, Objective, Recipe, RMSprop

BATCH = 256
STEPS = 10_000


def mnist_dcgan() -> Recipe:
    """Digits as the 2017 article trains them: 10,000 steps of 256, RMSprop, D also moved by the generator step.

    Source: `roatienza/Deep-Learning-Experiments` at `ad11440`, the article's own numbers. The stacked model was never
    frozen, so its optimiser moves D as well; the author confirms that this is meant. The probabilities are clipped at
    1e-7, as Keras 2.0 did. The first 5,000 official training pictures were the loader's validation set.

    Command: `gansmith train mnist-dcgan`.
    """
    return Recipe(
        name="mnist-dcgan",
        about="handwritten digits, the 2017 article: upsampling generator, RMSprop, 10,000 steps of 256",
        batch=BATCH,
        length=Length(
            images=STEPS * BATCH, log_every=10 * BATCH, sample_every=500 * BATCH, checkpoint_every=500 * BATCH
        ),
        latents=Latents(size=100, law="uniform"),
        data=Data(name="mnist", skip=5000, pixel_range="0..1", order="with-replacement"),
        model=networks.Config(),
        objective=Objective(
            loss="binary-cross-entropy", probability_clip=1e-7, generator_step_trains_discriminator=True
        ),
        discriminator_optimizer=RMSprop(lr=8e-4, lr_decay=6e-8, clip_value=1.0, epsilon=1e-8),
        generator_optimizer=RMSprop(lr=4e-4, lr_decay=3e-8, clip_value=1.0, epsilon=1e-8),
        grid=Grid(rows=4, columns=4),
    )
