"""How many evaluations a run has time for, and of how many images each."""

from collections.abc import Mapping
from dataclasses import dataclass

from gansmith.recipes.fitting import SEVERAL
from gansmith.schema import MOST_SHARE


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluations:
    """The evaluations of a run."""

    times: int
    """How often, at most; 0 leaves it to the recipe."""
    images: int
    """Samples, and real images, of each; 0 leaves it to the recipe."""
    seconds: float
    """Seconds of one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prices:
    """What an evaluation takes: of as many images as the recipe asks for, and of the fewest that mean something."""

    images: int
    seconds: float
    fewest_images: int
    fewest_seconds: float

    def seconds_of(self, images: int) -> float:
        """Seconds of an evaluation of so many images, on the straight line through both."""
        return self.fewest_seconds + self._each * (images - self.fewest_images)

    def images_within(self, seconds: float) -> int:
        """The most images, in two significant digits, that an evaluation of so many seconds can have."""
        if not self._each or seconds >= self.seconds:
            return self.images if seconds >= self.seconds else self.fewest_images
        number = int(self.fewest_images + (seconds - self.fewest_seconds) / self._each)
        return max(rounded_down(max(number, 0)), self.fewest_images)

    @property
    def _each(self) -> float:
        more = self.images - self.fewest_images
        return max(self.seconds - self.fewest_seconds, 0.0) / more if more else 0.0


def affordable(seconds: float, most: int, prices: Prices | None) -> Evaluations:
    """At most `most` evaluations that take at most their share of so many seconds; at least one, if there are any.

    Several of fewer images come before fewer of as many as the recipe asks for. Without prices nothing is evaluated.
    """
    if not most or prices is None:
        return Evaluations(times=most, images=0, seconds=0.0)
    share, several = MOST_SHARE * seconds, min(SEVERAL, most)
    times = min(int(share / prices.seconds), most)
    if times >= several:
        return Evaluations(times=times, images=0, seconds=prices.seconds)
    images = prices.images_within(share / several)
    each = prices.seconds_of(images)
    return Evaluations(times=min(max(int(share / each), 1), several), images=images, seconds=each)


def with_evaluations(seconds: Mapping[str, float], evaluations: Evaluations) -> dict[str, float]:
    """The seconds of each work, with those of one of these evaluations if the run makes any."""
    return {**seconds, "evaluation": evaluations.seconds} if evaluations.seconds else {**seconds}


def rounded_down(number: int) -> int:
    """The number rounded down to two significant digits."""
    unit = 10 ** max(len(str(number)) - 2, 0)
    return number // unit * unit
