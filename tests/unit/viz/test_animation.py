"""Images that move, read back by Pillow."""

import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

from gansmith.viz.animation import animation
from gansmith.viz.evolution import MOMENTS, animation_steps, evolution_frame, is_milestone
from gansmith.viz.grids import BACKGROUND, enlarged, grid, grid_size, to_pillow

LASTING = [50, 50, 70, 2000]


def smooth(channels, num=4):
    """Images of few colours, as uint8 (N, 24, 32, C); transparent, half transparent or not, if there are four."""
    coarse = np.random.default_rng(0).integers(0, 256, (num, 6, 8, channels), np.uint8)
    if channels == 4:
        coarse[..., 3] = np.array([0, 128, 255, 255])[coarse[..., 3] // 64]
    return coarse.repeat(4, 1).repeat(4, 2)


def read_back(content):
    """The frames as arrays (N, H, W, 4), and the milliseconds of each."""
    frames, lasting = [], []
    with Image.open(io.BytesIO(content)) as opened:
        assert opened.info["loop"] == 0
        for frame in ImageSequence.Iterator(opened):
            frames.append(np.asarray(frame.convert("RGBA")))
            lasting.append(frame.info["duration"])
    return np.stack(frames), lasting


def as_rgba(pixels):
    return np.stack([np.asarray(to_pillow(one).convert("RGBA")) for one in pixels])


def of(pixels, suffix, lasting=LASTING):
    return animation([to_pillow(one) for one in pixels], lasting, suffix)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_frames_durations_and_size_come_back_and_the_bytes_repeat(channels, suffix):
    content = of(smooth(channels), suffix)
    frames, lasting = read_back(content)
    assert frames.shape == (4, 24, 32, 4)
    assert lasting == LASTING
    assert of(smooth(channels), suffix) == content


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_webp_keeps_every_value_that_is_seen(channels):
    given = as_rgba(smooth(channels))
    frames, _ = read_back(of(smooth(channels), ".webp"))
    assert np.array_equal(frames[..., 3], given[..., 3])
    assert np.array_equal(frames[frames[..., 3] > 0], given[given[..., 3] > 0])


def test_gif_keeps_all_256_greys():
    greys = np.arange(1024, dtype=np.uint16).astype(np.uint8).reshape(1, 32, 32, 1)
    pixels = np.concatenate([greys, 255 - greys, greys // 2, greys.transpose(0, 2, 1, 3)])
    frames, _ = read_back(of(pixels, ".gif"))
    assert np.array_equal(frames, as_rgba(pixels))


def test_gif_has_the_colours_of_each_frame_where_they_are_at_most_256():
    frames, _ = read_back(of(smooth(3), ".gif"))
    assert np.array_equal(frames, as_rgba(smooth(3)))


def test_gif_comes_near_to_many_colours():
    ramp = np.stack(np.meshgrid(np.arange(0, 256, 4), np.arange(0, 256, 4)), -1).astype(np.uint8)
    pixels = np.stack([np.dstack([ramp, np.full((64, 64), blue, np.uint8)]) for blue in (0, 90)])
    frames, _ = read_back(of(pixels, ".gif", [50, 50]))
    assert np.abs(frames.astype(int) - as_rgba(pixels)).mean() < 5


def test_gif_puts_white_behind_what_is_transparent():
    pixels = np.zeros((2, 8, 8, 4), np.uint8)
    pixels[:, :4, :, 3] = 255  # black above, nothing below
    pixels[1, 0, 0] = 200, 0, 0, 255
    frames, _ = read_back(of(pixels, ".gif", [50, 50]))
    assert frames[0, 2, 2].tolist() == [0, 0, 0, 255]
    assert frames[0, 6, 2].tolist() == [255, 255, 255, 255]


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_frames_that_repeat_take_as_long_as_they_would_apart(suffix):
    pixels = smooth(1)[[0, 0, 1, 1, 1]]
    _, lasting = read_back(of(pixels, suffix, [50, 50, 50, 50, 2000]))
    assert lasting == [100, 2100]


def test_pixels_are_enlarged_as_blocks():
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    large = enlarged(pixels, 3)
    assert large.shape == (6, 9, 1)
    assert np.array_equal(large[1::3, 1::3], pixels)


@pytest.mark.parametrize("shape", [(7, 28, 28, 1), (4, 64, 48, 3), (5, 100, 10, 4)])
def test_the_size_of_a_sheet_is_known_before_it_is_drawn(shape):
    assert grid(np.zeros(shape, np.uint8), 3).size == grid_size(shape[0], 3, *shape[1:3])


def test_every_early_grid_is_a_frame_and_later_ones_are_passed_over():
    drawn = [step for step in range(100_001) if is_milestone(step) or step % 500 == 0]
    steps = animation_steps(drawn)
    assert steps[:10] == [0, 1, 2, 5, 10, 20, 50, 100, 200, 500]
    assert steps[-1] == 100_000
    assert len(steps) <= MOMENTS
    late = np.diff([step for step in steps if step >= 10_000])
    assert (late >= 1000).all()


@pytest.mark.parametrize("drawn", [[0, 12], [5], [3, 1, 2]])
def test_few_grids_are_all_frames(drawn):
    assert animation_steps(drawn) == sorted(drawn)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_frame_is_the_sheet_with_words_above_it(channels):
    images = np.random.default_rng(0).integers(0, 256, (6, 28, 28, channels), np.uint8)
    frame, other = (evolution_frame(step, 4000, images, 3) for step in (1000, 4000))
    sheet = grid(images, 3)
    assert (frame.mode, frame.size) == (sheet.mode, (sheet.width, sheet.height + 24))
    assert np.array_equal(np.asarray(frame)[24:], np.asarray(sheet))
    header = np.asarray(frame.convert("RGB"))[:24]
    assert (header == BACKGROUND).mean() > 0.7
    assert header.max() == 255
    assert not np.array_equal(header, np.asarray(other.convert("RGB"))[:24])


def test_a_narrow_sheet_leaves_room_for_the_words():
    frame = evolution_frame(123_000, 1_000_000, np.zeros((2, 28, 28, 1), np.uint8), 1)
    assert frame.width == 180
    lit = np.asarray(frame)[:24].max(0) > 100
    assert not lit[110:135].any(), "the two do not meet"
    assert lit[:80].any()
    assert lit[-60:].any()
