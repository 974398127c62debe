"""Letters: a reconstruction of Zhihang Liu's article on notMNIST (Medium, 7 April 2017), whose code is lost."""

from typing import Literal

from gansmith.models import notmnist_dcgan as networks
from gansmith.recipes.base import LETTERS, Family, Variant, length_in_steps
from gansmith.schema import Adam, Data, Figures, Grid, Objective, Recipe

BATCH = 128
ITERATIONS = 1750
STEPS_PER_PASS = 146

FAMILY = Family(
    article=LETTERS,
    source="the article's code was not found. Networks, batch, label values and noise: Zackory/Keras-MNIST-GAN, "
    "mnist_dcgan.py (January 2017); rates: osh/KerasGAN (2016); Keras on TensorFlow",
    inferred=(
        "everything but what follows: the article states notMNIST's small set, 100 latent numbers, a start at 7x7, "
        "LeakyReLU, tanh, Adam, cross-entropy, much dropout, a D with fewer parameters than G and a larger rate",
        "an epoch is one iteration: 1,750 passes would be 255,500 updates, hard to square with noise until 250 and "
        "outlines at 1,750; the variant full-passes takes the other reading",
        "images in -1..1 because G ends in tanh",
    ),
    finding="only noise up to 250 epochs; outlines of B, E and F at 1,750; some samples are white paper with a shadow, "
    "because some of the letters have inverted polarity.",
    measured="as the author says, and somewhat better: strokes of B, C, D, E, J and U can be read at 1,750 iterations; "
    "other samples are blank sheets or shadows, and letters of both polarities stand side by side.",
    shows=("samples", "on the way", "losses", "networks"),
    variants={
        "rates-2-to-1": Variant(about="rates 4e-4 and 2e-4 with beta1 0.5", arguments={"rates": "2-to-1"}),
        "full-passes": Variant(about="1,750 passes over the letters instead of iterations", arguments={"passes": True}),
    },
)


def notmnist_dcgan(rates: Literal["10-to-1", "2-to-1"] = "10-to-1", passes: bool = False) -> Recipe:
    """Letters, as far as the article can be reconstructed: 1,750 iterations of 128, Adam, the larger rate on D.

    Command: `gansmith train notmnist-dcgan`.
    """
    iterations = ITERATIONS * (STEPS_PER_PASS if passes else 1)
    lr_d, lr_g, beta1 = (1e-3, 1e-4, 0.9) if rates == "10-to-1" else (4e-4, 2e-4, 0.5)
    return Recipe(
        name="notmnist-dcgan",
        about="letters: upsampling generator without batch norm, Adam, 1,750 iterations of 128",
        batch_size=BATCH,
        length=length_in_steps(BATCH, iterations, log=10, sample=iterations // 7, checkpoint=iterations // 7),
        data=Data(name="notmnist"),
        model=networks.Config(),
        objective=Objective(loss="binary-cross-entropy", real_target=0.9, probability_clip=1e-7),
        discriminator_optimizer=Adam(lr=lr_d, beta1=beta1, epsilon_hat=True),
        generator_optimizer=Adam(lr=lr_g, beta1=beta1, epsilon_hat=True),
        grid=Grid(rows=8, columns=8),
        figures=Figures(colour_map="grey-reversed", autoscale=True, axis="epoch"),
    )
