"""The bake-off's page says what its results say."""

import re

from PIL import Image

from benchmarks.pages.bakeoff_page import PAGE, README, RESULTS, page, readme
from benchmarks.quality.bakeoff_contests import ABLATIONS
from benchmarks.quality.bakeoff_sums import read

KEPT = read(RESULTS / "bakeoff.json")


def test_the_page_is_what_its_script_makes_of_the_results():
    assert PAGE.read_text(encoding="utf-8") == page(KEPT), "run: python -m benchmarks.quality.bakeoff page"


def test_the_readme_has_the_distances_of_the_results():
    text = README.read_text(encoding="utf-8")
    assert text == readme(text, KEPT), "run: python -m benchmarks.quality.bakeoff page"


def test_every_image_on_the_page_can_be_opened():
    for link in re.findall(r"!\[.+?\]\((.+?)\)", PAGE.read_text(encoding="utf-8")):
        with Image.open(PAGE.parent / link) as image:
            image.verify()


def test_what_the_page_says_of_the_ablations_is_so():
    runs = {name: KEPT["runs"][f"fashion-mnist/{name}/120/0"] for name in ("auto", *ABLATIONS)}
    distances = {name: run["values"]["fd"]["value"] for name, run in runs.items()}
    ratios = {name: distances[name] / distances["auto"] for name in ABLATIONS}
    fewer = {"width-32", "batch-128", "relativistic-r1-r2"}
    assert all(runs[name]["steps"] < 0.6 * runs["auto"]["steps"] for name in fewer)
    assert {name for name, ratio in ratios.items() if ratio > 1.1} == {*fewer, "augmented", "no-penalty"}
    alike = {"relativistic", "r1-r2", "width-8", "no-average", "constant-rate"}
    assert {name for name, ratio in ratios.items() if 0.95 < ratio < 1.05} == alike
