"""One learning rate for both networks."""

from gansmith.config import Schedule, product, toml_value
from gansmith.errors import RecipeError
from gansmith.schema import Recipe


def rate_changes(recipe: Recipe, rate: float) -> list[str]:
    """The changes that give both optimisers of the recipe this learning rate; one that falls falls by as much.

    Raises RecipeError where they have different rates, since their ratio is the recipe's choice, and for no rate.
    """
    if not (isinstance(rate, int | float) and 0 < rate < float("inf")):
        raise RecipeError(f"lr {rate} is no learning rate; give more than 0, such as 2e-4.")
    given = toml_value(rate)
    tables = ("discriminator_optimizer", "generator_optimizer")
    own, other = (getattr(recipe, table).lr for table in tables)
    if own != other:
        settings = [f"--set {table}.lr={given}" for table in tables]
        rates = [one if isinstance(one, Schedule) else toml_value(one) for one in (own, other)]
        raise RecipeError(
            f"lr {given} is one rate, and {recipe.name} has {rates[0]} for D and {rates[1]} for G; set each: "
            f"{' '.join(settings)}"
        )
    if not isinstance(own, Schedule):
        return [f"{table}.lr={given}" for table in tables]
    factor = rate / max(own.start, own.end)
    ends = {"start": product(own.start, factor), "end": product(own.end, factor)}
    # begin and until follow from the length, which may not be known yet
    return [f"{table}.lr.{end}={toml_value(value)}" for table in tables for end, value in ends.items()]
