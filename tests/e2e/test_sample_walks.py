"""`gansmith sample --interpolate` and `--truncation`: walks between the images that `sample` makes, in every form."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

import gansmith as package
from gansmith.viz.grids import enlarged, grid, tiles

WALK = ("--interpolate", "0,7,70", "--frames", "5")
ENDS = [0, 7, 70]


def walked(gansmith, run, out, *options):
    result = gansmith("sample", run, *WALK, "--out", out, *options)
    assert result.code == 0, result.err
    assert result.out == f"{out}\n"
    return Path(out)


def sampled(gansmith, run, *options):
    assert gansmith("sample", run, "-n", 71, "--out", "all.npy", *options).code == 0
    return np.load("all.npy")


def read_back(file):
    """The frames (N, H, W, 3), without those that repeat, and the milliseconds in all."""
    with Image.open(file) as opened:
        frames = [(np.asarray(one.convert("RGB")), one.info["duration"]) for one in ImageSequence.Iterator(opened)]
    return np.stack([pixels for pixels, _ in frames]), sum(lasting for _, lasting in frames)


def without_repetitions(frames):
    return [one for number, one in enumerate(frames) if not number or not np.array_equal(one, frames[number - 1])]


@pytest.mark.parametrize("options", [(), ("--seed", "3"), ("--truncation", "0.5"), ("--checkpoint", "4")])
def test_each_leg_begins_with_the_image_of_its_number(gansmith, trained, options):
    frames = np.load(walked(gansmith, trained, "walk.npy", *options))
    assert (frames.dtype, frames.shape) == (np.uint8, (15, 28, 28, 1))
    assert np.array_equal(frames[::5], sampled(gansmith, trained, *options)[ENDS])


def test_the_way_is_gradual(gansmith, trained):
    assert gansmith("sample", trained, "--interpolate", "0,7", "--frames", 20, "--out", "walk.npy").code == 0
    frames = np.load("walk.npy").astype(int)
    moves = np.abs(frames - np.roll(frames, -1, 0)).mean((1, 2, 3))
    assert moves.max() < np.abs(frames[0] - frames[20]).mean() / 5
    assert np.abs(frames[1:20] - frames[:20:-1]).max() <= 1, "from 7 to 0 as from 0 to 7"


def test_an_array_a_folder_a_strip_and_what_moves_agree(gansmith, trained):
    frames = np.load(walked(gansmith, trained, "walk.npy"))
    folder = walked(gansmith, trained, "walk")
    for number, file in enumerate(sorted(folder.iterdir())):
        with Image.open(file) as opened:
            assert np.array_equal(np.asarray(opened), frames[number, ..., 0])
    with Image.open(walked(gansmith, trained, "walk.png")) as opened:
        rows = tiles(opened, 18, 6, 28, 28).reshape(3, 6, 28, 28, 1)
        assert np.array_equal(np.asarray(opened), np.asarray(grid(rows.reshape(-1, 28, 28, 1), 6)))
    assert np.array_equal(rows[:, :5], frames.reshape(3, 5, 28, 28, 1))
    assert np.array_equal(rows[:, 5], rows[[1, 2, 0], 0]), "a row ends where the next one begins"
    large = np.stack([enlarged(one, 6) for one in frames]).repeat(3, 3)
    for file in ("walk.gif", "walk.webp"):
        moving, milliseconds = read_back(walked(gansmith, trained, file))
        assert np.array_equal(moving, without_repetitions(large))
        assert milliseconds == 15 * 50


@pytest.mark.parametrize("out", ["walk.gif", "walk.webp", "walk.png"])
def test_a_walk_comes_again_with_the_same_bytes(gansmith, trained, out):
    first = walked(gansmith, trained, out).read_bytes()
    assert walked(gansmith, trained, out).read_bytes() == first


def test_one_frame_a_leg_is_the_named_images_alone(gansmith, trained):
    assert gansmith("sample", trained, "--interpolate", "7,70", "--frames", 1, "--out", "two.npy").code == 0
    assert np.array_equal(np.load("two.npy"), sampled(gansmith, trained)[[7, 70]])


def test_images_of_great_numbers_are_walked_to_at_once(gansmith, trained):
    options = ("--interpolate", "999999999999999,0", "--frames", 1, "--out", "far.npy")
    assert gansmith("sample", trained, *options).code == 0
    assert np.array_equal(np.load("far.npy")[1], sampled(gansmith, trained)[0])


def test_the_python_names_walk_the_same_way(gansmith, trained):
    frames = np.load(walked(gansmith, trained, "walk.npy", "--seed", 2, "--truncation", 0.8))
    generator = package.load(str(trained))
    assert np.array_equal(np.concatenate(list(generator.interpolate(ENDS, 5, seed=2, truncation=0.8))), frames)
    assert np.array_equal(generator.sample(8, seed=2, truncation=0.8)[7], frames[5])


def test_truncation_brings_images_nearer_to_each_other_and_one_is_none(gansmith, trained):
    untouched, none, half = (sampled(gansmith, trained, *options) for options in ((), *psi(1), *psi(0.5)))
    assert np.array_equal(untouched, none)
    assert half.astype(float).std(0).mean() < 0.7 * none.astype(float).std(0).mean()
    assert gansmith("sample", trained, "-n", 3, "--truncation", 0.5, "--out", "few.npy").code == 0
    assert np.array_equal(np.load("few.npy"), half[:3]), "image i depends on the seed and on i only"


def psi(value):
    yield "--truncation", str(value)


def test_colours_move_without_loss(gansmith, tiny):
    Path("photos").mkdir()
    for number in range(8):
        noise = [Image.effect_noise((40, 32), 90) for _ in range(3)]
        Image.merge("RGB", noise).save(f"photos/{number}.png")
    options = ("--data", "photos", "--set", "data.channels=3", "--set", "data.width=32", "--steps", 2)
    run = gansmith("train", tiny, *options).run
    frames = np.load(walked(gansmith, run, "walk.npy"))
    moving, _ = read_back(walked(gansmith, run, "walk.webp"))
    assert np.array_equal(moving, without_repetitions(frames.repeat(5, 1).repeat(5, 2)))
    few_colours, _ = read_back(walked(gansmith, run, "walk.gif"))
    assert np.abs(few_colours[0].astype(int) - moving[0]).mean() < 5


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ("--interpolate 5 --out x.gif", "--interpolate '5': give the numbers of two images or more, from 0 to 9"),
        ("--interpolate 0,-7 --out x.gif", "--interpolate '0,-7': give the numbers"),
        ("--interpolate 0,x --out x.gif", "--interpolate '0,x': give the numbers"),
        ("--interpolate 0,7, --out x.gif", "--interpolate '0,7,': give the numbers"),
        ("--interpolate 0,٣ --out x.gif", "--interpolate '0,٣': give the numbers"),
        (
            f"--interpolate 0,{10**15} --out x.gif",
            "give the numbers of two images or more, from 0 to 999,999,999,999,999",
        ),
        ("--interpolate 0,7,7 --out x.gif", "image 7 follows itself; give neighbours that differ"),
        ("--interpolate 0,7,0 --out x.gif", "do not repeat the first at the end"),
        ("--interpolate 0,7 -n 9 --out x.gif", "-n 9 has no effect with --interpolate; --frames is"),
        ("--interpolate 0,7 --frames 0 --out x.gif", "frames 0: give at least 1."),
        (
            "--interpolate 0,7 --out x.bmp",
            "unknown suffix '.bmp'; give FILE.png, FILE.jpg, FILE.npy or a folder's name, or with",
        ),
        ("--interpolate 0,7 --frames 9999 --out x.png", "19,998 images do not fit one grid (limit 4,096)"),
        (
            "--interpolate 0,7 --frames 9999 --out x.gif",
            "19,998 frames of 168x168 are too many for an animation (limit 4,755)",
        ),
        ("--frames 9 --out x.png", "--frames 9 has no effect without --interpolate"),
        ("--out x.gif", "--out x.gif: an animation needs --interpolate with the numbers of images."),
        ("--out x.png --truncation 0", "truncation 0.0: give more than 0 and at most 1"),
        ("--out x.png --truncation 1.5", "truncation 1.5: give more than 0"),
        ("--out x.png --truncation nan", "truncation nan: give more than 0"),
        ("--out x.png --truncation high", "--truncation cannot be 'high'"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence_and_nothing_is_made(gansmith, trained, options, part):
    before = sorted(Path().iterdir())
    result = gansmith("sample", "last", *options.split())
    assert (result.code, result.out) == (2, "")
    assert part in result.err
    assert len(result.err.splitlines()) == 1
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize("name", ["x.gif", "x.webp", "x.png"])
def test_a_walk_that_cannot_be_written(gansmith, trained, name):
    Path("file").write_text("")
    result = gansmith("sample", "last", *WALK, "--out", f"file/{name}")
    assert result.code == 8
    assert f"file/{name} cannot be written" in result.err
