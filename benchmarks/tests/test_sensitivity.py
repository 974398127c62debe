"""The measures notice what they are meant to notice, by what was measured on real images."""

import json

import numpy as np
import pytest

from benchmarks.quality.disturbances import DISTURBANCES, NUM, TRAINED_ON, collapsed_generator, draw, undisturbed
from benchmarks.quality.sensitivity import PAGE, RESULT, SETS, apart, caught_by, monotone, with_tables


def kept():
    return json.loads(RESULT.read_text())


def test_the_page_holds_the_tables_of_the_results():
    text = PAGE.read_text(encoding="utf-8")
    assert text == with_tables(text), "run: python -m benchmarks.quality.sensitivity --page"


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("what", DISTURBANCES)
def test_every_disturbance_moves_the_measures_meant_to_notice_it_monotonically(name, what):
    disturbance, found = DISTURBANCES[what], kept()["sets"][name]["disturbances"][what]
    strengths = ["0", *(f"{strength:g}" for strength in disturbance.strengths)]
    assert list(found) == strengths
    for measure, sign in disturbance.meant.items():
        assert monotone([found[strength][measure] for strength in strengths], sign) != "no", measure
        assert apart(found["0"][measure], found[strengths[-1]][measure]), measure


def test_a_step_back_is_noise_only_where_the_intervals_meet():
    up, back, far_back = [2, 1.5, 2.5], [1.8, 1.3, 2.3], [1, 0.5, 1.4]
    assert monotone([[1, 0.9, 1.1], up], 1) == "yes"
    assert monotone([up, back], 1) == "but for noise"
    assert monotone([up, far_back], 1) == "no"
    assert monotone([up, far_back], -1) == "yes"


@pytest.mark.parametrize("name", SETS)
def test_a_collapsed_generator_is_caught_by_at_least_three_measures(name):
    assert len(caught_by(kept()["sets"][name]["collapse"])) >= 3


def drawn():
    images = np.random.default_rng(0).integers(0, 256, (2 * NUM + TRAINED_ON + NUM, 28, 28, 1), dtype=np.uint8)
    return draw(images, np.arange(len(images)) % 10)


@pytest.mark.parametrize("what", DISTURBANCES)
def test_a_disturbance_changes_as_many_images_as_it_leaves_undisturbed(what):
    parts = drawn()
    before = undisturbed(parts, what)
    for strength in DISTURBANCES[what].strengths:
        after = DISTURBANCES[what].by(parts, strength)
        assert (after.shape, after.dtype) == (before.shape, before.dtype)
        assert (after != before).any()


def test_copies_are_exact_and_as_many_as_said():
    parts = drawn()
    known = {image.tobytes() for image in parts.train}
    for percent in (1, 10):
        found = DISTURBANCES["planted copies"].by(parts, percent)
        assert sum(image.tobytes() in known for image in found) == NUM * percent / 100


def test_the_collapsed_generator_makes_one_image_of_all_latents():
    image = np.random.default_rng(0).integers(20, 236, (28, 28, 1), dtype=np.uint8)
    made = collapsed_generator(image)(20).astype(float)
    assert np.abs(made - image).mean() < 5
    assert made.std(0).mean() < 5
    assert len({one.tobytes() for one in made}) > 1
