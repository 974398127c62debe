"""What every recipe file has besides its function: its article, its variants, and what is known of the results."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gansmith.schema import Length


@dataclass(frozen=True, kw_only=True, slots=True)
class Article:
    """The article that recipes come from; `recipes list` groups them by it."""

    title: str
    author: str
    date: str

    def cited(self) -> str:
        """Title, author and date on a line."""
        return f"{self.title}: {self.author}, {self.date}"


OURS = Article(title="gansmith's own recipes", author="gansmith", date="2026")

EXAMPLE = Article(
    title="GAN by Example using Keras on Tensorflow Backend", author="Rowel Atienza", date="29 March 2017"
)
COURSE = Article(title="Generative Adversarial Networks (course page)", author="Baptiste Pesquet", date="2020")
LETTERS = Article(title="Letters of notMNIST, an article on Medium", author="Zhihang Liu", date="7 April 2017")
HAVING_FUN = Article(title="Having Fun with Deep Convolutional GANs", author="Naoki Shibuya", date="November 2017")
FIRST_GAN = Article(title="My First GAN", author="Jake Tae", date="25 February 2020")

ARTICLES = (OURS, EXAMPLE, COURSE, LETTERS, HAVING_FUN, FIRST_GAN)
"""In the order in which they are listed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """A name for arguments of the recipe's function: NAME:VARIANT, or NAME:VARIANT:VARIANT."""

    about: str
    """The difference to the plain recipe, shown after the recipe's own line."""
    arguments: Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """What is known of a recipe and its variants."""

    article: Article
    source: str = ""
    """The author's own code, and the framework of the time."""
    inferred: tuple[str, ...] = ()
    """Settings that neither the article nor its code gives, and the reason for each value."""
    finding: str = ""
    """What the author found."""
    shows: tuple[str, ...] = ()
    """Which figures the article has: samples, on the way, reals, losses, evolution, networks."""
    measured: str = ""
    """The results measured here."""
    variants: Mapping[str, Variant] = field(default_factory=dict)
    sets_itself: bool = False
    """Whether the recipe's function takes DatasetFacts and sets the recipe from them."""


def length_in_steps(batch_size: int, steps: int, *, log: int, sample: int, checkpoint: int) -> Length:
    """A length, and intervals of logs, sample grids and checkpoints, that are given in steps."""
    return Length(
        images=steps * batch_size,
        log_every=log * batch_size,
        sample_every=sample * batch_size,
        checkpoint_every=checkpoint * batch_size,
    )


def scenario(number: int, about: str) -> Variant:
    """One of the settings that an author tried."""
    return Variant(about=about, arguments={"scenario": number})


def repaired(about: str) -> Variant:
    """The original without its mistakes."""
    return Variant(about=about, arguments={"repaired": True})
