"""The page on own images says what the rules are."""

import json
import re
import shlex
from pathlib import Path

import pytest

from benchmarks.pages.bakeoff_page import RESULTS
from benchmarks.quality.bakeoff_sums import read, rise_after_best
from gansmith.cli.main import main
from gansmith.data.check.suggest import MULTIPLE, SMALLEST
from gansmith.features.extractor import InputShape
from gansmith.features.random_network import random_network
from gansmith.planning import budget, trial
from gansmith.recipes import auto, fitting
from gansmith.schema import MOST_SHARE

PAGE = (Path(__file__).parents[2] / "docs" / "own-images.md").read_text(encoding="utf-8")


def row(what):
    return next(line for line in PAGE.splitlines() if line.startswith(f"| {what} |"))


def test_the_table_has_the_numbers_of_the_rules():
    for what, *numbers in (
        ("shorter side", SMALLEST, fitting.SHORT_SIDE, MULTIPLE, f"under {fitting.SHORT_BUDGET / 60:.0f} minutes"),
        ("shorter side", f"{fitting.SHORT_SIDE_ON_SHORT_BUDGET} at most"),
        ("batch size", fitting.BATCH_SIZE, f"{fitting.FEWEST_IMAGES} images are the least"),
        ("learning rate", auto.RATE, "half of the run", "a twentieth"),
        ("width", f"{auto.WIDTH} channels", f"{auto.WIDTH_ON_GPU} on a GPU"),
        ("augmentation", f"up to {fitting.FEW:,}", *(f"`{name}`" for name in fitting.AUGMENTATION_OF_COLOUR)),
        ("mirroring", *(f"`{name}`" for name in fitting.MIRRORED)),
        ("length", f"{fitting.PASSES} epochs", f"{fitting.SHORTEST:,} to {fitting.LONGEST:,} images"),
        ("EMA of G", f"{fitting.HALF_LIFE:.0%}".replace("%", " %"), f"{fitting.LONGEST_HALF_LIFE:,.0f} images"),
        (
            "evaluations",
            f"{fitting.EVALUATIONS} of {fitting.EVALUATED:,} images",
            f"{MOST_SHARE:.0%}".replace("%", " %"),
        ),
        ("evaluations", f"gets {fitting.SEVERAL} evaluations of fewer images, {fitting.FEWEST_EVALUATED} at least"),
        ("sample grid", f"{fitting.MOST_IN_ROW} x {fitting.MOST_IN_ROW}", fitting.GRID_SIDE),
    ):
        for number in numbers:
            assert str(number) in row(what), (what, number)
    assert (1 / 2, pytest.approx(1 / 20)) == (auto.CONSTANT, auto.LAST_RATE / auto.RATE)
    steps = f"({trial.MOST_STEPS}, or as many as {trial.SECONDS:.0f} seconds hold, and {trial.FEWEST_STEPS} at least;"
    assert steps in " ".join(PAGE.split())


def test_the_fewest_images_for_a_distance_are_those_of_the_features():
    fewest = [random_network(InputShape(channels=3, height=side, width=64)).width + 1 for side in (32, 31, 15)]
    images = "Fewer than {} images ({} where a side has under 32 pixels, {} where it has under 16)"
    assert images.format(*fewest) in PAGE


def test_the_budgets_on_the_page_are_understood():
    told = re.findall(r"`(\d[\w.-]*)`", PAGE.split("## Budgets")[1].splitlines()[2])
    assert len(told) >= 5
    for text in told:
        budget.parse_budget(text)


def test_the_pages_settings_are_accepted(capsys):
    told = PAGE.split("Your own settings hold")[1].split("A `--size`")[0]
    settings = re.findall(r"`(--\w+[^`]*)`", " ".join(told.split()))[1:]
    assert len(settings) == 4
    options = shlex.split(" ".join(settings))
    assert main(["train", "auto", "--steps", "2", "--dry-run", *options]) == 0
    shown = capsys.readouterr().out
    assert "\nheight = 96\nwidth = 64\n" in shown
    assert "\nbatch_size = 64\n" in shown


def test_what_to_expect_is_what_came_of_it():
    runs = read(RESULTS / "bakeoff.json")["runs"]
    ships = runs["cifar-ships/auto/600/0"]
    plain, augmented = (
        [[value for _, value in runs[f"small-500/{name}/600/{seed}"]["curve"]] for seed in (0, 1)]
        for name in ("plain", "augmented")
    )
    rises = [f"{100 * rise_after_best(curve):.0f}" for curve in plain]
    floor = json.loads((RESULTS / "cifar-ships.json").read_text())["evaluation"]["floor"]["fd"]["value"]
    for number in (
        f"{ships['steps']:,} steps",
        f"distance {ships['values']['fd']['value']:.3f}",
        f"has {floor:.3f}.",
        f"came to {augmented[0][-1]:.2f} and {augmented[1][-1]:.2f} in two runs with augmentation",
        f"first sixth of the run, {min(plain[0]):.2f} and {min(plain[1]):.2f},",
        f"and then rose by {' and '.join(rises)} %",
    ):
        assert number in " ".join(PAGE.split()), number
    assert all(min(curve) == curve[-1] for curve in augmented)
    assert all(curve.index(min(curve)) <= len(curve) / 6 for curve in plain)
