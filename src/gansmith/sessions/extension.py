"""A run that goes on beyond its length: its learning rates begin anew and fall to their ends at the new length.

benchmarks/quality/continuing.py compares this with rates that stay at their ends, and with stretched schedules.
"""

from collections.abc import Iterator

from gansmith.config import Schedule
from gansmith.runs.run import Run
from gansmith.schema import Recipe

OPTIMIZERS = ("discriminator_optimizer", "generator_optimizer")
"""Tables of a recipe with a learning rate."""


def extended(trained: Recipe, wanted: Recipe) -> Recipe:
    """`wanted`, longer than `trained`, with schedules that fill the images between the two lengths; or as it is.

    A schedule begins anew if it is a fall of the learning rate in the second half of the run: one that ends earlier is
    a warm-up, and one that ends later goes on. Before the old length the rate is that of the start. The result depends
    on the two recipes alone, so a command that was killed can be given again.
    """
    old, new = trained.length.images, wanted.length.images
    if new <= old:
        return wanted
    updates = {}
    for name in OPTIMIZERS:
        settings, rate = getattr(wanted, name), getattr(wanted, name).lr
        if isinstance(rate, Schedule) and rate == getattr(trained, name).lr and _is_fall_to_end(rate, trained):
            begin = old + round((new - old) * rate.begin / rate.until)
            anew = rate.model_copy(update={"begin": min(begin, new - 1), "until": new})
            updates[name] = settings.model_copy(update={"lr": anew})
    return wanted.model_copy(update=updates)


def without_extension(trained: Recipe, wanted: Recipe) -> Recipe:
    """`wanted` with the rates of `trained`, if it differs from that only by the extension.

    A recipe.toml is such when a command was killed after it had written that, and before run.json.
    """
    settings = {name: getattr(wanted, name) for name in OPTIMIZERS}
    before = {name: one.model_copy(update={"lr": getattr(trained, name).lr}) for name, one in settings.items()}
    plain = wanted.model_copy(update=before)
    return plain if extended(trained, plain) == wanted else wanted


def _is_fall_to_end(rate: Schedule, recipe: Recipe) -> bool:
    """Whether the rate falls, and has reached its end in the second half of the run; until the last batch is enough."""
    length = recipe.length.images
    return rate.end < rate.start and length / 2 < rate.until < length + recipe.batch_size


def notes_on_extension(trained: Recipe, recipe: Recipe) -> list[str]:
    """A sentence on each learning rate of a run that goes on beyond its length, if it has a schedule."""
    return [] if recipe.length.images <= trained.length.images else [*_about_rates(trained, recipe)]


def _about_rates(trained: Recipe, recipe: Recipe) -> Iterator[str]:
    rates = {f"{name}.lr": (getattr(trained, name).lr, getattr(recipe, name).lr) for name in OPTIMIZERS}
    for field, (old, rate) in rates.items():
        if not isinstance(rate, Schedule):
            continue
        if rate != old:
            begin, until = (-(-images // recipe.batch_size) for images in (rate.begin, rate.until))
            yield (
                f"{field} begins anew: {rate.start:.3g} until step {begin:,}, then down to {rate.end:.3g} at step "
                f"{until:,}"
            )
        elif rate.until <= trained.length.images:
            yield (
                f"{field} stays at {rate.end:.3g}, where its schedule ended; for another learning rate, start a new "
                f"run: --fork --set {field}=.."
            )


def with_extension(run: Run, trained: Recipe, recipe: Recipe) -> dict[str, list[dict]]:
    """What run.json says of a run that was made longer: each time, its old and new length and its old rates."""
    kept = run.info().get("extensions")
    kept = kept if isinstance(kept, list) else []
    if recipe.length.images <= trained.length.images:
        return {"extensions": kept} if kept else {}
    rates = {f"{name}.lr": getattr(trained, name).model_dump(mode="json")["lr"] for name in OPTIMIZERS}
    lengths = {"from_images": trained.length.images, "to_images": recipe.length.images}
    return {"extensions": [*kept, {**lengths, "rates_before": rates}]}
