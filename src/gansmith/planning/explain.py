"""Why `auto` is as it is, in sentences for the user: one for each field that its rules decided."""

from collections.abc import Collection

from gansmith.augment.settings import Augment
from gansmith.recipes import fitting
from gansmith.recipes.fitting import FEW, DatasetFacts
from gansmith.schema import MOST_SHARE, Recipe
from gansmith.text import describe_epochs
from gansmith.training.evaluation import is_measurable


def explain_auto(recipe: Recipe, facts: DatasetFacts, stated: Collection[str]) -> list[str]:
    """The reasons for what the rules decided; fields that the user has `stated` are not explained."""
    count, length = facts.count, recipe.length.images
    network = f"network ({recipe.model.name}, width {recipe.model.model_dump().get('width')})"
    width = f"small {network}: on a CPU, many fast updates beat a wide network"
    if facts.gpu:
        width = f"wide {network}: a GPU has room for it"
    batch = "small batches give many updates"
    if recipe.batch_size < fitting.BATCH_SIZE:
        batch = f"there are only {count:,} images"
    steps = f"{recipe.steps:,} steps: {describe_epochs(length, count)} epochs of {count:,} images"
    if not facts.images:
        steps += ", since neither --budget nor --steps is given"
    ema, half_life = "", recipe.ema_half_life
    if isinstance(half_life, float):
        ema = f"EMA of the generator: half-life {half_life:,.0f} images ({half_life / length:.1%} of the run)"
    sentences = {
        "model.width": width,
        "batch_size": f"batch size {recipe.batch_size}: {batch}",
        "augment.operations": _about_augmentation(recipe.augment, count),
        "length.images": steps,
        "ema_half_life": ema,
        "evaluate.every": _about_evaluations(recipe, facts, stated),
    }
    left_out = {*stated} - {"length.images"}
    if "model.name" in stated:  # the rules chose the width for other networks
        left_out.add("model.width")
    return [text for field, text in sentences.items() if text and field not in left_out]


def about_short_budget(height: int, width: int) -> str:
    """A sentence for images that a short budget made smaller than height x width."""
    return (
        f"images have at most {fitting.SHORT_SIDE_ON_SHORT_BUDGET} pixels on the shorter side: with less than "
        f"{fitting.SHORT_BUDGET / 60:.0f} minutes on a CPU, many small images teach more than few large ones; for "
        f"larger ones: --size {height}x{width}"
    )


def _about_augmentation(augment: Augment, count: int) -> str:
    if not augment.operations:
        return f"augmentation is off: with more than {FEW:,} images ({count:,}), D does not overfit"
    if augment.operations == ("flip",):
        return f"images are mirrored at random; other augmentation is off: with {count:,} images, D does not overfit"
    text = f"augmentation is on ({', '.join(augment.operations)}): {count:,} images are few, and D would overfit"
    if "flip" in augment.operations:
        return text
    return f"{text}; flips are off, since they would mirror text; to allow them: --mirror"


def _about_evaluations(recipe: Recipe, facts: DatasetFacts, stated: Collection[str]) -> str:
    times = recipe.length.images // recipe.evaluate.every if recipe.evaluate.every else 0
    if not (times and is_measurable(recipe, facts.count)):
        return ""  # the run says why
    text = f"evaluated {'once' if times == 1 else f'{times:,} times'} during training, to keep the best checkpoint"
    if recipe.evaluate.images < fitting.EVALUATED and "evaluate.images" not in stated:
        text += f", with {recipe.evaluate.images:,} images each, so that several evaluations fit into the run"
    if facts.most_evaluations == fitting.EVALUATIONS:
        return text
    return f"{text}; more {'would' if facts.evaluations else 'might'} take over {MOST_SHARE:.0%} of the time"
