"""Clothes: the second system of "Generative Adversarial Networks" (Baptiste Pesquet's course page, 2020)."""

from gansmith.models import fashion_dcgan as networks
from gansmith.schema import Data, Grid, Length, Objective, Recipe, RMSprop

BATCH = 32
STEPS_PER_EPOCH = 1875
EPOCHS = 5


def fashion_dcgan() -> Recipe:
    """Clothes as the course page trains them: 5 epochs of 1,875 steps of 32, RMSprop, fakes before reals.

    Source: `bpesquet/mlhandbook`, `algorithms/generative_adversarial_networks.ipynb` at `d7434f1`; TensorFlow 2.3.

    Command: `gansmith train fashion-dcgan`.
    """
    return Recipe(
        name="fashion-dcgan",
        about="clothes, the 2020 course page: transposed convolutions with SELU, RMSprop, 5 epochs of batches of 32",
        batch=BATCH,
        length=Length(
            images=EPOCHS * STEPS_PER_EPOCH * BATCH,
            log_every=25 * BATCH,
            sample_every=STEPS_PER_EPOCH * BATCH,
            checkpoint_every=STEPS_PER_EPOCH * BATCH,
        ),
        data=Data(name="fashion-mnist", order="shuffle-buffer", shuffle_buffer=1000),
        model=networks.Config(),
        objective=Objective(loss="binary-cross-entropy", fakes_first=True),
        discriminator_optimizer=RMSprop(lr=1e-3),
        generator_optimizer=RMSprop(lr=1e-3),
        grid=Grid(rows=4, columns=8),
    )
