"""The gallery says what the recipes and the kept results say, and shows images that are there."""

import json
import re
import runpy
from pathlib import Path

from PIL import Image

from gansmith.recipes import family, recipe_names
from gansmith.recipes.base import OURS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "gallery.md"


def test_the_page_is_what_its_script_makes_of_the_results():
    made = runpy.run_path(str(ROOT / "benchmarks/pages/gallery.py"))["gallery"]()
    assert PAGE.read_text(encoding="utf-8") == made, "run: python -m benchmarks.pages.gallery"


def test_the_page_has_one_table_with_the_kept_distance_of_every_classic_system():
    table = PAGE.read_text(encoding="utf-8").split("## All systems at a glance")[1].split("\n## ")[0]
    for name in recipe_names():
        if family(name).article != OURS:
            kept = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())["evaluation"]
            assert f"| `{name}` | {kept['values']['fd']['value']:.2f} (" in table


def test_every_classic_system_is_there_with_its_claim_and_its_result():
    page = PAGE.read_text(encoding="utf-8")
    for name in recipe_names():
        about = family(name)
        if about.article != OURS:
            assert f"### {name}\n" in page
            assert about.finding in page
            assert about.measured, name
            assert about.measured in page


def test_every_image_on_the_page_can_be_opened():
    links = re.findall(r"!\[.+?\]\((.+?)\)", PAGE.read_text(encoding="utf-8"))
    assert len(links) >= 27
    for link in links:
        with Image.open(PAGE.parent / link) as image:
            image.verify()
