"""The page on objectives says what the tables say: every entry, its source, and nothing besides."""

import re
from pathlib import Path

from gansmith import recipe
from gansmith.augment.operations import OPERATIONS
from gansmith.augment.settings import Augment
from gansmith.objectives.adversarial import LOSSES
from gansmith.objectives.penalties import PENALTIES
from gansmith.objectives.settings import Objective
from tests.helpers.listed import assert_listed

PAGE = (Path(__file__).parents[2] / "docs" / "objectives.md").read_text(encoding="utf-8")


def table(heading):
    """First cell -> the others, of the table under a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in section.splitlines() if row[:3] == "| `"]
    return {first.strip("`"): cells for first, *cells in rows}


def test_every_entry_has_its_row():
    for heading, entries in {"Losses": LOSSES, "Penalties": PENALTIES, "Augmentation": OPERATIONS}.items():
        assert_listed(entries, table(heading), f"the table under '{heading}' of docs/objectives.md")


def test_every_loss_is_there_with_its_source():
    assert {name: cells[-1] for name, cells in table("Losses").items()} == {
        name: loss.source for name, loss in LOSSES.items()
    }


def test_every_penalty_is_there_with_its_source_and_what_it_draws():
    assert {name: cells[-2:] for name, cells in table("Penalties").items()} == {
        name: [penalty.draws, penalty.source] for name, penalty in PENALTIES.items()
    }


def test_every_operation_is_there_as_its_entry_describes_it():
    assert {name: cells for name, cells in table("Augmentation").items()} == {
        name: [operation.about, operation.source] for name, operation in OPERATIONS.items()
    }


def test_every_field_of_both_tables_that_is_new_is_explained():
    explained = {"loss", "weight_clip", "penalty", "gamma", "penalty_every", *Augment.model_fields}
    assert explained <= {*Objective.model_fields, *Augment.model_fields}
    for name in explained:
        assert re.search(rf"\b{name}\b", PAGE), name


def test_the_pages_command_and_settings_are_accepted():
    settings = re.findall(r"--set (\S+)", PAGE)
    assert len(settings) == 3
    recipe("auto", settings)
    ada = re.search(r"`target = ([\d.]+)` and `speed = ([\d_]+)`", PAGE)
    diffaugment = re.search(r"`operations = (\[.*?\])`", PAGE)
    made = recipe(
        "auto",
        [f"augment.target={ada[1]}", f"augment.speed={ada[2]}", f"augment.operations={diffaugment[1]}"],
    )
    assert made.augment.speed == 500_000


def test_the_pages_recipe_of_the_other_signal_is_accepted(tmp_path):
    (tmp_path / "mine.toml").write_text('from = "auto"\n' + re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[-1])
    made = recipe(str(tmp_path / "mine.toml"))
    assert (made.augment.signal, made.augment.target, made.evaluate.validation) == ("validation", 0.5, 500)
