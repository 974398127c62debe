"""Handwritten digits: the first of four systems in "Having Fun with Deep Convolutional GANs" (Naoki Shibuya, 2017).

What the four share is here, too.
"""

from gansmith.data.sampler import Order
from gansmith.models import mnist_mlp as networks
from gansmith.recipes.base import HAVING_FUN, Family, length_in_steps, repaired
from gansmith.schema import Adam, Data, Figures, Grid, Length, Objective, Recipe, ValidationLosses

BATCH, STEPS_PER_EPOCH, EPOCHS = 64, 937, 100

SOURCE = "naokishibuya/deep-learning, python/{}.ipynb (November 2017); Keras 2.0.5, TensorFlow 1.3"
INFERRED = (
    "the generator step also moves D, against what the text says: Keras 2.0.5 keeps the weights that were trainable "
    "when the model was compiled, and D was not frozen then",
    "D's moving statistics follow the reals, the fakes and the generator step's images, in this order",
)

FAMILY = Family(
    article=HAVING_FUN,
    source=SOURCE.format("gan_mnist"),
    inferred=INFERRED,
    finding="D's loss rises while G's falls, a kind of equilibrium around epochs 80 to 90; images are noisy, digits "
    "legible in part; a DCGAN would be better.",
    measured="as the author says: D's validation loss rises and G's falls, median of the last ten 0.83 and 2.70 (the "
    "notebook: 0.90 and 2.77); 1, 7 and 9 are legible, others broken, speckles everywhere. On 9,000 digits instead of "
    "60,000, so in 666 passes.",
    shows=("samples", "reals", "losses"),
    variants={"repaired": repaired("D is frozen in the generator step, batches are shuffled, the display is right")},
)


def mnist_mlp(repaired: bool = False) -> Recipe:
    """Digits from dense networks, as the 2017 notebook trains them: 100 epochs of 937 steps of 64, Adam.

    Command: `gansmith train mnist-mlp`.
    """
    return Recipe(
        name="mnist-mlp",
        about="handwritten digits, dense networks: Adam, 100 epochs of 937 steps of 64",
        batch_size=BATCH,
        precision="fp32",  # bf16 costs such small layers more in casts than it saves in products
        length=epochs(BATCH, STEPS_PER_EPOCH, EPOCHS, sample_every=10),
        data=Data(name="mnist", order=order(repaired)),
        model=networks.Config(),
        objective=objective(repaired),
        discriminator_optimizer=adam(1e-3, 0.9),
        generator_optimizer=adam(1e-4, 0.9),
        validation_losses=ValidationLosses(every=STEPS_PER_EPOCH * BATCH),
        grid=Grid(rows=4, columns=5),
        figures=digits(BATCH * STEPS_PER_EPOCH, repaired),
    )


def epochs(batch_size: int, steps: int, num: int, sample_every: int) -> Length:
    """`num` epochs of `steps` steps, a sample grid and a checkpoint every `sample_every` epochs."""
    interval = sample_every * steps
    return length_in_steps(batch_size, num * steps, log=max(steps // 20, 1), sample=interval, checkpoint=interval)


def order(repaired: bool) -> Order:
    """The notebooks go through the images in the same order each epoch."""
    return "permutation" if repaired else "sequential"


def objective(repaired: bool) -> Objective:
    """Reals and fakes in two updates, reals smoothed to 0.9; the generator step reuses the latents and moves D."""
    return Objective(
        loss="binary-cross-entropy",
        real_target=0.9,
        probability_clip=1e-7,
        discriminator_batch="separate",
        generator_reuses_latents=True,
        generator_step_trains_discriminator=not repaired,
    )


def adam(lr: float, beta1: float) -> Adam:
    """Keras 2.0's Adam."""
    return Adam(lr=lr, beta1=beta1, beta2=0.999, epsilon=1e-8, epsilon_hat=True)


def digits(epoch: int, repaired: bool) -> Figures:
    """Grey images, each stretched, that the notebooks deprocess as (x / 2 + 1) 255."""
    display = "clipped" if repaired else "doubled"
    return Figures(autoscale=True, display=display, losses="validation", epoch=epoch, axis="epoch")
