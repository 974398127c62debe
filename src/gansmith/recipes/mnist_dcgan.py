"""Handwritten digits: "GAN by Example using Keras on Tensorflow Backend" (Rowel Atienza, 29 March 2017)."""

from gansmith.models import mnist_dcgan as networks
from gansmith.recipes.base import EXAMPLE, Family, Variant, length_in_steps, repaired
from gansmith.schema import Data, Figures, Grid, Latents, Objective, Recipe, RMSprop

BATCH = 256
STEPS = 10_000
SEED = 1
"""With seed 0, D calls everything fake from step 50 on, beyond the clip, where there is no gradient to come back on."""

FAMILY = Family(
    article=EXAMPLE,
    source="roatienza/Deep-Learning-Experiments, Experiments/Tensorflow/GAN/dcgan_mnist.py at ad11440 (29 March 2017); "
    "Keras 2.0, TensorFlow 1.0",
    inferred=(
        "the parameter counts: the code prints its summaries, but no output was published",
        "55,000 images: the tutorial's loader keeps the first 5,000 of the official 60,000 for validation",
    ),
    finding="RMSprop gives more realistic images than Adam; upsampling does better than strided transposed "
    "convolution; respectable output above 1,000 steps; dropout on both networks keeps noise images away; D's rate "
    "above G's keeps D's loss from collapsing.",
    measured="nearly every sample is a digit after 1,000 of the 10,000 steps, on 4,000 digits instead of 55,000. "
    "Until the moving statistics of G's batch norm have settled (about 50 steps), its samples look like noise. This "
    "is expected, but one of two seeds did not survive it.",
    shows=("samples", "on the way", "reals"),
    variants={
        "june-2017": Variant(
            about="as re-tuned in June 2017: rates 2e-4 and 1e-4, no clipping", arguments={"june": True}
        ),
        "repaired": repaired("D is frozen in the generator step, which its author does not hold for a mistake"),
    },
)


def mnist_dcgan(june: bool = False, repaired: bool = False) -> Recipe:
    """Digits as the 2017 article trains them: 10,000 steps of 256, RMSprop, D also moved by the generator step.

    The stacked model was never frozen, so its optimiser moves D as well; the author confirms that this is meant. The
    probabilities are clipped at 1e-7, as Keras 2.0 did.

    Command: `gansmith train mnist-dcgan`.
    """
    lr, clip = (2e-4, 0.0) if june else (8e-4, 1.0)
    return Recipe(
        name="mnist-dcgan",
        seed=SEED,
        about="handwritten digits: upsampling generator, RMSprop, 10,000 steps of 256",
        batch_size=BATCH,
        length=length_in_steps(BATCH, STEPS, log=10, sample=500, checkpoint=500),
        latents=Latents(size=100, distribution="uniform"),
        data=Data(name="mnist", skip=5000, pixel_range="0..1", order="with-replacement"),
        model=networks.Config(),
        objective=Objective(
            loss="binary-cross-entropy",
            probability_clip=1e-7,
            generator_step_trains_discriminator=not repaired,
        ),
        discriminator_optimizer=RMSprop(lr=lr, lr_decay=6e-8, clip_value=clip, epsilon=1e-8),
        generator_optimizer=RMSprop(lr=lr / 2, lr_decay=3e-8, clip_value=clip, epsilon=1e-8),
        grid=Grid(rows=4, columns=4),
        figures=Figures(autoscale=True),
    )
