"""What the articles' figures are drawn from: grids, networks, losses."""

import io
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.colors import Normalize
from PIL import Image

from gansmith import recipe
from gansmith.figures import plotted_losses
from gansmith.networks import network_diagrams, network_tables
from gansmith.recipes import family, recipe_names
from gansmith.recipes.base import OURS
from gansmith.runs.run import Run
from gansmith.viz.curves import Line, loss_curves
from gansmith.viz.diagram import WIDTH
from gansmith.viz.figure_grids import apply_colour_map, figure_grid

SVG = "{http://www.w3.org/2000/svg}"


def noise(*shape):
    return np.random.default_rng(0).integers(20, 200, shape, np.uint8)


@pytest.mark.parametrize(("reverse", "name"), [(False, "gray"), (True, "binary"), (True, "gray_r")])
@pytest.mark.parametrize("stretch", [False, True])
def test_a_grey_image_looks_as_matplotlib_shows_it(reverse, name, stretch):
    images = noise(3, 28, 28, 1)
    seen = apply_colour_map(images, stretch=stretch, reverse=reverse)
    for image, ours in zip(images, seen, strict=True):
        limits = Normalize() if stretch else Normalize(0, 255)
        theirs = colormaps[name](limits(image[..., 0]), bytes=True)[..., 0]
        assert np.abs(ours[..., 0].astype(int) - theirs).max() <= 1
        assert {0, 255} <= set(ours.flat) or not stretch


def test_an_image_of_one_value_is_black_when_stretched():
    assert not apply_colour_map(np.full((1, 8, 8, 1), 9, np.uint8), stretch=True, reverse=False).any()


@pytest.mark.parametrize("channels", [3, 4])
def test_colours_stay_as_they_are(channels):
    images = noise(2, 8, 8, channels)
    assert np.array_equal(apply_colour_map(images, stretch=True, reverse=True), images)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_figure_grid_has_its_images_in_rows_on_white(channels):
    images = np.full((6, 48, 32, channels), 70, np.uint8)
    drawn = np.asarray(figure_grid(images, 3)).reshape(2 * 96 + 3 * 8, 3 * 64 + 4 * 8, channels)
    assert np.unique(drawn[8:104, 8:72]).tolist() == [70]
    assert np.unique(drawn[:8]).tolist() == np.unique(drawn[:, 72:80]).tolist() == [255]
    assert (drawn == 70).all(-1).sum() == 6 * 96 * 64


@pytest.mark.parametrize("name", recipe_names())
def test_a_drawing_shows_every_layer_with_its_shape_and_its_parameters(name):
    tables = network_tables(recipe(name))
    for drawing, table in zip(network_diagrams(recipe(name)).values(), tables.values(), strict=True):
        root = ET.fromstring(drawing)
        texts = [text.text for text in root.iter(f"{SVG}text")]
        kinds = [layer.kind for layer in table.layers]
        assert [text for text in texts if text in kinds] == kinds
        counts = [f"{layer.parameters:,}" for layer in table.layers if layer.parameters]
        assert [text.text for text in root.iter(f"{SVG}text") if text.get("text-anchor") == "end"] == counts
        assert {" × ".join(f"{side:,}" for side in layer.shape) for layer in table.layers} <= set(texts)
        assert any(f"{table.total:,} parameters" in text for text in texts)


@pytest.mark.parametrize("name", recipe_names())
def test_a_drawing_keeps_within_its_paper_and_no_two_texts_share_a_place(name):
    for drawing in network_diagrams(recipe(name)).values():
        root = ET.fromstring(drawing)
        places = [(text.get("text-anchor"), float(text.get("y"))) for text in root.iter(f"{SVG}text")]
        corners = [
            tuple(map(float, point.split(",")))
            for polygon in root.iter(f"{SVG}polygon")
            for point in polygon.get("points").split()
        ]
        height = float(root.get("height"))
        assert len(set(places)) == len(places)
        assert all(0 < x < WIDTH / 2 - 60 and 60 < y < height for x, y in corners)
        assert max(y for _, y in places) < height


def test_a_drawing_says_what_it_is_and_is_the_same_each_time():
    first, second = (network_diagrams(recipe("mnist-dcgan")) for _ in range(2))
    assert first == second
    root = ET.fromstring(first["G"])
    assert root.get("role") == "img"
    title = "Generator: 100 to 28 × 28 × 1, 2,394,241 parameters, 2,368,705 of them trainable"
    assert root.find(f"{SVG}title").text == title
    assert "UpsampleConv2d 14 × 14 × 128 819,328" in root.find(f"{SVG}desc").text


def logged(folder, *, held_out):
    run = Run(folder)
    for step in (10, 20, 30):
        run.append_event({"step": step, "seen": step * 64, "loss/d": 1.0, "loss/g": step})
    run.append_metric({"step": 30, "seen": 30 * 64, "something/else": 1.0})
    for step in range(937, 937 * (held_out + 1), 937):
        run.append_metric({"step": step, "seen": step * 64, "images": 16, "held_out/d": 0.5, "held_out/g": step / 100})
    return run


def test_the_curves_show_the_losses_held_out_by_epoch_when_the_article_does(tmp_path):
    found = plotted_losses(logged(tmp_path, held_out=2), recipe("mnist-mlp"))
    assert found.positions == [1, 2]
    assert [line.values for line in found.lines] == [[0.5, 0.5], [9.37, 18.74]]
    assert "16 real images" in found.caption


def test_the_curves_show_the_losses_of_the_training_by_step_in_the_articles_colours(tmp_path):
    ships = recipe("cifar-ships", ["batch_size=64"])
    found = plotted_losses(logged(tmp_path, held_out=2), ships)
    assert found.positions == [10, 20, 30]
    assert "The axis counts steps, whatever the article calls them: 'Epochs'." in found.caption
    assert [(line.colour, line.values) for line in found.lines] == [("#87ceeb", [1, 1, 1]), ("#ffd700", [10, 20, 30])]


def test_a_run_without_held_out_losses_shows_its_training_and_says_so(tmp_path):
    found = plotted_losses(logged(tmp_path, held_out=0), recipe("mnist-mlp"))
    assert found.positions == [10 / 937, 20 / 937, 30 / 937]
    assert "this run has none yet" in found.caption


def test_a_run_without_a_logged_step_has_no_curves(tmp_path):
    assert plotted_losses(Run(tmp_path), recipe("mnist-mlp")) is None


def test_loss_curves_are_the_same_image_each_time_and_wear_their_colours():
    lines = [
        Line(label="Discriminator", colour="#87ceeb", values=[1.0, 2.0]),
        Line(label="Generator", colour="#ffd700", values=[2.0, 1.0]),
    ]
    first, second = (loss_curves([1, 2], lines, "Losses", "Epochs") for _ in range(2))
    assert first == second
    pixels = np.asarray(Image.open(io.BytesIO(first)).convert("RGB")).reshape(-1, 3)
    for colour in ([0x87, 0xCE, 0xEB], [0xFF, 0xD7, 0x00]):
        assert (pixels == colour).all(1).sum() > 500


KINDS = {"samples", "on the way", "reals", "losses", "evolution", "networks"}


@pytest.mark.parametrize("name", recipe_names())
def test_what_an_article_shows_is_of_a_kind_that_is_drawn(name):
    about = family(name)
    assert set(about.shows) <= KINDS
    assert bool(about.shows) == (about.article != OURS)
