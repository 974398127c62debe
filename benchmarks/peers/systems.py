"""The numbers of the articles' training that the peers need, written out so that they import nothing of gansmith.

A test holds them against the recipes. Images are channels last here; ranges do not matter for time.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class System:
    """One article's iteration."""

    batch_size: int
    latents: int
    image: tuple[int, int, int]
    """Height, width, channels."""
    optimizer: Literal["rmsprop", "adam"]
    lr_d: float
    lr_g: float
    epsilon: float
    beta1: float = 0.9
    """Adam's only."""
    beta2: float = 0.999
    """Adam's only."""
    lr_decay_d: float = 0.0
    lr_decay_g: float = 0.0
    clip: float = 0.0
    """Elements of gradients are clipped to [-clip, clip]; 0 is off."""
    uniform: bool = False
    """Latents are U(-1, 1) instead of N(0, 1)."""
    separate: bool = False
    """D has an update on reals and one on fakes instead of one on both."""
    fakes_first: bool = False
    real_target: float = 1.0
    label_noise: float = 0.0
    reuses_latents: bool = False
    trains_d_with_g: bool = False
    """The generator step moves D as well: the stacked model was compiled with D trainable."""
    sums_halves: bool = False
    """D's loss is the sum of the means over reals and fakes, not the mean of the two."""
    ema_decay: float = 0.0
    """Of an average of G's weights; 0 keeps none. Its value does not matter for time."""
    shares_images: bool = False
    """One pass of G, in training mode, gives the fakes of both updates."""
    penalty: float = 0.0
    """Weight of half the squared slope of D at the real images; 0 is off."""
    penalty_every: int = 1
    """Only one iteration in so many has the penalty, so many times as heavy."""


DIGITS, COLOUR = (28, 28, 1), (32, 32, 3)

_HAVING_FUN = {
    "latents": 100,
    "optimizer": "adam",
    "lr_d": 1e-3,
    "lr_g": 1e-4,
    "epsilon": 1e-8,
    "separate": True,
    "real_target": 0.9,
    "reuses_latents": True,
    "trains_d_with_g": True,
}
_COURSE = {
    "batch_size": 32,
    "image": DIGITS,
    "optimizer": "rmsprop",
    "lr_d": 1e-3,
    "lr_g": 1e-3,
    "epsilon": 1e-7,
    "fakes_first": True,
}

SYSTEMS = {
    "mnist-dcgan": System(
        batch_size=256,
        latents=100,
        image=DIGITS,
        optimizer="rmsprop",
        lr_d=8e-4,
        lr_g=4e-4,
        epsilon=1e-8,
        lr_decay_d=6e-8,
        lr_decay_g=3e-8,
        clip=1.0,
        uniform=True,
        trains_d_with_g=True,
    ),
    "fashion-mlp": System(latents=30, **_COURSE),
    "fashion-dcgan": System(latents=100, **_COURSE),
    "notmnist-dcgan": System(
        batch_size=128,
        latents=100,
        image=DIGITS,
        optimizer="adam",
        lr_d=1e-3,
        lr_g=1e-4,
        epsilon=1e-8,
        real_target=0.9,
    ),
    "mnist-mlp": System(batch_size=64, image=DIGITS, **_HAVING_FUN),
    "mnist-small-dcgan": System(batch_size=128, image=DIGITS, **_HAVING_FUN),
    "svhn-dcgan": System(batch_size=128, image=COLOUR, beta1=0.5, **_HAVING_FUN),
    "celeba32-dcgan": System(batch_size=128, image=COLOUR, beta1=0.5, **_HAVING_FUN),
    "cifar-ships": System(
        batch_size=32,
        latents=128,
        image=COLOUR,
        optimizer="rmsprop",
        lr_d=8e-4,
        lr_g=4e-4,
        epsilon=1e-7,
        lr_decay_d=1e-8,
        lr_decay_g=1e-8,
        clip=1.0,
        fakes_first=True,
        label_noise=0.05,
    ),
    "auto": System(
        batch_size=32,
        latents=64,
        image=DIGITS,
        optimizer="adam",
        lr_d=1.5e-3,
        lr_g=1.5e-3,
        epsilon=1e-8,
        beta1=0.0,
        beta2=0.99,
        sums_halves=True,
        ema_decay=0.99,
        shares_images=True,
        penalty=0.3,
        penalty_every=16,
    ),
}
"""The nine classic systems, and gansmith's own recipe, which no article and so no Keras script has."""
CLASSIC = tuple(name for name in SYSTEMS if name != "auto")
