"""The first run: clothes in two minutes, on images that ship with gansmith."""

from dataclasses import replace

from gansmith.recipes import auto
from gansmith.recipes.base import OURS, Family
from gansmith.recipes.fitting import EXAMPLE
from gansmith.schema import Recipe

STEPS = 4500
EVALUATIONS, EVALUATED = 10, 500
"""So few and seldom: 3 % of the time are 4 seconds."""

FAMILY = Family(article=OURS)


def demo() -> Recipe:
    """Clothes in two minutes on two CPU cores, from the 10,000 images in the package.

    Ours: the auto recipe at that length.

    Command: `gansmith train demo`, or `make demo`.
    """
    facts = replace(EXAMPLE, images=STEPS * auto.BATCH, evaluations=EVALUATIONS)
    found = auto.fitted(facts).recipe
    return found.model_copy(
        update={
            "name": "demo",
            "about": "clothes in two minutes: the auto recipe on the 10,000 images that ship with gansmith",
            "evaluate": found.evaluate.model_copy(update={"images": EVALUATED}),
        }
    )
