"""The first run: clothes in two minutes, on images that ship with gansmith."""

from dataclasses import replace

from gansmith.recipe_file import override
from gansmith.recipes.auto import auto
from gansmith.recipes.base import OURS, Family
from gansmith.recipes.fitting import BATCH_SIZE, EXAMPLE
from gansmith.schema import Recipe

STEPS = 4500
"""Steps of the run: two minutes on two CPU cores."""
EVALUATIONS = 10
"""Evaluations of the run; so few take 4 seconds, 3 % of the time."""
EVALUATED = 500
"""Samples, and real images, of each evaluation."""

FAMILY = Family(article=OURS)


def demo() -> Recipe:
    """Images of clothes in two minutes on two CPU cores, from the 10,000 images in the package.

    Ours: the recipe auto at that length.

    Command: `gansmith train demo`, or `make demo`.
    """
    facts = replace(EXAMPLE, images=STEPS * BATCH_SIZE, evaluations=EVALUATIONS)
    found = override(auto(facts), [f"evaluate.images={EVALUATED}"])
    about = "clothes in two minutes: the recipe auto on the 10,000 images that ship with gansmith"
    return found.model_copy(update={"name": "demo", "about": about})
