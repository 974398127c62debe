"""`gansmith runs figures`: what an article shows, from a small run of each kind."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.viz.grids import tiles

ALWAYS = {"index.html", "samples.png", "losses.png", "evolution.png", "reals.png", "G.svg", "D.svg"}


def trained_small(gansmith, base, *changes):
    """A run of six steps of a classic recipe, on images of the package or on noise in colour."""
    shape = gansmith("recipes", "show", base, "--json").out
    data = ("--data", "fashion-10k", "--set", "data.skip=0")
    if json.loads(shape)["data"]["channels"] == 3:
        Path("photos").mkdir()
        for number in range(12):
            noise = [Image.effect_noise((40, 40), 90) for _ in range(3)]
            Image.merge("RGB", noise).save(f"photos/{number}.png")
        data = ("--data", "photos", "--set", "data.split=train")
    sizes = ("batch_size=4", "length.log_every=4", "length.sample_every=12", "length.checkpoint_every=12", *changes)
    result = gansmith("train", base, "--steps", 6, *data, *(part for size in sizes for part in ("--set", size)))
    assert result.code == 0, result.err
    return result.run


def drawn(gansmith, run, *options):
    """The files of the run's figures."""
    result = gansmith("runs", "figures", run, *options)
    assert result.code == 0, result.err
    assert result.out == f"{run / 'figures'}\n"
    return {file.name: file.read_bytes() for file in (run / "figures").iterdir()}


def read(file):
    with Image.open(file) as image:
        return np.asarray(image)


def test_a_run_gets_its_figures_and_the_same_bytes_each_time(gansmith, trained):
    first = drawn(gansmith, trained)
    steps = [file.stem for file in (trained / "samples").iterdir()]
    assert first.keys() == ALWAYS | {f"samples-{step}.png" for step in steps}
    assert drawn(gansmith, trained) == first


def test_the_files_are_listed_as_json_the_page_first(gansmith, trained):
    listed = json.loads(gansmith("runs", "figures", trained, "--json").out)
    assert listed["folder"] == str(trained / "figures")
    assert listed["files"][0] == "index.html"
    assert set(listed["files"]) == {file.name for file in (trained / "figures").iterdir()}


def test_an_older_checkpoint_changes_the_samples_and_nothing_else_but_the_page(gansmith, trained):
    newest, older = drawn(gansmith, trained), drawn(gansmith, trained, "--checkpoint", 4)
    assert {name for name in newest if newest[name] != older[name]} == {"samples.png", "index.html"}
    assert b"Samples after 4 steps" in older["index.html"]


def test_the_samples_are_those_of_the_sample_command(gansmith, trained):
    drawn(gansmith, trained)
    assert gansmith("sample", trained, "-n", 6, "--out", "x.npy").code == 0
    image = read(trained / "figures/samples.png")[7::91, 7::91]  # the first pixel of each enlarged image
    assert np.array_equal(image.flatten(), np.load("x.npy")[:, 0, 0, 0])


def test_the_page_shows_some_of_many_grids_the_last_among_them(gansmith, trained):
    own = len([*(trained / "samples").iterdir()])
    for step in range(1060 - 48 + own, 1060):
        shutil.copy(trained / "samples/00000012.png", trained / f"samples/{step:08}.png")
    shutil.copy(trained / "reals.png", trained / "samples/mine.png")
    page = drawn(gansmith, trained)["index.html"].decode()
    assert "24 of 48 grids; the folder holds all." in page
    assert "1,059 steps" in page


@pytest.mark.parametrize("damage", ["no checkpoint", "an unknown step"])
def test_a_run_without_the_checkpoint_is_one_sentence_and_nothing_is_written(gansmith, trained, damage):
    if damage == "no checkpoint":
        shutil.rmtree(trained / "checkpoints")
        result = gansmith("runs", "figures", trained)
        expected = "holds no checkpoint"
    else:
        result = gansmith("runs", "figures", trained, "--checkpoint", 5)
        expected = "has no checkpoint '5'; it has 4, 8, 12"
    assert (result.code, result.out) == (5, "")
    assert expected in result.err
    assert len(result.err.splitlines()) == 1
    assert not (trained / "figures").exists()


def test_a_folder_that_cannot_be_written_is_one_sentence(gansmith, trained):
    (trained / "figures").write_text("in the way")
    result = gansmith("runs", "figures", trained)
    assert result.code == 8
    assert result.err.startswith(f"error: the figures cannot be written to {trained / 'figures'}: File exists.")


@pytest.mark.slow
def test_clothes_have_their_articles_layout_and_its_reversed_map(gansmith):
    run = trained_small(gansmith, "fashion-mlp", "model.width=6")
    files = drawn(gansmith, run)
    assert files.keys() > ALWAYS
    assert "samples-clipped.png" not in files
    image = read(run / "figures/samples.png")
    assert image.shape == (4 * 91 + 7, 8 * 91 + 7)
    assert (image.min(), image.max()) == (0, 255)
    reals = read(run / "figures/reals.png")
    with Image.open(run / "reals.png") as kept:
        first = tiles(kept, 1, 8, 28, 28)[0, ..., 0]
    assert np.array_equal(reals[7:91:3, 7:91:3] == 255, first == first.min())
    page = files["index.html"].decode()
    assert "Baptiste Pesquet" in page
    assert "0 is white" in page
    assert "<small>the article has this figure</small>" in page
    assert "<small>added by gansmith</small>" in page


@pytest.mark.slow
def test_digits_show_epochs_held_out_losses_and_both_displays(gansmith):
    held_out = ("validation_losses.every=8", "validation_losses.validation=64", "figures.epoch=8")
    run = trained_small(gansmith, "mnist-small-dcgan", "model.width=2", *held_out)
    files = drawn(gansmith, run)
    assert {"samples-00000003-epoch-1.5.png", "samples-00000006-epoch-3.png"} < files.keys()
    assert files["samples.png"] != files["samples-clipped.png"]
    page = files["index.html"].decode()
    assert "Validation losses" in page
    assert "(x / 2 + 1) 255, clipped" in page
    assert "6 steps, epoch 3" in page


@pytest.mark.slow
def test_ships_wrap_in_the_article_and_are_clipped_beside_it(gansmith):
    run = trained_small(gansmith, "cifar-ships", "model.width=4")
    files = drawn(gansmith, run)
    assert files["samples.png"] != files["samples-clipped.png"]
    right, wrong = (read(run / f"figures/{name}.png").astype(int) for name in ("samples-clipped", "samples"))
    assert right.shape == (4 * 104 + 8, 4 * 104 + 8, 3)
    above_0 = right > 1  # there the two round differently at most
    assert np.abs(right - wrong)[above_0].max() <= 1
    assert (wrong[right == 0] > 100).any()
    assert files["index.html"].count(b"<svg") == 2
