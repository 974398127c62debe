import io

import numpy as np
import pytest
from PIL import Image

from gansmith.viz.curves import curves, distance_curve, running_mean
from gansmith.viz.evolution import evolution, evolution_steps, is_milestone
from gansmith.viz.grids import grid, png, tiles


@pytest.mark.parametrize("shape", [(7, 28, 28, 1), (4, 64, 48, 3), (5, 8, 8, 4), (1, 100, 10, 1), (2, 1, 1, 1)])
def test_tiles_are_the_inverse_of_the_grid(shape):
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    image = Image.open(io.BytesIO(png(grid(images, 3))))
    assert np.array_equal(tiles(image, shape[0], 3, *shape[1:3]), images)


def test_small_images_are_enlarged():
    assert grid(np.zeros((4, 28, 28, 1), np.uint8), 2).size == (124, 124)


def test_milestones_are_near_in_the_beginning_and_far_later_and_know_no_length():
    assert [step for step in range(2001) if is_milestone(step)] == [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000]


def test_the_strip_takes_the_grids_nearest_to_its_moments():
    drawn = [step for step in range(1001) if is_milestone(step) or step % 100 == 0]
    assert evolution_steps(drawn, 1000) == [0, 10, 20, 50, *range(100, 1001, 100)]
    assert evolution_steps([0, 1, 2, 3], 3) == [0, 1, 2, 3]
    assert evolution_steps([0, 400], 1000) == [0, 400]
    assert evolution_steps([], 1000) == []


def test_the_strip_has_a_column_for_each_moment():
    images = np.zeros((3, 28, 28, 1), np.uint8)
    strip = evolution([("0 %", images), ("100 %", images + 255)])
    pixels = np.asarray(strip)
    assert pixels.shape == (24 + 3 * 60, 2 * 60 + 4, 3)
    assert pixels[60, 30].tolist() == [0, 0, 0]
    assert pixels[60, 90].tolist() == [255, 255, 255]


def test_names_of_rows_are_drawn_in_their_own_letters():
    images = [("0 %", np.zeros((1, 28, 28, 1), np.uint8))]
    drawn = [png(evolution(images, [letter])) for letter in "öß☃éЖλ"]
    assert len({*drawn}) == len(drawn), "what a font lacks is a box"


def test_curves_are_an_image_for_one_event_and_for_many():
    def event(seen):
        return {"seen": seen, "loss/d": 1.0, "loss/g": 0.5, "accuracy/real": 0.7, "accuracy/fake": 0.6}

    for num in (1, 300):
        image = Image.open(io.BytesIO(curves([event(n * 32) for n in range(num)])))
        assert image.size == (1440, 518)
        assert len(set(image.convert("L").get_flattened_data())) > 50


def test_the_running_mean_keeps_constants_and_halves_noise():
    assert np.allclose(running_mean(np.full(500, 3.0)), 3)
    noise = np.random.default_rng(0).normal(size=5000)
    assert running_mean(noise).std() < 0.2


@pytest.mark.parametrize("values", [[5.0], [300.0, 20.0, 25.0], [0.0, -0.1]])
@pytest.mark.parametrize("floor", [None, 4.0])
def test_distances_are_an_image_with_a_band_and_a_floor_where_there_is_one(values, floor):
    points = np.array([(1000 * n, value, value - 0.5, value + 0.5) for n, value in enumerate(values, start=1)])
    image = Image.open(io.BytesIO(distance_curve(points, floor, "Fréchet distance"))).convert("RGB")
    pixels = np.asarray(image).reshape(-1, 3)
    assert image.size == (1440, 518)
    assert (pixels == [0xD9, 0x82, 0x2B]).all(1).sum() > 100
    assert bool((pixels == 0x66).all(1).sum() > 1000) == (floor is not None)


def test_the_legend_of_distances_stands_above_the_plot_and_not_on_its_points(monkeypatch):
    figures = []
    monkeypatch.setattr("gansmith.viz.curves.figure_png", figures.append)
    distance_curve(np.array([[1000, 5.0, 4.0, 6.0]]), 4.0, "Fréchet distance")
    figures[0].canvas.draw()
    (axes,) = figures[0].axes
    assert axes.get_legend().get_window_extent().y0 >= axes.get_window_extent().y1
