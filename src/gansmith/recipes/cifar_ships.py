"""Ships: "My First GAN" (Jake Tae, 25 February 2020)."""

from typing import Literal

from gansmith.models import cifar_ships as networks
from gansmith.recipes.base import FIRST_GAN, Family, Variant, length_in_steps, repaired
from gansmith.schema import Data, Figures, Grid, Latents, Objective, Recipe, RMSprop

BATCH, STEPS = 32, 10_000
LATENTS = {"ship": 128, "cat": 32}

FAMILY = Family(
    article=FIRST_GAN,
    source="jaketae/jaketae.github.io, _posts/2020-02-25-gan.md; after Chollet, Deep Learning with Python, first "
    "edition, §8.5",
    inferred=(
        "TensorFlow 1.15 and its defaults: by the warnings that the article prints",
        "no clipping of probabilities: the notebook's loss reaches 50.3, which the clip would not let it",
    ),
    finding="fuzzy, pixelated images, some of which resemble ships at sea; losses with spikes, no collapse.",
    measured="after 500 of the 10,000 steps, blurred sky and sea with something dark on it that may be a hull, under a "
    "fine grid. On the way whole grids turned white, blue and green for a time, and G came back from it. The article's "
    "display wraps what G makes below 0 into bright specks.",
    shows=("samples", "losses", "networks"),
    variants={
        "repaired": repaired("images in -1..1 as G makes them, a display that does not wrap, shuffled batches"),
        "draft": Variant(about="the older notebook: cats from 32 latents", arguments={"kind": "cat"}),
    },
)


def cifar_ships(kind: Literal["ship", "cat"] = "ship", repaired: bool = False) -> Recipe:
    """Ships as the 2020 article trains them: 10,000 steps of 32, RMSprop, noise on D's labels.

    The images are in 0..1 although G ends in tanh, and G's negative values wrap round in the article's display.

    Command: `gansmith train cifar-ships`.
    """
    return Recipe(
        name="cifar-ships",
        about="ships: convolutions of stride 1 around one transposed one, RMSprop, 10,000 steps of 32",
        batch_size=BATCH,
        length=length_in_steps(BATCH, STEPS, log=10, sample=500, checkpoint=500),
        latents=Latents(size=LATENTS[kind]),
        data=Data(
            name=f"cifar10[{kind}]",
            split="both",
            channels=3,
            height=32,
            width=32,
            pixel_range="-1..1" if repaired else "0..1",
            order="permutation" if repaired else "sequential",
        ),
        model=networks.Config(),
        objective=Objective(loss="binary-cross-entropy", fakes_first=True, label_noise=0.05),
        discriminator_optimizer=RMSprop(lr=8e-4, lr_decay=1e-8, clip_value=1.0),
        generator_optimizer=RMSprop(lr=4e-4, lr_decay=1e-8, clip_value=1.0),
        grid=Grid(rows=4, columns=4),
        figures=Figures(
            display="clipped" if repaired else "wrapped",
            axis="Epochs",
            discriminator_colour="#87ceeb",
            generator_colour="#ffd700",
        ),
    )
