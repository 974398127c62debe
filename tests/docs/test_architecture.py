"""The tour of the code names files and folders that there are, and the layers that the linter checks."""

import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "gansmith"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted({*re.findall(r"`([a-z_/0-9]+(?:/|\.py))`", PAGE)}))
def test_every_file_and_folder_of_the_tour_is_there(path):
    assert (SOURCE / path).exists()


@pytest.mark.parametrize("path", sorted({*re.findall(r"`((?:src|tests|docs|benchmarks)/[\w/.-]*)`", CONTRIBUTING)}))
def test_every_file_that_a_contributor_is_sent_to_is_there(path):
    assert (ROOT / path).exists()


@pytest.mark.parametrize(("name", "file"), re.findall(r"`([A-Za-z_]+)(?:\([\w, ]*\))?` (?:in|of) `([\w/]+\.py)`", PAGE))
def test_every_name_that_the_tour_finds_in_a_file_is_defined_there(name, file):
    assert re.search(rf"^(?:def |class |){name}\b", (SOURCE / file).read_text(encoding="utf-8"), re.M)


def test_the_rooms_stand_in_the_order_of_the_layers():
    layers = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]["layers"]
    order = {name.strip(): number for number, layer in enumerate(layers) for name in layer.split("|")}
    rows = PAGE.split("| folder or file |")[1].split("\n\n")[0].splitlines()[2:]
    found = [re.findall(r"`([a-z_]+)(?:/|\.py)`", row.split("|")[1]) for row in rows]
    assert {name for row in found for name in row} | {"version"} == {*order}
    numbers = [[order[name] for name in row] for row in found]
    assert all(max(one) <= min(other) for one, other in pairwise(numbers))
