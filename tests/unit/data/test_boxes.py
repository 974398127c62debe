"""The part of each image that is used: CelebA's two crops, and what becomes of images that do not hold it."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from gansmith.data.dataset import Request, open_dataset
from gansmith.data.images.decode import decode
from gansmith.data.images.resize import ImageShape
from gansmith.data.prepare import prepare
from gansmith.errors import DataError, RecipeError
from gansmith.recipe_file import from_values, override, read_toml, to_toml
from gansmith.recipes import recipe
from tests.helpers import make_sets
from tests.helpers.small_images import file, photo, write_images

PUBLISHED = ImageShape(
    channels=3, height=32, width=32, resize="stretch", box=(34, 14, 150, 130), resample="bilinear"
)  # of "Having Fun with Deep Convolutional GANs": the column end was computed from the row offset
REPAIRED = ImageShape(channels=3, height=32, width=32, box=(34, 14, 150, 150), resample="bilinear")


def by_hand(pixels, columns):
    return np.asarray(Image.fromarray(pixels[34:184, columns]).resize((32, 32), Image.Resampling.BILINEAR))


@pytest.mark.parametrize(
    ("wanted", "columns"), [(PUBLISHED, slice(14, 144)), (REPAIRED, slice(14, 164))], ids=["published", "repaired"]
)
def test_celebas_two_crops_are_those_of_pillow_to_the_bit(tmp_path, monkeypatch, wanted, columns):
    faces = np.stack([np.asarray(photo(218, 178, seed=seed)) for seed in range(3)])
    make_sets.write_celeba_zip(tmp_path / "img_align_celeba.zip", faces)
    monkeypatch.setenv("GANSMITH_DATA", str(tmp_path))
    found = open_dataset(Request(name="celeba", split="train", shape=wanted)).images
    for image, face in zip(found, faces, strict=True):
        buffer = file(Image.fromarray(face), "JPEG", quality=95)
        decoded = np.asarray(Image.open(io.BytesIO(buffer)))
        assert np.array_equal(image.transpose(1, 2, 0), by_hand(decoded, columns))


def test_nothing_outside_the_box_is_seen():
    image = np.full((40, 40, 3), 255, np.uint8)
    image[8:24, 4:20] = 0
    wanted = ImageShape(channels=3, height=8, width=8, box=(8, 4, 16, 16))
    assert not decode("a.png", file(Image.fromarray(image)), wanted).pixels.any()


def test_the_box_is_of_the_upright_image():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    lying = np.zeros((40, 60, 3), np.uint8)
    lying[:, :30] = 200  # the top of the upright image, 60 high and 40 wide
    upright = ImageShape(channels=3, height=16, width=16, box=(44, 0, 16, 40))
    turned = decode("a.jpg", file(Image.fromarray(lying), "JPEG", exif=exif), upright)
    assert turned.pixels.max() < 10


def test_a_image_that_does_not_hold_the_box_is_dropped_and_named(tmp_path):
    folder = write_images(tmp_path / "set", ["1.png", "2.png"])
    for name, size in {"low.png": (39, 40), "narrow.png": (40, 39)}.items():
        (folder / name).write_bytes(file(photo(*size)))
    boxed = ImageShape(channels=3, height=16, width=16, box=(8, 8, 32, 32))
    dataset = prepare(folder, tmp_path / "store", boxed, allow_dropped=True, workers=1)
    assert len(dataset) == 2
    assert dataset.index["dropped"] == ["low.png (does not hold the box)", "narrow.png (does not hold the box)"]
    with pytest.raises(DataError, match="2 of 4 images"):
        prepare(folder, tmp_path / "other", boxed, workers=1)


def test_images_of_a_set_of_arrays_are_cut_too_and_a_box_outside_is_refused():
    whole = open_dataset(Request(name="fashion-10k", split="train", shape=ImageShape(channels=1, height=28, width=28)))
    box = ImageShape(channels=1, height=8, width=12, box=(4, 10, 8, 12))
    part = open_dataset(Request(name="fashion-10k", split="train", shape=box))
    assert np.array_equal(part.images, whole.images[:, :, 4:12, 10:22])
    assert part.index["notes"] == ["28x28 grey images, their box [4, 10, 8, 12] fitted to 8x12 grey"]
    outside = ImageShape(channels=1, height=8, width=8, box=(0, 0, 8, 29))
    with pytest.raises(DataError, match=r"data.box=\[0, 0, 8, 29\] does not lie inside the 28x28 grey images"):
        open_dataset(Request(name="fashion-10k", split="train", shape=outside))


def test_a_store_is_of_one_box_and_one_way_to_resize(tmp_path):
    folder = write_images(tmp_path / "set", ["1.png"])

    def opened(**more):
        shape = ImageShape(channels=3, height=16, width=16, **more)
        return open_dataset(Request(name=str(folder), split="train", shape=shape)).images

    assert not np.array_equal(opened(), opened(box=(0, 0, 20, 20)))
    assert not np.array_equal(opened(), opened(resample="bilinear"))


def test_a_prepared_store_does_not_take_a_box_it_was_not_made_with(tmp_path):
    folder = write_images(tmp_path / "set", ["1.png"])
    boxed = ImageShape(channels=3, height=16, width=16, box=(0, 0, 20, 20))
    prepare(folder, tmp_path / "boxed", boxed, workers=1)
    prepare(folder, tmp_path / "whole", ImageShape(channels=3, height=16, width=16), workers=1)
    assert len(open_dataset(Request(name=str(tmp_path / "boxed"), split="train", shape=boxed))) == 1
    with pytest.raises(DataError, match=r"was prepared without data.box=\[0, 0, 20, 20\]"):
        open_dataset(Request(name=str(tmp_path / "whole"), split="train", shape=boxed))


def test_a_recipe_holds_a_box_and_toml_and_json_bring_it_back():
    changed = override(recipe("demo"), ["data.box=[34, 14, 150, 130]", "data.resample=bilinear", "data.resize=stretch"])
    assert changed.data.shape.box == (34, 14, 150, 130)
    text = to_toml(changed)
    assert "box = [34, 14, 150, 130]\n" in text
    assert "box = []\n" in to_toml(recipe("demo"))
    assert from_values(read_toml(text, "test")) == changed
    assert from_values(json.loads(changed.model_dump_json())) == changed
    assert override(changed, ["data.box=[]", "data.resample=lanczos", "data.resize=crop"]) == recipe("demo")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("data.box=[1,2,3]", "data.box=[1, 2, 3] must be [] or [top, left, height, width]"),
        ("data.box=[0,0,0,8]", "data.box=[0, 0, 0, 8] must be"),
        ("data.box=[0,-1,8,8]", "data.box=[0, -1, 8, 8] must be"),
        ("data.box=[0,0,8,'x']", "data.box.3 must be a valid integer, got 'x'"),
        ("data.box=[0,0,8.0,8]", "data.box.2 must be a valid integer, got 8.0"),
        ("data.box=all", "data.box must be a list in brackets, got 'all'"),
        ("data.resample=nearest", "data.resample must be 'lanczos' or 'bilinear', got 'nearest'"),
    ],
)
def test_a_wrong_box_says_what_is_wrong(change, message):
    with pytest.raises(RecipeError) as caught:
        override(recipe("demo"), [change])
    assert message in str(caught.value)
