"""Images come in as they are, or not at all."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.data.paths import open_path
from gansmith.errors import DataError
from gansmith.evaluation.inputs import first_shape, image_set, read_array, read_images
from tests.helpers.small_features import grey
from tests.helpers.small_images import file, photo

SHAPE = (24, 24, 3)


def read(folder, shape=SHAPE):
    with open_path(Path(folder)) as source:
        return read_images(source, shape)


def folder_of(name, *images_, suffix="png", format_="PNG", **options):
    Path(name).mkdir()
    for number, image in enumerate(images_):
        (Path(name) / f"{number}.{suffix}").write_bytes(file(image, format_, **options))
    return name


def test_a_folder_of_png_is_read_to_the_last_bit_and_in_order():
    wanted = [photo(seed=seed) for seed in range(3)]
    found = read(folder_of("fakes", *wanted))
    assert np.array_equal(found.images, np.stack([np.asarray(image) for image in wanted]))
    assert (found.name, found.notes) == ("fakes", ())


def test_jpeg_is_read_and_remarked_upon():
    found = read(folder_of("fakes", photo(), suffix="jpg", format_="JPEG", quality=95))
    assert "1 of the 1 images are JPEG" in found.notes[0]


def test_grey_images_saved_as_colour_are_grey_without_loss():
    grey_one = photo(channels=1)
    found = read(folder_of("fakes", grey_one.convert("RGB")), (24, 24, 1))
    assert np.array_equal(found.images[0, ..., 0], np.asarray(grey_one))


@pytest.mark.parametrize(
    ("image", "shape", "said"),
    [
        (photo(channels=3), (24, 24, 1), "0.png is not 24x24 grey (colour to grey); convert it."),
        (photo(16, 24), SHAPE, "0.png is 16x24, but the images it is compared with are 24x24"),
        (photo(channels=4), SHAPE, "(transparency laid over white)"),
    ],
)
def test_what_would_have_to_be_changed_is_refused(image, shape, said):
    with pytest.raises(DataError) as caught:
        read(folder_of("fakes", image), shape)
    assert said in str(caught.value)


def test_a_image_that_is_cut_short_is_refused_by_name():
    folder_of("fakes", photo(), photo(seed=1))
    broken = Path("fakes/1.png")
    broken.write_bytes(broken.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"1\.png cannot be used"):
        read("fakes")


def test_files_that_are_no_images_are_passed_over():
    folder_of("fakes", photo())
    Path("fakes/labels.csv").write_text("0.png,cat\n")
    Path("fakes/notes.txt").write_text("made on Monday")
    assert len(read("fakes")) == 1


def test_the_first_image_gives_the_shape_where_none_is_said():
    with open_path(Path(folder_of("fakes", photo(16, 24, channels=1)))) as source:
        assert first_shape(source) == (16, 24, 1)


def test_an_array_is_read_as_it_is():
    np.save("x.npy", grey(5))
    found = read_array(Path("x.npy"))
    assert np.array_equal(found.images, grey(5))
    assert found.name == "x.npy"
    np.save("x.npy", grey(5)[..., 0])
    assert np.array_equal(read_array(Path("x.npy")).images, grey(5))


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((4, 8, 8, 1), np.float32), "is float32 of shape (4, 8, 8, 1) from 0 to 0; images are uint8 0 to 255"),
        (np.full((4, 8, 8, 1), -1.0), "(x * 127.5 + 127.5).round().clip(0, 255)"),
        (
            np.zeros((4, 8, 8, 1), np.int32),
            "x.npy is int32 of shape (4, 8, 8, 1) from 0 to 0; images are uint8 0 to 255",
        ),
        (np.zeros((4, 3, 8, 8), np.uint8), "move them last: x = x.transpose(0, 2, 3, 1)"),
        (np.zeros((0, 8, 8, 1), np.uint8), "x.npy holds no images: it is an empty array, of shape (0, 8, 8, 1)."),
    ],
)
def test_an_array_of_another_kind_is_refused_and_the_way_out_named(array, said):
    np.save("x.npy", array)
    with pytest.raises(DataError) as caught:
        read_array(Path("x.npy"))
    assert said in str(caught.value)


def test_equal_pixels_have_equal_hashes_and_others_not():
    levels = grey(5)
    assert image_set(levels, "a").sha256 == image_set(levels.copy(), "b").sha256
    assert image_set(levels, "a").sha256 != image_set(levels[::-1], "a").sha256
    assert image_set(levels, "a").sha256 != image_set(levels.reshape(5, 4, 16, 1), "a").sha256


def test_a_image_with_a_palette_is_read_as_it_looks():
    wanted = Image.new("RGB", (24, 24), (10, 200, 30))
    found = read(folder_of("fakes", wanted.convert("P", palette=Image.Palette.ADAPTIVE)))
    assert np.array_equal(found.images[0], np.asarray(wanted))
