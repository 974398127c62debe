"""Decodes the images of a set as one: by the same levels, and within a budget of pixels in few bytes."""

from collections.abc import Callable, Iterable, Iterator

from gansmith.data.images.budget import OVER_BUDGET, Budget
from gansmith.data.images.decode import DecodedImage, dropped
from gansmith.data.images.levels import Levels, levels_of
from gansmith.data.images.pool import Decoders, Job
from gansmith.data.images.resize import ImageShape


class SetDecoder:
    """Decodes a set of `count` files, of which `jobs(start)` gives those from a position on.

    `levels` are those of the set once an image of more than 8 bits was met; until then nothing looks for them. Such a
    set is read twice: all its images are measured before the first is used.
    """

    def __init__(self, decoders: Decoders, jobs: Callable[[int], Iterable[Job]], count: int, spent: int = 0):
        self.levels: Levels | None = None
        self._decoders, self._jobs, self._count, self._budget = decoders, jobs, count, Budget(count, spent)

    def decode(self, start: int, shape: ImageShape | None = None) -> Iterator[DecodedImage]:
        """The images from position `start` on, in order; the same for any start and any number of processes."""
        position = start
        for image in self._decoders.decode(self._jobs(start), shape, budget=self._budget):
            if image.span is not None:
                break
            yield self._within_budget(image)
            position += 1
        else:
            return
        self.levels = self._measure()
        for image in self._decoders.decode(self._jobs(position), shape, self.levels, self._budget):
            yield self._within_budget(image)

    def _measure(self) -> Levels:
        """The levels of all images, from the first on, within a budget of its own."""
        budget = Budget(self._count)
        measured = self._decoders.measure(self._jobs(0), budget)
        return levels_of(image.span for image in measured if budget.spend(image.excess) and image.span)

    def _within_budget(self, image: DecodedImage) -> DecodedImage:
        """Decided here and in order, so that the number of processes does not matter; they only spare themselves work.

        A damaged image costs what a whole one does: it was tried.
        """
        return image if self._budget.spend(image.excess) else dropped(OVER_BUDGET, is_image=True)
