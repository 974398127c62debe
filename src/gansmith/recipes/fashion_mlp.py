"""Clothes: the first system of "Generative Adversarial Networks" (Baptiste Pesquet's course page, 2020)."""

from gansmith.models import fashion_mlp as networks
from gansmith.recipes.base import COURSE, Family, Variant, length_in_steps
from gansmith.schema import Data, Figures, Grid, Latents, Objective, Recipe, RMSprop

BATCH = 32
STEPS_PER_EPOCH = 1875

FAMILY = Family(
    article=COURSE,
    source="bpesquet/mlhandbook, algorithms/generative_adversarial_networks.ipynb at d7434f1; Python 3.7, TensorFlow "
    "2.3.1; after Géron, Hands-On Machine Learning, 2nd edition, chapter 17",
    inferred=(
        "the order is drawn anew each epoch: tf.data's default",
        "the generator makes the fakes for D in inference mode: TensorFlow's default outside of training",
    ),
    finding="after one epoch speckled tops, dresses and T-shirts: outlines can be recognised, with strong noise; few "
    "shoes and bags.",
    measured="as the author says: speckled coats, tops, dresses and trousers, outlines clear, strong noise, no "
    "shoe or bag to be sure of.",
    shows=("samples",),
    variants={"epochs-50": Variant(about="at Géron's 50 epochs", arguments={"epochs": 50})},
)


def fashion_mlp(epochs: int = 1) -> Recipe:
    """Clothes from dense networks, as the course page trains them: 1 epoch of 1,875 steps of 32, RMSprop.

    Command: `gansmith train fashion-mlp`.
    """
    steps = epochs * STEPS_PER_EPOCH
    return Recipe(
        name="fashion-mlp",
        about="clothes, dense networks: SELU, RMSprop, 1 epoch of batches of 32",
        batch_size=BATCH,
        precision="fp32",  # bf16 costs such small layers more in casts than it saves in products
        length=length_in_steps(BATCH, steps, log=25, sample=steps // 5, checkpoint=STEPS_PER_EPOCH),
        latents=Latents(size=30),
        data=Data(name="fashion-mnist", pixel_range="0..1", order="shuffle-buffer", shuffle_buffer=1000),
        model=networks.Config(),
        objective=Objective(loss="binary-cross-entropy", fakes_first=True),
        discriminator_optimizer=RMSprop(lr=1e-3),
        generator_optimizer=RMSprop(lr=1e-3),
        grid=Grid(rows=4, columns=8),
        figures=Figures(colour_map="grey-reversed", autoscale=True),
    )
