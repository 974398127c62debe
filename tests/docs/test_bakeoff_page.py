"""The bake-off's page says what its results say."""

import re

from bakeoff_page import PAGE, README, RESULTS, page, readme
from bakeoff_sums import read
from PIL import Image

KEPT = read(RESULTS / "bakeoff.json")


def test_the_page_is_what_its_script_makes_of_the_results():
    assert PAGE.read_text(encoding="utf-8") == page(KEPT), "run: python benchmarks/bakeoff.py page"


def test_the_readme_has_the_distances_of_the_results():
    text = README.read_text(encoding="utf-8")
    assert text == readme(text, KEPT), "run: python benchmarks/bakeoff.py page"


def test_every_picture_on_the_page_can_be_opened():
    for link in re.findall(r"!\[.+?\]\((.+?)\)", PAGE.read_text(encoding="utf-8")):
        with Image.open(PAGE.parent / link) as picture:
            picture.verify()
