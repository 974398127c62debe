"""The reference pages say what the code says: every command, option, field, metric, objective and exit code."""

import re
import runpy
from pathlib import Path

import pytest

import gansmith
from gansmith import recipe
from gansmith.cli.main import VERBS
from gansmith.evaluation.table import METRICS
from gansmith.models.base import model_config, model_names
from gansmith.recipe_file import to_toml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "reference"
MADE = runpy.run_path(str(ROOT / "docs" / "make_reference.py"))


@pytest.fixture(scope="module")
def reference():
    return MADE["pages"]()


def test_the_pages_are_what_their_script_makes_of_the_code(reference):
    assert {path.name for path in FOLDER.iterdir()} == {*reference}
    for name, text in reference.items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, "run: make docs"


def test_the_pages_do_not_depend_on_the_terminal(reference, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    assert MADE["cli_page"]() in reference["cli.md"]


def test_every_command_has_a_section_and_every_option_a_row(reference):
    page = reference["cli.md"]
    for verb in VERBS:
        assert f"\n## gansmith {verb}\n" in page
    for command in ("recipes show", "data check", "runs compare", "runs rm"):
        assert f"\n### gansmith {command}\n" in page
    train = page.split("\n## gansmith train\n")[1].split("\n## ")[0]
    for option in ("--data", "--budget", "--set", "--seed", "--dry-run", "--json"):
        assert re.search(rf"^\| `{option}\b", train, re.M), option


def test_every_field_of_a_written_recipe_has_a_row(reference):
    page, table = reference["recipe.md"], ""
    for line in to_toml(recipe("auto")).splitlines():
        if line.startswith("["):
            table = line
        elif line:
            heading = table or "The recipe itself"
            section = re.search(rf"\n##+ {re.escape(heading)}.*?(?=\n## |\Z)", page, re.S)
            assert section, heading
            assert f"\n| `{line.split(' = ')[0]}` |" in page[section.start() :], line


def test_every_model_with_its_own_fields_is_there(reference):
    for name in model_names():
        section = reference["recipe.md"].split(f'\n### [model], name = "{name}"\n')[1].split("\n##")[0]
        for field in type(model_config({"name": name})).model_fields:
            assert f"\n| `{field}` |" in section, (name, field)


def test_every_metric_links_to_the_file_that_computes_it(reference):
    for name in METRICS:
        row = re.search(rf"^\| `{name}` \|.*$", reference["metrics.md"], re.M)
        links = re.findall(r"\]\((.+?)\)", row[0])
        assert links, name
        assert all((FOLDER / link).is_file() for link in links), name


def test_every_public_name_of_the_package_has_its_call_and_its_docstring(reference):
    for name in ("build", "load", "recipe", "train"):
        section = reference["python.md"].split(f"\n## gansmith.{name}\n")[1].split("\n## ")[0]
        assert f"```python\ngansmith.{name}(\n" in section
        assert (getattr(gansmith, name).__doc__ or "").splitlines()[0] in section


def test_every_module_is_listed_once_and_its_link_leads_to_it(reference):
    links = re.findall(r"\]\((\.\./\.\./src/.+?)\)", reference["modules.md"])
    files = {(FOLDER / link).resolve() for link in links}
    assert len(files) == len(links)
    assert files == {path for path in (ROOT / "src").rglob("*.py") if not path.name.startswith("__")}
