"""The page on sampling tells every option and form there is, its commands can be given, and its table is measured."""

import inspect
import json
import re
from pathlib import Path

import pytest

from benchmarks.quality.truncation import NAMES, PSI, RESULT, deviation, threshold, with_table
from gansmith.cli import sample, sample_files
from gansmith.cli.runs import frames
from gansmith.cli.runs.animate import animate
from gansmith.viz.animation import SUFFIXES
from gansmith.viz.evolution import MOMENTS

PAGE = (Path(__file__).parents[2] / "docs" / "sampling.md").read_text(encoding="utf-8")


def test_the_table_is_what_was_measured():
    assert with_table(PAGE) == PAGE, "run: python -m benchmarks.quality.truncation --page"
    assert [*json.loads(RESULT.read_text())["psi"]] == [f"{psi:g}" for psi in PSI]


def test_what_the_page_says_of_the_table_holds():
    kept = json.loads(RESULT.read_text())["psi"]

    def column(name, way="multiplied"):
        return [row[way][name] for row in kept.values()]

    precision, recall, distance = ([value for value, *_ in column(name)] for name in ("precision", "recall", "fd"))
    whole, half, least = 0, PSI.index(0.5), PSI.index(0.3)
    assert precision[: half + 1] == sorted(precision[: half + 1])
    assert precision[half] - precision[whole] == pytest.approx(0.03, abs=0.005)
    assert precision[least] < precision[whole]
    assert recall == sorted(recall, reverse=True)
    assert recall[half] / recall[whole] == pytest.approx(2 / 3, abs=0.03)
    assert distance == sorted(distance), "lowest without truncation"
    for name in NAMES:
        for product, anew in zip(column(name), column(name, "drawn anew"), strict=True):
            assert product[1] <= anew[2], name
            assert anew[1] <= product[2], name


@pytest.mark.parametrize("psi", [0.3, 0.9])
def test_the_thresholds_distribution_deviates_as_requested(psi):
    assert deviation(threshold(psi)) == pytest.approx(psi, abs=1e-6)


def test_every_new_option_and_every_form_is_on_the_page():
    options = {
        {"classes": "class"}.get(name, name)
        for name in inspect.signature(sample.sample).parameters
        if name not in ("run", "runs", "device", "num")
    }
    for option in options:
        assert f"--{option}" in PAGE, option
    for suffix in (".png", ".npy", *SUFFIXES):
        assert f"FILE{suffix}" in PAGE


def test_the_pages_numbers_are_those_of_the_code():
    for number in (
        f"{sample.DEFAULT_FRAMES} unless told",
        f"each shown for {sample_files.FRAME_MILLISECONDS} ms",
        f"{MOMENTS} at most",
        f"up to {frames.TOTAL_MILLISECONDS // 1000} s",
        f"held for {frames.LAST_FRAME // 1000}.",
        f"larger than {frames.MOST_PIXELS:,} pixels",
    ):
        assert number in " ".join(PAGE.split()), number


def test_the_pages_commands_have_options_that_there_are():
    commands = [line.split()[1:] for line in re.findall(r"^    (gansmith .+)$", PAGE, re.MULTILINE)]
    assert [verb for verb, *_ in commands] == ["sample"] * 5 + ["runs"]
    for verb, *rest in commands:
        function = sample.sample if verb == "sample" else animate
        options = [part.removeprefix("--").replace("-n", "num") for part in rest if part.startswith("-")]
        assert {*options} <= {*inspect.signature(function).parameters}, rest
