"""Clothes: the second system of "Generative Adversarial Networks" (Baptiste Pesquet's course page, 2020)."""

from gansmith.models import fashion_dcgan as networks
from gansmith.recipes.base import COURSE, Family, Variant, length_in_steps
from gansmith.recipes.fashion_mlp import BATCH, STEPS_PER_EPOCH
from gansmith.recipes.fashion_mlp import FAMILY as DENSE
from gansmith.schema import Data, Figures, Grid, Objective, Recipe, RMSprop

FAMILY = Family(
    article=COURSE,
    source=DENSE.source,
    inferred=(*DENSE.inferred, "the moving variance is the unbiased one: what TensorFlow's fused kernel keeps"),
    finding="after five epochs clean trousers, shirts, coats and shoes; some bags and shoes are broken.",
    measured="as the author says: clean trousers, shirts, coats and shoes after all steps; bags are rare and rough.",
    shows=("samples",),
    variants={"epochs-50": Variant(about="at Géron's 50 epochs", arguments={"epochs": 50})},
)


def fashion_dcgan(epochs: int = 5) -> Recipe:
    """Clothes as the course page trains them: 5 epochs of 1,875 steps of 32, RMSprop, fakes before reals.

    Command: `gansmith train fashion-dcgan`.
    """
    return Recipe(
        name="fashion-dcgan",
        about="clothes, convolutions: strided and transposed, SELU, RMSprop, 5 epochs of batches of 32",
        batch_size=BATCH,
        length=length_in_steps(
            BATCH, epochs * STEPS_PER_EPOCH, log=25, sample=STEPS_PER_EPOCH, checkpoint=STEPS_PER_EPOCH
        ),
        data=Data(name="fashion-mnist", order="shuffle-buffer", shuffle_buffer=1000),
        model=networks.Config(),
        objective=Objective(loss="binary-cross-entropy", fakes_first=True),
        discriminator_optimizer=RMSprop(lr=1e-3),
        generator_optimizer=RMSprop(lr=1e-3),
        grid=Grid(rows=4, columns=8),
        figures=Figures(colour_map="grey-reversed", autoscale=True),
    )
