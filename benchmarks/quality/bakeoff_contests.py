"""Who meets whom in the bake-off, on which images and for how long: data only, for `bakeoff.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from gansmith.data.datasets.catalog import Split

Kind = Literal["quality", "small", "modes"]
"""What a contest is about: distance to real images, what few images do to it, or how many modes are found."""

FIRST = "article"
"""The candidate that all others are compared with, in every contest that has it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A recipe, and what is changed in it."""

    recipe: str
    changes: tuple[str, ...] = ()
    about: str = ""
    looks: int = 50
    """Evaluations on the way. Few where the generator is so slow that they would take longer than the training."""

    def but(self, *changes: str, about: str = "") -> "Candidate":
        """The same with other changes on top."""
        return replace(self, changes=(*self.changes, *changes), about=about)


@dataclass(frozen=True, kw_only=True, slots=True)
class Contest:
    """Images that are the same for all candidates, the time that each gets, and what it is measured against."""

    about: str
    data: tuple[str, ...]
    """Changes of the recipe's table `data`: which images, in which shape."""
    count: int
    """How many they are: what a recipe that sets itself goes by."""
    against: Split
    """The split of the same set that the images made are measured against."""
    seconds: float
    """Of training, by the step times that `bakeoff.py measure` found."""
    candidates: Mapping[str, Candidate]
    kind: Kind = "quality"
    images: int = 2000
    """Of an evaluation on the way."""


AUTO = Candidate(recipe="auto", about="thin networks, R1 in every 16th step, EMA of G, a falling learning rate")
FAST = AUTO.but(
    "model={name='upsample-dcgan', width=64, spectral_norm=true}",
    "objective={loss='hinge'}",
    "discriminator_optimizer={name='adam', lr=4e-4, beta1=0.5, beta2=0.999}",
    "generator_optimizer={name='adam', lr=4e-4, beta1=0.5, beta2=0.999}",
    about="spectral norm and hinge",
)
RESIDUAL = AUTO.but(
    "model.name=residual",
    "objective.loss=relativistic",
    "objective.penalty=r1+r2",
    "objective.gamma=1",
    "objective.penalty_every=1",
    "discriminator_optimizer.lr=2e-4",
    "generator_optimizer.lr=2e-4",
    about="norm-free residual networks, pairs, R1 and R2 in every step: R3GAN's settings, narrower",
)
DIFF_AUGMENT = 'augment.operations=["colour", "translate", "cutout"]'
GREY_AUGMENT = 'augment.operations=["translate", "cutout"]'
NO_AUGMENT = "augment.operations=[]"

OURS = {"auto": AUTO, "fast": FAST, "residual": RESIDUAL}

ABLATIONS = {
    "relativistic": AUTO.but("objective.loss=relativistic", about="D rates pairs of a real and a generated image"),
    "r1-r2": AUTO.but("objective.penalty=r1+r2", about="the gradient at generated images is penalised too"),
    "relativistic-r1-r2": AUTO.but(
        "objective.loss=relativistic", "objective.penalty=r1+r2", "objective.penalty_every=1", about="R3GAN's loss"
    ),
    "no-penalty": AUTO.but(
        "objective.penalty=none", "objective.gamma=0", "objective.penalty_every=1", about="no penalty"
    ),
    "no-average": AUTO.but("ema_half_life=0", about="no EMA of G"),
    "augmented": AUTO.but(GREY_AUGMENT, about="D sees shifted and cut images"),
    "width-8": AUTO.but("model.width=8", about="half as many channels"),
    "width-32": AUTO.but("model.width=32", about="twice as many channels"),
    "batch-64": AUTO.but("batch_size=64", about="twice the batch"),
    "batch-128": AUTO.but("batch_size=128", about="four times the batch"),
    "constant-rate": AUTO.but(
        "discriminator_optimizer.lr=1.5e-3", "generator_optimizer.lr=1.5e-3", about="a constant learning rate"
    ),
    "two-passes": AUTO.but(
        "objective.generator_reuses_images=false", about="each of the two steps makes its own images of G"
    ),
}
"""The auto recipe with one thing changed."""


