"""What lies hidden where an image is fully transparent has no influence (report R10)."""

import numpy as np
import pytest
from PIL import Image

from gansmith.data.dataset import _in_shape
from gansmith.data.images.decode import decode
from gansmith.data.images.resize import ImageShape
from tests.helpers.small_images import check, file, prepare


def sprite(hidden):
    """A red disc of 40 x 60 with a soft edge; `hidden` lies where nothing is seen."""
    down, right = np.indices((40, 60))
    distance = np.hypot(down - 20, right - 30)
    pixels = np.zeros((40, 60, 4), np.uint8)
    pixels[..., 0], pixels[..., 1] = 220, 30
    pixels[..., 3] = ((18 - distance) * 60).clip(0, 255)
    if hidden is not None:
        unseen = pixels[..., 3] == 0
        pixels[unseen, :3] = hidden if isinstance(hidden, int) else hidden.integers(0, 256, (unseen.sum(), 3))
    return Image.fromarray(pixels)


HIDDEN = [0, 255, 100, np.random.default_rng(0), None]


def packed(tmp_path, shape):
    folder = tmp_path / "set"
    folder.mkdir()
    for number, hidden in enumerate(HIDDEN):
        (folder / f"{number}.png").write_bytes(file(sprite(hidden)))
    return prepare(folder, tmp_path / "store", shape, workers=1)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("mode", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("size", [(40, 60), (16, 16), (64, 96)])
def test_the_same_sprites_pack_the_same_whatever_is_hidden(tmp_path, channels, mode, size):
    dataset = packed(tmp_path, ImageShape(channels=channels, height=size[0], width=size[1], resize=mode))
    assert (dataset.images == dataset.images[0]).all()


@pytest.mark.parametrize("mode", ["crop", "pad", "stretch"])
def test_hidden_colour_is_white_after_padding_and_resizing_alike(tmp_path, mode):
    image = packed(tmp_path, ImageShape(channels=4, height=24, width=24, resize=mode)).images[0]
    hidden = image[3] == 0
    assert hidden.any()
    assert (image[:3, hidden] == 255).all()


def test_colours_do_not_bleed_into_the_edge():
    shape = ImageShape(channels=4, height=16, width=24)
    image = decode("a.png", file(sprite(0)), shape).pixels
    seen = image[3] > 40
    assert np.abs(image[0, seen].astype(int) - 220).max() <= 6
    assert image[2, seen].max() <= 6


def test_sprites_that_differ_in_what_is_hidden_are_duplicates(tmp_path):
    packed(tmp_path, ImageShape(channels=4, height=16, width=16))
    report = check(tmp_path / "set", workers=1)
    assert report.duplicates == (tuple(f"{number}.png" for number in range(len(HIDDEN))),)


def test_a_palette_s_transparent_colour_is_hidden_too():
    found = []
    for colour in ([9, 9, 9], [250, 0, 250]):
        image = Image.new("P", (16, 16), 0)
        image.putpalette([*colour, 20, 200, 20])
        image.paste(1, (4, 4, 12, 12))
        found.append(decode("a.png", file(image, transparency=0), ImageShape(channels=4, height=16, width=16)))
    assert found[0].sha256 == found[1].sha256
    assert np.array_equal(found[0].pixels, found[1].pixels)


def test_arrays_hide_nothing_either():

    images = np.stack([np.asarray(sprite(hidden)).transpose(2, 0, 1) for hidden in (0, 255, 100)])
    for size in ((40, 60), (20, 30)):
        packed, _ = _in_shape(images, ImageShape(channels=4, height=size[0], width=size[1]), "some")
        assert (packed == packed[0]).all()
        assert (packed[0, :3, packed[0, 3] == 0] == 255).all()
