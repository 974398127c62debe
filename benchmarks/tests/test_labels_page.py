"""The page on labels: its commands work as written, its names are there, its table is that of the results."""

import re
import runpy
import shlex
from pathlib import Path

import numpy as np
import pytest

from gansmith.cli.main import main
from gansmith.models.base import model_config, model_names
from gansmith.planning.classes import MOST_CLASSES_IN_GRID
from gansmith.recipe_file import recipe_of
from gansmith.runs.run import Run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "labels.md").read_text(encoding="utf-8")
MADE = runpy.run_path(str(ROOT / "benchmarks/quality/conditional.py"))


def test_the_commands_and_the_snippet_do_what_the_page_says():
    train, *samples = re.findall(r"^    gansmith (.+)$", PAGE, re.M)
    assert main([*shlex.split(train), "--steps", "2", "--set", "batch_size=4", "--set", "model.width=8"]) == 0
    assert recipe_of(Run(Path("runs/00001-demo"))).data.num_classes == 10
    for sample in samples:
        assert main(shlex.split(sample)) == 0
    assert np.load("shoes.npy").shape == (200, 28, 28, 1)
    assert Path("bags.png").is_file()
    (snippet,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
    said = {}
    exec(snippet, said)
    assert said["bags"].shape == (16, 28, 28, 1)


def test_the_models_that_the_page_names_are_those_that_are_conditional():
    able = {name for name in model_names() if model_config({"name": name}).is_conditional}
    (said,) = re.findall(r"The models ((?:`[\w-]+`(?: and |, )?)+) do so", " ".join(PAGE.split()))
    assert {*re.findall(r"`([\w-]+)`", said)} == able


def test_the_width_up_to_which_classes_have_columns_is_the_codes():
    assert f"more than {MOST_CLASSES_IN_GRID} classes" in " ".join(PAGE.split())


def test_the_table_is_what_its_script_makes_of_the_results():
    assert MADE["with_table"](PAGE, MADE["kept"](MADE["RESULT"])) == PAGE, (
        "run: python -m benchmarks.quality.conditional --page"
    )


def test_a_table_has_a_row_for_each_set_with_its_worst_class():
    def found(value, **classes):
        return {"share": {"value": value, "low": value - 0.01, "high": value + 0.01}, "classes": classes}

    one = {"recipe": "thin", "changes": ["batch_size=8"], "images": 12345}
    one |= {"generated": found(0.91, bag=0.95, shirt=0.7), "real": found(0.94, bag=0.99, shirt=0.8)}
    cells = "12,345 | 91.0% (90.0 to 92.0) | shirt 70.0% | 94.0% (93.0 to 95.0) | shirt 80.0%"
    assert f"| `clothes` | `thin` `batch_size=8` | {cells} |" in MADE["table"]({"clothes": one}).splitlines()
    assert MADE["table"]({}) == ""


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_share_named_as_asked_is_counted_by_the_classifiers_numbers(share):
    seen = {"a": np.array([4] * round(10 * share) + [1] * round(10 * (1 - share))), "b": np.array([1] * 10)}
    found = MADE["named_right"](seen, ("a", "b"), [4, 1])
    assert found["classes"] == {"a": share, "b": 1.0}
    assert found["share"]["value"] == (share + 1) / 2