def _images(name: str, split: Split, channels: int, side: int, limit: int = 0) -> tuple[str, ...]:
    shape = (f"data.channels={channels}", f"data.height={side}", f"data.width={side}")
    return (f"data.name={name}", f"data.split={split}", f"data.limit={limit}", "data.skip=0", *shape)


def _few(limit: int) -> Contest:
    return Contest(
        about=f"{limit:,} images of dresses, against the test split's 1,000",
        data=_images("fashion-mnist[3]", "train", 1, 28, limit),
        count=limit,
        against="test",
        seconds=600,
        candidates={
            "plain": AUTO.but(NO_AUGMENT, about="without augmentation"),
            "augmented": AUTO.but(GREY_AUGMENT, about="D sees shifted and cut images"),
        },
        kind="small",
    )


CONTESTS = {
    "fashion-mnist": Contest(
        about="60,000 images of clothes, against the 10,000 of the test split",
        data=_images("fashion-mnist", "train", 1, 28),
        count=60_000,
        against="test",
        seconds=600,
        candidates={FIRST: Candidate(recipe="fashion-dcgan", about="the course page's system"), **OURS, **ABLATIONS},
    ),
    "mnist": Contest(
        about="the 9,000 training digits of the available copy, against its 1,000 test digits",
        data=_images("mnist", "train", 1, 28),
        count=9_000,
        against="test",
        seconds=600,
        candidates={
            FIRST: Candidate(recipe="mnist-dcgan", about="the 2017 article's system", looks=4),
            "repaired": Candidate(recipe="mnist-dcgan:repaired", about="the same, D frozen in G's step", looks=4),
            "small-article": Candidate(recipe="mnist-small-dcgan", about="the other 2017 article's, smaller"),
            "small-repaired": Candidate(recipe="mnist-small-dcgan:repaired", about="the same without its mistakes"),
            **OURS,
        },
    ),
    "notmnist": Contest(
        about="18,724 letters, against themselves: the set has no test split",
        data=_images("notmnist", "train", 1, 28),
        count=18_724,
        against="train",
        seconds=600,
        candidates={
            FIRST: Candidate(recipe="notmnist-dcgan", about="the article's system, reconstructed"),
            "rates-2-to-1": Candidate(recipe="notmnist-dcgan:rates-2-to-1", about="the same at milder rates"),
            **OURS,
        },
    ),
    "cifar-ships": Contest(
        about="6,000 JPEG ships, against themselves: the article trains on both splits",
        data=_images("cifar10[ship]", "both", 3, 32),
        count=6_000,
        against="both",
        seconds=3600,
        images=1000,
        candidates={
            FIRST: Candidate(recipe="cifar-ships", about="the article's system", looks=4),
            "repaired": Candidate(recipe="cifar-ships:repaired", about="the same without its mistakes", looks=4),
            **OURS,
            "augmented": AUTO.but(DIFF_AUGMENT, about="`auto` with DiffAugment"),
        },
    ),
    "cifar10": Contest(
        about="50,000 JPEG images of ten kinds of things, against the 10,000 of the test split",
        data=_images("cifar10", "train", 3, 32),
        count=50_000,
        against="test",
        seconds=3600,
        images=1000,
        candidates={
            FIRST: Candidate(recipe="cifar-ships:repaired", about="the article's system for ships, repaired", looks=4),
            **OURS,
            "width-32": AUTO.but("model.width=32", about="`auto` with twice as many channels"),
        },
    ),
    "small-500": _few(500),
    "small-2000": _few(2000),
    "stacked-mnist": Contest(
        about="128,000 images of three digits, made of the available MNIST digits; 26,000 samples each time",
        data=_images("stacked-mnist", "train", 3, 28),
        count=128_000,
        against="test",
        seconds=3600,
        candidates={
            FIRST: Candidate(recipe="mnist-dcgan", about="the 2017 article's system, in colour"),
            "small-article": Candidate(recipe="mnist-small-dcgan", about="the other 2017 article's, in colour"),
            **OURS,
            "relativistic-r1-r2": ABLATIONS["relativistic-r1-r2"],
        },
        kind="modes",
    ),
}


def names_of(kind: Kind) -> list[str]:
    """The contests of a kind."""
    return [name for name, contest in CONTESTS.items() if contest.kind == kind]
