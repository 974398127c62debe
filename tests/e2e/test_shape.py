"""`train --data ./photos` takes its shape from the images, where the networks adapt to any."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.planning import shape
from gansmith.recipe_file import recipe_of
from gansmith.runs.run import Run
from tests.helpers.small_images import file, photo


@pytest.fixture
def photos():
    """Makes a folder of images of a size and a number of channels."""

    def make(height, width, channels=3, num=8, folder="photos"):
        Path(folder).mkdir()
        for number in range(num):
            (Path(folder) / f"{number}.png").write_bytes(file(photo(height, width, channels, seed=number)))
        return folder

    return make


def data_of(result):
    return recipe_of(Run(result.run)).data


def shape_of(result):
    data = data_of(result)
    return data.channels, data.height, data.width, data.resize


@pytest.mark.slow
@pytest.mark.parametrize(("channels", "kind"), [(1, "grey"), (3, "RGB"), (4, "RGBA")])
def test_tall_images_train_as_they_are_and_can_be_sampled(gansmith, photos, channels, kind):
    result = gansmith("train", "--data", photos(96, 64, channels), "--steps", 2, "--set", "batch_size=4")
    assert result.code == 0, result.err
    assert shape_of(result) == (channels, 96, 64, "crop")
    assert "looking at 8 of 8 files for the shape of the images" in result.err
    note = f"shape, from the images: 96x64 {kind}, crop"
    assert note in result.err
    assert note in json.loads((result.run / "run.json").read_text())["notes"]
    assert gansmith("sample", "last", "-n", 3, "--out", "x.npy").code == 0
    assert np.load("x.npy").shape == (3, 96, 64, channels)
    assert gansmith("resume", "last", "--steps", 3).code == 0


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (["data.channels=1"], (1, 96, 64)),
        (["data.height=64", "data.width=64"], (3, 64, 64)),
        (["data={height=64, width=64}"], (3, 64, 64)),
        (["data.width=32"], (3, 48, 32)),
    ],
)
def test_what_is_set_of_a_shape_holds_and_the_rest_is_the_images(gansmith, photos, changes, expected):
    options = [part for change in changes for part in ("--set", change)]
    result = gansmith("train", "--data", photos(96, 64), "--steps", 1, "--set", "batch_size=4", *options)
    assert result.code == 0, result.err
    assert shape_of(result)[:3] == expected


def test_a_shape_that_is_set_whole_takes_no_look(gansmith, photos):
    whole = [part for side in ("channels=1", "height=32", "width=48") for part in ("--set", f"data.{side}")]
    result = gansmith("train", "--data", photos(96, 64), "--steps", 1, "--set", "batch_size=4", *whole)
    assert "looking at" not in result.err
    assert shape_of(result)[:3] == (1, 32, 48)


@pytest.mark.slow
def test_a_recipe_file_that_states_sides_keeps_them_and_another_does_not(gansmith, photos, tiny):
    folder = photos(40, 48)
    assert shape_of(gansmith("train", tiny, "--data", folder)) == (3, 40, 48, "crop")
    Path(tiny).write_text(Path(tiny).read_text() + "[data]\nheight = 32\nwidth = 32\n")
    assert shape_of(gansmith("train", tiny, "--data", folder)) == (3, 32, 32, "crop")


def test_images_that_a_file_names_come_in_their_shape_too(gansmith, photos):
    Path("mine.toml").write_text(f'from = "auto"\nbatch_size = 4\n[data]\nname = "{Path(photos(40, 48)).resolve()}"\n')
    assert shape_of(gansmith("train", "mine.toml", "--steps", 1)) == (3, 40, 48, "crop")


@pytest.mark.slow
def test_a_fit_that_is_set_is_kept(gansmith, photos, tiny):
    folder = photos(40, 120, num=4)
    photos(120, 40, num=4, folder="photos/tall")
    assert shape_of(gansmith("train", tiny, "--data", folder))[1:] == (40, 40, "pad")
    assert shape_of(gansmith("train", tiny, "--data", folder, "--set", "data.resize=stretch"))[1:] == (
        40,
        40,
        "stretch",
    )


def test_the_part_that_is_used_decides(gansmith, photos, tiny):
    result = gansmith("train", tiny, "--data", photos(60, 60), "--set", "data.box=[0,0,48,32]")
    assert shape_of(result) == (3, 48, 32, "crop")


def test_articles_keep_their_shape(gansmith, photos):
    options = ("--steps", 1, "--set", "batch_size=4", "--set", "model.width=8")
    result = gansmith("train", "fashion-dcgan", "--data", photos(40, 48), *options)
    assert result.code == 0, result.err
    assert shape_of(result) == (1, 28, 28, "crop")


def test_known_sets_come_in_their_own_shape_too(gansmith, tiny):
    result = gansmith("train", tiny, "--data", "fashion-10k[0]", "--dry-run")
    assert result.code == 0, result.err
    assert "shape, from the images: 28x28 grey, crop" in result.out


def test_networks_that_cannot_be_built_there_keep_the_recipes_shape_and_say_so(gansmith, photos, tiny, monkeypatch):
    monkeypatch.setattr(shape, "shape_of", lambda *_: shape.ImageShape(channels=3, height=36, width=36))
    result = gansmith("train", tiny, "--data", photos(36, 36), "--set", "model.name=upsample-dcgan")
    assert shape_of(result) == (1, 28, 28, "crop")
    said = "the images would be 36x36 RGB, crop, which these networks cannot be built for; fitted to 28x28 grey, crop"
    assert said in result.err


def test_a_prepared_store_gives_its_own_shape(gansmith, photos, tiny):
    assert gansmith("data", "prepare", photos(96, 64), "store", "--size", "40x48", "--channels", 1).code == 0
    result = gansmith("train", tiny, "--data", "store")
    assert result.code == 0, result.err
    assert shape_of(result)[:3] == (1, 40, 48)
    assert "shape, from the store: 40x48 grey" in result.err
    other = gansmith("train", "fashion-dcgan", "--data", "store", "--steps", 1)
    assert other.code == 3
    assert "store was prepared as 40x48 grey; set data.channels=1, data.height=40 and data.width=48" in other.err


def test_of_many_images_some_are_looked_at_evenly_spread(gansmith, photos, tiny, monkeypatch):
    monkeypatch.setattr(shape, "LOOKED_AT", 3)
    folder = photos(40, 40, num=8)
    for number in (0, 3, 6):
        Image.open(f"{folder}/{number}.png").resize((48, 48)).save(f"{folder}/{number}.png")
    result = gansmith("train", tiny, "--data", folder)
    assert "looking at 3 of 8 files" in result.err
    assert shape_of(result) == (3, 48, 48, "crop")


def test_classes_of_own_images_train_and_go_on_from_anywhere(gansmith, photos, tiny, monkeypatch):
    Path("set").mkdir()
    for folder in ("set/beach", "set/town"):
        photos(40, 48, folder=folder)
    result = gansmith("train", tiny, "--data", "set[beach]")
    assert result.code == 0, result.err
    assert shape_of(result) == (3, 40, 48, "crop")
    assert data_of(result).name == f"{Path('set').resolve()}[beach]"
    run = result.run.resolve()
    monkeypatch.chdir("/")
    assert gansmith("resume", run, "--steps", 13).code == 0


def test_nothing_usable_stops_before_a_run_is_made(gansmith, tiny):
    Path("photos").mkdir()
    Path("photos/a.png").write_bytes(b"no")
    result = gansmith("train", tiny, "--data", "photos")
    assert result.code == 3
    assert "photos holds no image that can be used" in result.err
    assert not Path("runs").exists()


def test_a_dry_run_shows_the_shape_and_makes_nothing(gansmith, photos):
    result = gansmith("train", "--data", photos(40, 48), "--steps", 9, "--dry-run")
    assert "height = 40\nwidth = 48\n" in result.out
    assert not Path("runs").exists()


def test_a_run_whose_images_have_moved_says_how_to_go_on_and_that_does(gansmith, photos, tiny):
    run = gansmith("train", tiny, "--data", photos(40, 48)).run
    was = str(Path("photos").resolve())
    Path("photos").rename("moved")
    lost = gansmith("resume", run, "--steps", 13)
    assert lost.code == 3
    assert f"are not at {was} any more; say where they are: gansmith resume {run} --data PATH" in lost.err
    found = gansmith("resume", run, "--steps", 13, "--data", "./moved")
    assert found.code == 0, found.err
    assert data_of(found).name == str(Path("moved").resolve())
    Path("moved/0.png").unlink()
    others = gansmith("resume", run, "--steps", 14, "--data", "moved")
    assert "its images are not those it was trained on" in others.err


@pytest.mark.slow
def test_images_that_changed_or_went_are_not_said_to_be_those_trained_on(gansmith, photos, tiny):
    run = gansmith("train", tiny, "--data", photos(40, 48, num=16)).run
    options = ("--metrics", "kid", "-n", 16, "--features", "random")
    assert "is what was trained on" in gansmith("evaluate", run, *options).out
    Path("photos/0.png").unlink()
    changed = gansmith("evaluate", run, *options[:2], "-n", 15, *options[4:])
    assert "photos has changed since the training" in changed.out, changed.err
    assert "is what was trained on" not in changed.out
    Path("photos").rename("moved")
    against = gansmith("evaluate", run, "--against", "moved", *options[:2], "-n", 15, *options[4:])
    assert "copies are not looked for, without the images trained on: " in against.out, against.err
