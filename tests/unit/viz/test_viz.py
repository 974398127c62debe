import io

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

from gansmith.viz import curves
from gansmith.viz.curves import (
    Line,
    curve_panels,
    distance_curve,
    loss_curves,
    next_to_each_other,
    running_mean,
    short_number,
)
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


def event(seen, loss=1.0):
    return {"seen": seen, "loss/d": loss, "loss/g": 0.5, "accuracy/real": 0.7, "accuracy/fake": 0.6}


def test_curves_are_two_panels_for_one_event_and_for_many():
    for num in (1, 300):
        panels = curve_panels([event(n * 32) for n in range(num)])
        images = [Image.open(io.BytesIO(one)).convert("RGB") for one in panels]
        assert [image.size for image in images] == [(720, 518)] * 2
        assert all(len(set(image.convert("L").get_flattened_data())) > 50 for image in images)
        row = np.asarray(Image.open(io.BytesIO(next_to_each_other(panels))))
        assert np.array_equal(row, np.concatenate([np.asarray(image) for image in images], 1))


@pytest.fixture
def drawn(monkeypatch):
    """The axes of each figure that is drawn meanwhile."""
    found = []

    def kept(axes):
        axes.get_figure().canvas.draw()
        found.append(axes)
        return b""

    monkeypatch.setattr(curves, "panel_png", kept)
    return found


def labels(axis):
    return [label.get_text() for label in axis.get_ticklabels() if label.get_text()]


def test_one_spike_does_not_flatten_the_losses(drawn):
    usual = [event(32 * n, 1.0) for n in range(400)]
    curve_panels(usual)
    curve_panels([*usual[:200], event(32 * 200, 15.3), *usual[201:]])
    curve_panels([event(32 * n, 1 + n / 40) for n in range(400)])
    tops = [axes.get_ylim()[1] for axes in drawn[::2]]
    texts = [[one.get_text() for one in axes.texts] for axes in drawn[::2]]
    assert tops[1] < 3
    assert tops[2] > 10
    assert texts == [[], ["single steps up to 15.3"], []]


def inside(axis, limits):
    low, high = limits
    return [tick for tick in axis.get_ticklocs() if low <= tick <= high]


@pytest.mark.parametrize("last", [0.7, 3.0, 9.0, 80, 470, 9_600, 38_000, 5_100_000])
@pytest.mark.parametrize("largest", [0.0, 0.3, 1.47, 6.2, 81.0, 8.1e7, 3e12])
def test_ticks_are_round_whatever_the_length_of_an_axis(drawn, last, largest):
    curve_panels([event(last / 7 * n, largest) for n in range(8)])
    loss_curves(
        [last / 7 * n for n in range(1, 8)], [Line(label="G", colour="#000000", values=[largest] * 7)], "x", "y"
    )
    assert len(drawn) == 3
    for axes in drawn:
        for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            ticks = inside(axis, limits)
            assert 2 <= len(ticks) <= 9
            steps = {f"{step:.0e}"[0] for step in np.diff(ticks)}
            assert steps <= {"1", "2", "5"}, ticks
            assert all(len(text) <= 8 for text in labels(axis))
        assert not axes.yaxis.get_offset_text().get_text(), "the title stands there"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.1 + 0.2, "0.3"),
        (2.5, "2.5"),
        (999, "999"),
        (1000, "1,000"),
        (10_000, "10k"),
        (1_500_000, "1.5M"),
        (-20_000, "-20k"),
        (2e12, "2e+12"),
    ],
)
def test_numbers_on_an_axis_are_short(value, text):
    assert short_number(value) == text


@pytest.mark.parametrize(("low", "high"), [(3.1, 4.6), (6.0, 9.0), (0.6, 2.1), (0.8, 90.0), (40.0, 41.0), (1e-3, 5e3)])
def test_a_logarithmic_axis_has_ticks_in_every_range(drawn, low, high):
    points = np.array([(1000 * n, value, value, value) for n, value in enumerate((high, low), start=1)])
    distance_curve(points, None, "Fréchet distance")
    (axes,) = drawn
    ticks = inside(axes.yaxis, axes.get_ylim())
    assert len(ticks) >= 2
    assert ticks == pytest.approx([float(f"{tick:.3g}") for tick in ticks])


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
    assert image.size == (720, 518)
    assert (pixels == [0xD9, 0x82, 0x2B]).all(1).sum() > 100
    assert bool((pixels == 0x66).all(1).sum() > 500) == (floor is not None)


def test_legends_stand_above_the_plots_and_not_on_their_points(drawn):
    distance_curve(np.array([[1000, 5.0, 4.0, 6.0]]), 4.0, "Fréchet distance")
    curve_panels([event(0), event(32)])
    loss_curves([1, 2], [Line(label="Generator", colour="#000000", values=[1, 2])], "Losses", "Epochs")
    assert len(drawn) == 4
    for axes in drawn:
        legend = axes.get_legend().get_window_extent()
        assert legend.y0 >= axes.get_window_extent().y1
        titles = [text for text in axes.findobj(Text) if text.get_text() and text.get_text() == axes.get_title("left")]
        assert all(legend.x0 > title.get_window_extent().x1 for title in titles)
