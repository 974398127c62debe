"""What every recipe file says besides its function: its article, its variants, and what is known of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gansmith.recipes.fitting import DatasetFacts, Fitted


@dataclass(frozen=True, kw_only=True, slots=True)
class Article:
    """Where recipes come from; `recipes list` groups them by it."""

    title: str
    author: str
    date: str

    def cited(self) -> str:
        """Title, author and date on a line."""
        return f"{self.title}: {self.author}, {self.date}"


OURS = Article(title="Of our own", author="gansmith", date="2026")

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
    """What differs, to follow the recipe's own line."""
    arguments: Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """What a recipe file says of its recipe."""

    article: Article
    source: str = ""
    """The author's own code, and the framework of the time."""
    inferred: tuple[str, ...] = ()
    """What is not in the article or its code, and why it is taken to be so."""
    finding: str = ""
    """What the author found."""
    shows: tuple[str, ...] = ()
    """Which figures the article has: samples, on the way, reals, losses, evolution, networks."""
    measured: str = ""
    """What came of it here."""
    variants: Mapping[str, Variant] = field(default_factory=dict)
    fitted: Callable[[DatasetFacts], Fitted] | None = None
    """How the recipe sets itself from the images, if it does."""


def scenario(number: int, about: str) -> Variant:
    """One of the settings that an author tried."""
    return Variant(about=about, arguments={"scenario": number})


def repaired(about: str) -> Variant:
    """The original without its mistakes."""
    return Variant(about=about, arguments={"repaired": True})
