"""What is said about speed is what was measured."""

import json
import runpy
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[2]
MADE = runpy.run_path(str(ROOT / "benchmarks/pages/performance_page.py"))


def test_the_page_is_what_its_script_makes_of_the_results():
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert page == MADE["page"](), "run: python -m benchmarks.pages.performance_page"


def test_the_readme_has_the_speeds_of_the_results():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text == MADE["readme"](text), "run: python -m benchmarks.pages.performance_page"


def test_no_quick_run_is_published():
    kept = json.loads((ROOT / "benchmarks" / "results" / "step-time.json").read_text())
    assert not kept["quick"]
    assert kept["summary"]["classic_systems"] == 9
    with Image.open(ROOT / "benchmarks" / "results" / "step-time.png") as chart:
        chart.verify()
