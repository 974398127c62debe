"""The files of `gansmith sample` beside walks: numbers below images, picked images, JPEG, MP4, and no --out."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.viz.grids import enlargement, grid, jpeg, to_pillow
from gansmith.viz.numbered import LABEL_HEIGHT, numbered_grid


def sampled(gansmith, run, *options):
    """Exit code 0, and the path that was printed."""
    result = gansmith("sample", run, *options)
    assert result.code == 0, result.err
    return Path(result.out.splitlines()[-1])


def array(gansmith, run, num, name="all.npy"):
    return np.load(sampled(gansmith, run, "-n", num, "--out", name))


def test_without_out_a_grid_is_written_to_the_current_folder_and_nothing_is_overwritten(gansmith, trained):
    names = [str(sampled(gansmith, "last", "-n", 6)) for _ in range(3)]
    assert names == [f"00001-tiny-samples{number}.png" for number in ("", "-2", "-3")]
    assert len({Path(name).read_bytes() for name in names}) == 1
    with Image.open(names[0]) as opened:
        assert np.array_equal(np.asarray(opened), np.asarray(grid(array(gansmith, trained, 6), 3)))
    walk = sampled(gansmith, trained, "--interpolate", "0,3", "--frames", 2)
    assert str(walk) == "00001-tiny-interpolation.gif"


def test_without_out_a_run_that_is_given_by_a_path_still_gives_its_name(gansmith, trained, monkeypatch):
    monkeypatch.chdir(trained)
    assert str(sampled(gansmith, ".", "-n", 1)) == "00001-tiny-samples.png"


def test_picked_images_are_those_of_their_numbers_in_the_order_given(gansmith, trained):
    every = array(gansmith, trained, 130)
    for picked in ([3], [129, 0, 64]):
        words = ",".join(map(str, picked))
        found = np.load(sampled(gansmith, trained, "-n", 130, "--pick", words, "--out", f"{picked[0]}.npy"))
        assert np.array_equal(found, every[picked])
    folder = sampled(gansmith, trained, "--pick", "17,4", "--out", "images")
    assert sorted(file.name for file in folder.iterdir()) == ["000004.png", "000017.png"]
    with Image.open(folder / "000017.png") as opened:
        assert np.array_equal(np.asarray(opened), every[17, ..., 0])


@pytest.mark.parametrize("shape", [(6, 28, 28, 1), (4, 64, 48, 3), (5, 8, 8, 4), (3, 100, 4, 1)])
def test_a_numbered_grid_has_the_images_as_they_are_each_above_its_number(shape):
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    numbers = [0, 12, 345, 6789, 17, 99][: len(images)]
    pixels = np.asarray(numbered_grid(images, numbers, 2).convert("RGBA"))
    plain = np.asarray(grid(images, 2).convert("RGBA"))
    assert pixels.shape[0] == plain.shape[0] + LABEL_HEIGHT * -(-len(images) // 2)
    blocks = [np.asarray(to_pillow(image).convert("RGBA")) for image in images]
    zoom = enlargement(*shape[1:3])
    for image in blocks:
        tile = image.repeat(zoom, 0).repeat(zoom, 1)
        windows = np.lib.stride_tricks.sliding_window_view(pixels[..., :3], (*tile.shape[:2], 3))
        corner = windows[:, :, 0, 0, 0] == tile[0, 0, :3]
        assert any(np.array_equal(windows[y, x, 0], tile[..., :3]) for y, x in np.argwhere(corner.all(-1)))


def test_each_number_is_below_its_image_and_differs_from_the_others():
    images = np.zeros((4, 28, 28, 1), np.uint8)
    pixels = np.asarray(numbered_grid(images, [0, 1, 1000, 77], 2))
    labels = [
        pixels[60 + row * 76 : 76 + row * 76, 4 + column * 60 : 60 + column * 60] for row in (0, 1) for column in (0, 1)
    ]
    assert all((label == 255).any() for label in labels)
    assert len({label.tobytes() for label in labels}) == 4
    assert (labels[2] > 100).sum() > 2 * (labels[1] > 100).sum(), "1000 is longer than 1"


def test_numbers_of_picked_images_are_their_own(gansmith, trained):
    file = sampled(gansmith, trained, "--pick", "17,4,30", "--numbers", "--out", "picked.png")
    with Image.open(file) as opened:
        wanted = numbered_grid(array(gansmith, trained, 64)[[17, 4, 30]], [17, 4, 30], 3)
        assert np.array_equal(np.asarray(opened), np.asarray(wanted))


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".JPG"])
def test_a_grid_can_be_a_jpeg(gansmith, trained, suffix):
    file = sampled(gansmith, trained, "-n", 6, "--out", f"grid{suffix}")
    with Image.open(file) as opened:
        assert opened.format == "JPEG"
        difference = np.asarray(opened).astype(int) - np.asarray(grid(array(gansmith, trained, 6), 3))
    assert np.abs(difference).mean() < 3
    assert np.abs(difference).max() < 60


def test_a_walk_can_be_a_jpeg(gansmith, trained):
    names = [
        sampled(gansmith, trained, "--interpolate", "0,3", "--frames", 3, "--out", f"x{end}")
        for end in (".jpg", ".png")
    ]
    with Image.open(names[0]) as first, Image.open(names[1]) as second:
        assert first.size == second.size


def test_a_jpeg_has_white_where_an_image_is_transparent():
    image = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
    with Image.open(io.BytesIO(jpeg(image))) as opened:
        assert np.asarray(opened).min() >= 254


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ("--pick 64", "--pick 64: there are images 0 to 63; for number 64 add -n 65."),
        ("--pick 0,5 -n 5", "--pick 0,5: there are images 0 to 4; for number 5 add -n 6."),
        ("--pick 0,0", "--pick 0,0: number 0 is given twice."),
        ("--pick 1,", "--pick '1,': give the numbers of images, such as 3,17,42."),
        ("--pick -1", "--pick"),
        ("--pick x", "--pick 'x': give the numbers"),
        ("--pick 1 --interpolate 0,1", "--pick 1 has no effect with --interpolate"),
        ("--numbers --out x.npy", "--numbers has an effect on a grid only, FILE.png or FILE.jpg"),
        ("--numbers --out folder", "--numbers has an effect on a grid only"),
        ("--numbers --interpolate 0,1 --out x.png", "--numbers has an effect on a grid only"),
        ("--out x.mp4", "--out x.mp4: an animation needs --interpolate"),
        ("--out x.tiff", "unknown suffix '.tiff'; give FILE.png, FILE.jpg,"),
        ("-n 5000", "5,000 images do not fit one grid (limit 4,096)"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence_and_nothing_is_made(gansmith, trained, options, part):
    before = sorted(Path().iterdir())
    result = gansmith("sample", "last", *options.split())
    assert (result.code, result.out) == (2, "")
    assert part in result.err
    assert len(result.err.splitlines()) == 1
    assert sorted(Path().iterdir()) == before


def test_an_mp4_without_its_package_is_refused_before_anything_is_sampled(gansmith, trained, monkeypatch):
    monkeypatch.setattr("gansmith.viz.video.find_spec", lambda name: None)
    monkeypatch.setattr("gansmith.load", lambda *given: 1 / 0)
    result = gansmith("sample", "last", "--interpolate", "0,1", "--out", "x.mp4")
    assert (result.code, result.out) == (6, "")
    assert result.err == "error: MP4 files need an extra package: pip install 'gansmith[video]'.\n"
