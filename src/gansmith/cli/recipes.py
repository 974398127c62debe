"""`gansmith recipes list` and `gansmith recipes show`."""

import sys
import textwrap
from typing import Annotated

from tyro.conf import Positional, arg

from gansmith.cli.options import Changes, Json, option
from gansmith.cli.output import print_json, print_notes
from gansmith.config import toml_value
from gansmith.recipe_file import flat, to_toml
from gansmith.recipes import all_names, family, load_recipe, recipe_names
from gansmith.recipes.base import ARTICLES
from gansmith.schema import Recipe
from gansmith.text import duration


def list_recipes(json_: Json = False) -> None:
    """List the recipes that ship with gansmith and their variants, by the article they come from."""
    if json_:
        listed = [
            {"name": name, "about": load_recipe(name).about, "article": family(name).article.title}
            for name in all_names()
        ]
        print_json(listed)
        return
    families = {name: family(name) for name in recipe_names()}
    blocks = []
    for article in ARTICLES:
        lines = [article.cited()]
        for name, one in families.items():
            if one.article == article:
                lines.append(f"  {name:<20} {load_recipe(name).about}")
                lines += [f"    :{variant:<17} {what.about}" for variant, what in one.variants.items()]
        blocks.append("\n".join(lines))
    sys.stdout.write("\n\n".join(blocks) + "\n")


def show(
    name: Annotated[Positional[str], arg(metavar="NAME|FILE.toml")],
    changes: Changes = (),
    trial: Annotated[bool, option("time a few steps to estimate the training time here")] = False,
    json_: Json = False,
) -> None:
    """Show a recipe: its origin, every setting with its meaning, and the tables of its networks."""
    found = load_recipe(name, changes)
    if json_:
        sys.stdout.write(found.model_dump_json(indent=1) + "\n")
        return
    from gansmith.networks import check_networks

    check_networks(found)
    if not name.endswith(".toml"):
        sys.stdout.write(_describe_origin(found, name) + "\n\n")
    sys.stdout.write(f"{to_toml(found, comments=True)}\n{describe(found)}\n")
    if trial:
        sys.stdout.flush()
        print_notes(["Timing a few steps …"])
        sys.stdout.write(_expected_time(found) + "\n")


def _describe_origin(found: Recipe, name: str) -> str:
    """The article, source and results of the recipe, and how a variant or a change differs from the plain recipe."""
    about = family(name)
    plain = name.partition(":")[0]
    rows = [
        ("article", about.article.cited()),
        ("source", about.source),
        *(("inferred", one) for one in about.inferred),
        ("finding", about.finding),
        ("measured", about.measured),
        *((f"not {plain}", change) for change in _changes(load_recipe(plain), found)),
    ]
    wide = max(len(what) for what, _ in rows)
    wrapped = [
        textwrap.wrap(text, 118, initial_indent=f"{what:<{wide}}  ", subsequent_indent=" " * (wide + 2))
        for what, text in rows
        if text
    ]
    return "\n".join(line for lines in [[f"{found.name}: {found.about}"], *wrapped] for line in lines)


def _changes(plain: Recipe, found: Recipe) -> list[str]:
    """The settings of `found` that are others in `plain`, as "table.field = value (there: value)"."""
    before, after = (flat(one.model_dump(exclude={"name", "about"})) for one in (plain, found))
    shown = {key: (_shown(value), _shown(before.get(key))) for key, value in after.items() if before.get(key) != value}
    return [f"{key} = {here} (there: {there})" for key, (here, there) in shown.items()]


def _shown(value: object) -> str:
    """A value as people write it."""
    return toml_value(value) if isinstance(value, float) else repr(value)


def describe(recipe: Recipe) -> str:
    """The tables of both networks: layer, output shape, parameters; and the totals."""
    from gansmith.networks import network_tables

    blocks = []
    for title, table in network_tables(recipe).items():
        rows = [("layer", "output", "parameters")]
        for row in table.layers:
            kind = f"{row.kind} (by {row.side_input})" if row.side_input else row.kind
            rows.append((kind, " × ".join(map(str, row.shape)), f"{row.parameters:,}"))
        wide = [max(len(row[column]) for row in rows) for column in range(3)]
        rule = "─" * (sum(wide) + 4)
        lines = [f"{kind:<{wide[0]}}  {shape:<{wide[1]}}  {count:>{wide[2]}}" for kind, shape, count in rows]
        totals = (("total", table.total), ("trainable", table.trainable), ("non-trainable", table.non_trainable))
        lines = [title, rule, lines[0], rule, *lines[1:], rule]
        lines += [f"{what:<{wide[0]}}  {'':<{wide[1]}}  {f'{count:,}':>{wide[2]}}" for what, count in totals]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _expected_time(recipe: Recipe) -> str:
    from gansmith.engine import make_engine
    from gansmith.planning.trial import at_worst_case, seconds_per_step

    engine = make_engine("auto", recipe.precision)
    seconds = seconds_per_step(at_worst_case(recipe), engine)
    return (
        f"about {duration(recipe.steps * seconds)} on this machine ({engine.device}, {engine.precision}): "
        f"{recipe.steps:,} steps × {seconds:.3g} s, estimated from a few steps, without evaluations and checkpoints"
    )


VERBS = {"list": list_recipes, "show": show}
"""The verbs of `gansmith recipes`."""
