"""`gansmith recipes list` and `gansmith recipes show`."""

import json
import sys
import textwrap
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
    """List the recipes that ship with gansmith by the article they come from, with their variants."""
    from gansmith.recipes import all_names, family, recipe, recipe_names
    from gansmith.recipes.base import ARTICLES

    if json_:
        facts = [
            {"name": name, "about": recipe(name).about, "article": family(name).article.title} for name in all_names()
        ]
        sys.stdout.write(json.dumps(facts, indent=1) + "\n")
        return
    families = {name: family(name) for name in recipe_names()}
    blocks = []
    for article in ARTICLES:
        lines = [article.cited()]
        for name, one in families.items():
            if one.article == article:
                lines.append(f"  {name:<20} {recipe(name).about}")
                lines += [f"    :{variant:<17} {what.about}" for variant, what in one.variants.items()]
        blocks.append("\n".join(lines))
    sys.stdout.write("\n\n".join(blocks) + "\n")


def show(
    name: Annotated[Positional[str], arg(metavar="NAME|FILE.toml")],
    changes: Changes = (),
    no_trial: Annotated[bool, option("take no steps to estimate the time")] = False,
    json_: Json = False,
) -> None:
    """Show a recipe: its origin, every setting and what it means, the networks' tables, and the time it takes here."""
    from gansmith.recipe_file import to_toml
    from gansmith.recipes import recipe

    found = recipe(name, changes)
    if json_:
        sys.stdout.write(found.model_dump_json(indent=1) + "\n")
        return
    if not name.endswith(".toml"):
        sys.stdout.write(_origin(found, name) + "\n\n")
    sys.stdout.write(f"{to_toml(found, comments=True)}\n{describe(found)}\n")
    if not no_trial:
        sys.stdout.write(_expected_time(found) + "\n")


def _origin(found: "Recipe", name: str) -> str:
    """What the recipe's file says of it, and where a variant or a change differs from the plain recipe."""
    from gansmith.recipes import family, recipe

    about = family(name)
    plain = name.partition(":")[0]
    facts = [
        ("article", about.article.cited()),
        ("source", about.source),
        *(("inferred", one) for one in about.inferred),
        ("found", about.finding),
        ("here", about.measured),
        *((f"not {plain}", change) for change in _changes(recipe(plain), found)),
    ]
    wide = max(len(what) for what, _ in facts)
    wrapped = [
        textwrap.wrap(text, 118, initial_indent=f"{what:<{wide}}  ", subsequent_indent=" " * (wide + 2))
        for what, text in facts
        if text
    ]
    return "\n".join(line for lines in [[f"{found.name}: {found.about}"], *wrapped] for line in lines)


def _changes(plain: "Recipe", found: "Recipe") -> list[str]:
    """The settings of `found` that are others in `plain`, as "table.field = value (there: value)"."""
    from gansmith.recipe_file import flat

    before, after = (flat(one.model_dump(exclude={"name", "about"})) for one in (plain, found))
    return [
        f"{key} = {value!r} (there: {before.get(key)!r})" for key, value in after.items() if before.get(key) != value
    ]


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
    from gansmith.engine import make_engine
    from gansmith.planning.trial import at_worst_case, seconds_per_step
    from gansmith.text import duration

    engine = make_engine("auto", recipe.precision)
    seconds = seconds_per_step(at_worst_case(recipe), engine)
    return (
        f"expected time on this machine ({engine.device}, {engine.precision}): {recipe.steps:,} steps "
        f"of {seconds:.3g} s = {duration(recipe.steps * seconds)}, by a trial of some, without what comes between them"
    )
