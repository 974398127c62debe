"""The bake-off's page says what its results say."""

import re
import runpy
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "bakeoff.md"


def test_the_page_is_what_its_script_makes_of_the_results():
    made = runpy.run_path(str(ROOT / "benchmarks" / "bakeoff_page.py"))
    kept = made["read"](ROOT / "benchmarks" / "results" / "bakeoff.json")
    assert PAGE.read_text(encoding="utf-8") == made["page"](kept), "run: python benchmarks/bakeoff.py page"


def test_every_picture_on_the_page_can_be_opened():
    for link in re.findall(r"!\[.+?\]\((.+?)\)", PAGE.read_text(encoding="utf-8")):
        with Image.open(PAGE.parent / link) as picture:
            picture.verify()
