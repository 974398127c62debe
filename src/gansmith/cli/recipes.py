"""`gansmith recipes list` and `gansmith recipes show`."""

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from gansmith.cli.options import Changes, Json, call_one_of, option

if TYPE_CHECKING:
    from gansmith.schema import Recipe


def main(arguments: Sequence[str]) -> None:
    """Read the options and list or show."""
    call_one_of({"list": list_recipes, "show": show}, "gansmith recipes", arguments)


def list_recipes(json_: Json = False) -> None:
    """List the recipes that ship with gansmith."""
    from gansmith.recipes import recipe, recipe_names

    found = [recipe(name) for name in recipe_names()]
    if json_:
        sys.stdout.write(json.dumps([{"name": r.name, "about": r.about} for r in found], indent=1) + "\n")
        return
    for one in found:
        sys.stdout.write(f"{one.name:<16} {one.about}\n")


def show(
    name: Annotated[Positional[str], arg(metavar="NAME|FILE.toml")],
    changes: Changes = (),
    no_trial: Annotated[bool, option("do not run three steps to estimate the time")] = False,
    json_: Json = False,
) -> None:
    """Show a recipe: every setting and what it means, the networks' tables, and the time it takes here."""
    from gansmith.recipe_file import to_toml
    from gansmith.recipes import recipe

    found = recipe(name, changes)
    if json_:
        sys.stdout.write(found.model_dump_json(indent=1) + "\n")
        return
    sys.stdout.write(f"{to_toml(found, comments=True)}\n{describe(found)}\n")
    if not no_trial:
        sys.stdout.write(_expected_time(found) + "\n")


def describe(recipe: "Recipe") -> str:
    """The tables of both networks: layer, output shape, parameters; and the totals."""
    from gansmith.report import network_tables

    blocks = []
    for title, table in network_tables(recipe).items():
        rows = [("layer", "output", "parameters")]
        rows += [(row.kind, " × ".join(map(str, row.shape)), f"{row.parameters:,}") for row in table.layers]
        wide = [max(len(row[column]) for row in rows) for column in range(3)]
        rule = "─" * (sum(wide) + 4)
        lines = [f"{kind:<{wide[0]}}  {shape:<{wide[1]}}  {count:>{wide[2]}}" for kind, shape, count in rows]
        totals = (("total", table.total), ("trainable", table.trainable), ("non-trainable", table.non_trainable))
        lines = [title, rule, lines[0], rule, *lines[1:], rule]
        lines += [f"{what:<{wide[0]}}  {'':<{wide[1]}}  {f'{count:,}':>{wide[2]}}" for what, count in totals]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _expected_time(recipe: "Recipe") -> str:
    from gansmith.training.engine import make_engine
    from gansmith.training.reporting import duration
    from gansmith.training.trial import seconds_per_step

    engine = make_engine("auto", recipe.precision)
    seconds = seconds_per_step(recipe, engine)
    return (
        f"expected time on this machine ({engine.device}, {engine.precision}): {recipe.steps:,} steps "
        f"of {seconds:.3f} s = {duration(recipe.steps * seconds)}, from a trial of 3 steps"
    )
