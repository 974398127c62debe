"""What verbs print, Python users get from the function of the same name."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gansmith as package
from gansmith.errors import DataError, UsageError
from gansmith.runs.run import Run


@pytest.fixture
def reals():
    """Random images uint8 (40, 16, 16, 1) as ./reals.npy."""
    np.save("reals.npy", np.random.default_rng(0).integers(0, 256, (40, 16, 16, 1), np.uint8))
    return np.load("reals.npy")


def as_json(result):
    """The result as a program reads it."""
    return json.loads(json.dumps(result.to_dict()))


def test_evaluate_returns_what_the_verb_prints(gansmith, reals):
    options = ("--against", "reals.npy", "--metrics", "kid,pr", "--features", "random", "--json")
    printed = json.loads(gansmith("evaluate", "reals.npy", *options).out)
    found = package.evaluate("reals.npy", "reals.npy", "kid,pr", features="random")
    assert as_json(found) == printed
    assert found["kid"].value == printed["values"]["kid"]["value"]
    assert found["kid"].low <= found["kid"].value <= found["kid"].high
    with pytest.raises(KeyError):
        found["fd"]


def test_an_evaluation_is_shown_on_one_line_with_its_intervals(reals):
    shown = repr(package.evaluate(reals, "reals.npy", ["kid"], features="random"))
    assert shown.startswith("<Evaluation of the array: kid ")
    assert "\n" not in shown
    assert " to " in shown


def test_an_array_measures_the_same_as_its_file(reals):
    options = {"against": "reals.npy", "metrics": "kid", "features": "random", "num_images": 30}
    assert package.evaluate(reals, **options)["kid"] == package.evaluate("reals.npy", **options)["kid"]


@pytest.mark.parametrize(
    "wrong", [lambda images: images / 255, lambda images: images[0, ..., 0], lambda images: images[:0]]
)
def test_an_array_that_holds_no_images_is_refused(reals, wrong):
    with pytest.raises(DataError, match=r"images are uint8 0 to 255"):
        package.evaluate(wrong(reals), "reals.npy")


def test_an_array_says_nothing_about_a_run(reals):
    with pytest.raises(UsageError, match="--checkpoint best goes with a run, and the array is none"):
        package.evaluate(reals, "reals.npy", checkpoint="best")


def test_progress_is_told_by_name_and_count(reals):
    told = []
    package.evaluate(reals, "reals.npy", "kid", features="random", progress=lambda *what: told.append(what))
    assert {"measuring", "features of the samples"} <= {work for work, _, _ in told}
    assert all(done <= total for _, done, total in told)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_compare_returns_what_the_verb_prints(gansmith, trained, tiny):
    assert gansmith("train", tiny, "--set", "batch_size=8").code == 0
    options = ("-n", 200, "--metrics", "kid", "--features", "random", "--json")
    printed = json.loads(gansmith("runs", "compare", 1, 2, *options).out)
    page = printed.pop("page")
    Path(page).unlink()
    found = package.compare([trained, "2"], "kid", 200, features="random")
    assert as_json(found) == printed
    assert not Path(page).exists(), "no page unless one is asked for"


def test_check_data_returns_what_the_verb_prints(gansmith):
    printed = gansmith("data", "check", "fashion-10k[9]", "--json", "--workers", 1).out
    assert as_json(package.check_data("fashion-10k[9]", workers=1)) == json.loads(printed)


def test_check_data_knows_a_packed_dataset(gansmith):
    assert gansmith("data", "prepare", "fashion-10k[9]", "packed", "--workers", 1).code == 0
    report = package.check_data("packed")
    assert as_json(report) == json.loads(gansmith("data", "check", "packed", "--json").out)
    assert (report.count, report.shape, report.classes) == (1000, (1, 28, 28), {"9": 1000})


def test_runs_are_listed_and_summarised(gansmith, trained):
    assert package.list_runs() == [Run(trained)]
    found = package.summary("last")
    assert (found.status, found.step, found.steps, found.dataset) == ("done", 12, 12, "fashion-10k")
    assert [as_json(found)] == json.loads(gansmith("runs", "list", "--json").out)
    with pytest.raises(UsageError, match="no run '7'"):
        package.summary("7")


def test_a_summary_does_not_import_torch(trained):
    code = "import sys, gansmith; gansmith.summary(gansmith.list_runs()[0]); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
