"""`gansmith runs animate`: a run's sample grids as one image that moves."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from gansmith.viz.grids import grid


def frames_of(file):
    with Image.open(file) as opened:
        return [(np.asarray(one.convert("L")), one.info["duration"]) for one in ImageSequence.Iterator(opened)]


@pytest.mark.parametrize("name", ["evolution.gif", "evolution.webp"])
def test_every_grid_is_a_frame_as_it_is_and_the_last_one_is_held(gansmith, trained, name):
    result = gansmith("runs", "animate", trained, "--out", name)
    assert (result.code, result.out, result.err) == (0, f"{name}\n", "")
    frames = frames_of(name)
    grids = sorted((trained / "samples").iterdir())
    assert [file.stem for file in grids] == [f"{step:08}" for step in (0, 1, 2, 4, 5, 8, 10, 12)]
    for (pixels, _), file in zip(frames, grids, strict=True):
        with Image.open(file) as image:
            assert np.array_equal(pixels[24:], np.asarray(image))
    assert [lasting for _, lasting in frames] == [500] * 7 + [2000]


def test_the_bytes_repeat_and_the_run_is_left_as_it_was(gansmith, trained):
    before = sorted(trained.rglob("*"))
    made = []
    for _ in range(2):
        assert gansmith("runs", "animate", "last", "--out", "new/evolution.webp").code == 0
        made.append(Path("new/evolution.webp").read_bytes())
    assert made[0] == made[1]
    assert sorted(trained.rglob("*")) == before


def test_it_works_without_a_checkpoint_and_while_the_run_is_training(gansmith, trained):
    shutil.rmtree(trained / "checkpoints")
    info = json.loads((trained / "run.json").read_text())
    (trained / "run.json").write_text(json.dumps(info | {"status": "running"}))
    for step in (8, 10, 12):
        (trained / f"samples/{step:08}.png").unlink()
    assert gansmith("runs", "animate", "--out", "so-far.gif").code == 0
    assert len(frames_of("so-far.gif")) == 5


def test_of_many_grids_the_late_ones_are_passed_over_and_this_is_said(gansmith, trained):
    kinds = sorted((trained / "samples").iterdir())[:2]
    for number in range(200):
        shutil.copy(kinds[number % 2], trained / f"samples/{1000 + number:08}.png")
    result = gansmith("runs", "animate", "--out", "evolution.gif")
    assert result.code == 0
    assert result.err.endswith(" of 208 grids, evenly spaced on a log scale\n")
    assert len(frames_of("evolution.gif")) <= 60


@pytest.mark.slow
def test_of_a_grid_too_large_to_play_the_first_rows_and_columns_are_shown(gansmith, trained):
    recipe = trained / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("rows = 2\ncolumns = 3", "rows = 22\ncolumns = 30"))
    drawn = []
    for number, file in enumerate(sorted((trained / "samples").iterdir())):
        images = np.random.default_rng(number).integers(0, 256, (660, 28, 28, 1), np.uint8)
        grid(images, 30).save(file)
        drawn.append(images.reshape(22, 30, 28, 28, 1)[:21, :21].reshape(-1, 28, 28, 1))
    result = gansmith("runs", "animate", "--out", "evolution.webp")
    assert result.code == 0, result.err
    assert result.err == ("showing 21 of 22 rows and 21 of 30 columns: the whole grid is larger than 1280 pixels\n")
    frames = frames_of("evolution.webp")
    assert len(frames) == 8
    assert np.array_equal(frames[-1][0][24:], np.asarray(grid(drawn[-1], 21)))


def error_of(result, code):
    """The one sentence of a refusal, after which nothing has been made."""
    assert (result.code, result.out) == (code, "")
    assert len(result.err.splitlines()) == 1
    assert not [*Path().glob("x.*")]
    return result.err


def test_without_out_it_is_a_gif_in_the_current_folder_and_a_second_one_has_another_name(gansmith, trained):
    for name in ("00001-tiny-evolution.gif", "00001-tiny-evolution-2.gif"):
        result = gansmith("runs", "animate", trained)
        assert (result.code, result.out) == (0, f"{name}\n")
        assert len(frames_of(name)) == 8


def test_an_mp4_without_its_package_is_refused_with_the_command_that_installs_it(gansmith, trained, monkeypatch):
    monkeypatch.setattr("gansmith.viz.video.find_spec", lambda name: None)
    error = error_of(gansmith("runs", "animate", "--out", "x.mp4"), 6)
    assert error == "error: MP4 files need an extra package: pip install 'gansmith[video]'.\n"


def test_an_unknown_suffix(gansmith, trained):
    for out in ("x.png", "x"):
        assert f"--out {out}: unknown suffix" in error_of(gansmith("runs", "animate", "--out", out), 2)


@pytest.mark.parametrize(("num", "words"), [(0, "holds no sample grid"), (1, "holds one sample grid")])
def test_a_run_without_two_grids(gansmith, trained, num, words):
    for file in sorted((trained / "samples").iterdir())[num:]:
        file.unlink()
    error = error_of(gansmith("runs", "animate", "--out", "x.gif"), 2)
    assert error == f"error: {trained} {words}; an animation needs two.\n"


def test_an_imported_run(gansmith, trained):
    info = json.loads((trained / "run.json").read_text())
    (trained / "run.json").write_text(json.dumps(info | {"status": "imported"}))
    for file in sorted((trained / "samples").iterdir())[1:]:
        file.unlink()
    assert "was imported, so it has no sample grids of its training" in error_of(
        gansmith("runs", "animate", "--out", "x.gif"), 2
    )


@pytest.mark.parametrize("damage", ["cut short", "another size", "colours", "no image", "a link"])
@pytest.mark.parametrize("verb", [("animate", "--out", "x.gif"), ("figures",)])
def test_a_grid_that_is_none_is_named(gansmith, trained, damage, verb):
    file = trained / "samples/00000004.png"
    content = file.read_bytes()
    file.unlink()
    if damage == "a link":
        shutil.copy(trained / "samples/00000005.png", "elsewhere.png")
        file.symlink_to(Path("elsewhere.png").absolute())
    elif damage in ("cut short", "no image"):
        file.write_bytes(content[: len(content) // 2] if damage == "cut short" else b"MZ" * 100)
    else:
        channels = 3 if damage == "colours" else 1
        side = 28 if damage == "colours" else 20
        grid(np.zeros((6, side, side, channels), np.uint8), 3).save(file)
    message = error_of(gansmith("runs", verb[0], trained, *verb[1:]), 3)
    assert message.startswith(f"error: {file} is no grid of this run's images: ")
    assert message.endswith("; remove it.\n")


def test_a_place_that_cannot_be_written(gansmith, trained):
    Path("file").write_text("")
    assert "file/x.gif cannot be written" in error_of(gansmith("runs", "animate", "--out", "file/x.gif"), 8)
