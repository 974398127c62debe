import io

import numpy as np
import pytest
from PIL import Image

from gansmith.viz.curves import curves, running_mean
from gansmith.viz.evolution import evolution, evolution_steps
from gansmith.viz.grids import grid, png, tiles


@pytest.mark.parametrize("shape", [(7, 28, 28, 1), (4, 64, 48, 3), (5, 8, 8, 4), (1, 100, 10, 1), (2, 1, 1, 1)])
def test_tiles_are_the_inverse_of_the_grid(shape):
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    sheet = Image.open(io.BytesIO(png(grid(images, 3))))
    assert np.array_equal(tiles(sheet, shape[0], 3, *shape[1:3]), images)


def test_small_pictures_are_enlarged():
    assert grid(np.zeros((4, 28, 28, 1), np.uint8), 2).size == (124, 124)


def test_evolution_steps_run_from_the_first_to_the_last():
    steps = evolution_steps(1000)
    assert steps == {0: 0, 10: 1, 20: 2, 50: 5} | {n * 100: n * 10 for n in range(1, 11)}
    assert list(evolution_steps(3).values())[-1] == 100


def test_the_strip_has_a_column_for_each_moment():
    images = np.zeros((3, 28, 28, 1), np.uint8)
    strip = evolution([("0 %", images), ("100 %", images + 255)])
    pixels = np.asarray(strip)
    assert pixels.shape == (24 + 3 * 60, 2 * 60 + 4, 3)
    assert pixels[60, 30].tolist() == [0, 0, 0]
    assert pixels[60, 90].tolist() == [255, 255, 255]


def test_curves_are_a_picture_for_one_event_and_for_many():
    def event(seen):
        return {"seen": seen, "loss/d": 1.0, "loss/g": 0.5, "accuracy/real": 0.7, "accuracy/fake": 0.6}

    for num in (1, 300):
        picture = Image.open(io.BytesIO(curves([event(n * 32) for n in range(num)])))
        assert picture.size == (1440, 518)
        assert len(set(picture.convert("L").get_flattened_data())) > 50


def test_the_running_mean_keeps_constants_and_halves_noise():
    assert np.allclose(running_mean(np.full(500, 3.0)), 3)
    noise = np.random.default_rng(0).normal(size=5000)
    assert running_mean(noise).std() < 0.2
