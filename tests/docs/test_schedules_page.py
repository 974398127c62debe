"""The page on schedules says what the code does: its keys, its fields, its commands and its example."""

import re
from pathlib import Path

import pytest

from gansmith import recipe
from gansmith.augment.operations import OPERATIONS
from gansmith.config import Schedule, Settings, value_at
from gansmith.errors import RecipeError
from gansmith.recipe_file import override

PAGE = (Path(__file__).parents[2] / "docs" / "schedules.md").read_text(encoding="utf-8")
PLAIN, BURN_IN = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def first_cells(heading):
    rows = PAGE.split(f"| {heading} |")[1].split("\n\n")[0].splitlines()[2:]
    return [name for row in rows for name in re.findall(r"`([\w.]+)`", row.split(" | ")[0])]


CONSTANT = ["generator_optimizer.lr=1e-3", "discriminator_optimizer.lr=1e-3"]
"""A schedule set on a schedule would be merged into it."""


def made(tmp_path, text):
    (tmp_path / "mine.toml").write_text('from = "auto"\n' + text)
    return recipe(str(tmp_path / "mine.toml"))


def test_every_key_is_there():
    assert first_cells("key") == [*Schedule.model_fields]


def test_exactly_the_fields_that_may_move_are_there():
    """Every number of a recipe is tried: those that are not on the page refuse a schedule."""
    others = ["objective.penalty=r1", "objective.gamma=1.0", "ema_half_life=5.0", 'augment.operations=["flip"]']
    base = recipe("auto", [*CONSTANT, *others])
    accepted = []
    for table, value in base:
        for name, number in value if isinstance(value, Settings) else [(table, value)]:
            field = name if name == table else f"{table}.{name}"
            if isinstance(number, int | float) and not isinstance(number, bool):
                try:
                    override(base, [f"{field}={{start = 0.5, end = 0.25, until = 5}}"])
                    accepted.append(field)
                except RecipeError:
                    pass
    assert sorted(accepted) == sorted(first_cells("field"))


def test_the_pages_commands_are_accepted(tmp_path):
    mine = made(tmp_path, PLAIN)
    assert mine.generator_optimizer.lr == Schedule(start=0.0015, end=0.0, begin=20_000, until=90_000)
    settings = re.findall(r"^    gansmith train (\S+) --set '?(.*?)'?$", PAGE, re.MULTILINE)
    assert [name for name, _ in settings] == ["mine.toml", "mine.toml", "demo"]
    rates = [
        override(mine if name == "mine.toml" else recipe(name), [text]).generator_optimizer.lr
        for name, text in settings
    ]
    assert rates == [
        Schedule(start=0.0015, end=1e-4, begin=20_000, until=90_000),
        1e-3,
        Schedule(start=5e-4, end=0.0, until=90_000),
    ]


def test_the_burn_in_is_a_recipe_that_moves_everything_that_may_move(tmp_path):
    mine = made(tmp_path, BURN_IN)
    moving = [mine.ema_half_life, mine.objective.gamma, mine.augment.probability]
    moving += [one for of in (mine.discriminator_optimizer, mine.generator_optimizer) for one in (of.lr, of.beta2)]
    assert all(isinstance(one, Schedule) and one.until == 20_000_000 for one in moving)
    assert value_at(mine.objective.gamma, 10_000_000) == pytest.approx(0.0275)
    assert mine.augment.operations == tuple(OPERATIONS)
