"""What the suggested shape cuts off is bounded, counted and said (report R9), and cut-outs are padded."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gansmith.data.check.left_over import shares_left_over
from gansmith.data.check.page import check_page
from gansmith.data.check.suggest import LARGEST, MOST_CROPPED, suggest_shape
from gansmith.data.check.text import report_lines
from gansmith.data.images.resize import ImageShape
from gansmith.data.paths import open_path
from tests.helpers.small_images import check, file, photo, prepare, write_images

SIZES = st.tuples(st.integers(8, 3000), st.integers(8, 3000))


@settings(max_examples=300, deadline=None)
@given(st.lists(SIZES, min_size=1, max_size=12), st.integers(1, 9), st.sampled_from([32, 64, 128]))
def test_nine_of_ten_images_lose_little_to_a_suggested_crop_whatever_their_sizes(sizes, copies, short_side):
    found = suggest_shape(sizes * copies, 0, 0, short_side)
    assert max(found.height, found.width) <= LARGEST
    if found.resize == "crop":
        cut = shares_left_over(np.array(sizes * copies, float), found.height, found.width)
        assert np.percentile(cut, 90) <= MOST_CROPPED


@pytest.mark.parametrize("ratio", [1, 1.5, 3, 4.2, 6.4, 8])
def test_wide_and_tall_images_keep_their_aspect_ratio(ratio):
    for size in ((300, round(300 * ratio)), (round(300 * ratio), 300)):
        found = suggest_shape([size] * 20, 0, 0)
        assert found.resize == "crop"
        assert shares_left_over(np.array([size], float), found.height, found.width)[0] <= 0.06


def test_the_share_left_over_is_the_pixels_outside():
    sizes = np.array([(100, 200), (200, 100), (100, 100)], float)
    assert shares_left_over(sizes, 64, 64).tolist() == [0.5, 0.5, 0]


def test_images_that_are_enlarged_are_counted():
    found = suggest_shape([(40, 40)] + [(80, 80)] * 99, 0, 0)
    assert (found.height, found.why[-1]) == (64, "1 of 100 images are smaller than this and are enlarged")
    assert "enlarged" not in "".join(suggest_shape([(80, 80)] * 99, 0, 0).why)


def mixed(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    for number, size in enumerate([(40, 40)] * 3 + [(40, 50)] * 5 + [(40, 80)]):
        (folder / f"{number}.png").write_bytes(file(photo(*size, seed=number)))
    return folder


@pytest.mark.parametrize(
    ("mode", "note"),
    [
        ("crop", "crop removes 20 % of the median image, at most 50 %"),
        ("pad", "padding fills 20 % of the median image, at most 50 %"),
        ("stretch", "stretch changes the aspect ratio 1.25 times, at most 2.00 times"),
    ],
)
def test_packing_notes_what_the_shape_does(tmp_path, mode, note):
    shape = ImageShape(channels=3, height=32, width=32, resize=mode)
    dataset = prepare(mixed(tmp_path), tmp_path / "store", shape, workers=1)
    assert note in dataset.index["notes"]
    boxed = ImageShape(channels=3, height=32, width=32, resize=mode, box=(0, 0, 32, 32))
    notes = prepare(tmp_path / "set", tmp_path / "boxed", boxed, workers=1).index["notes"]
    assert not [one for one in notes if "median" in one]


def test_the_check_says_what_a_crop_would_remove(tmp_path):
    lines = "\n".join(report_lines(check(mixed(tmp_path), workers=1)))
    assert "padding fills 20 % of the median image, at most 50 %; crop would remove 20 %" in lines


def cut_out(height, width, channels, seed=0):
    image = np.full((height, width, channels), 255, np.uint8)
    if channels == 4:
        image[..., 3] = 0
    image[4:-4, 4:-4] = np.asarray(photo(height - 8, width - 8, channels, seed=seed))
    return Image.fromarray(image)


@pytest.mark.parametrize("channels", [3, 4])
def test_cut_outs_are_padded_where_photographs_would_be_cropped(tmp_path, channels):
    folder = tmp_path / "set"
    folder.mkdir()
    for number in range(8):
        (folder / f"{number}.png").write_bytes(file(cut_out(40, 44 if number % 2 else 38, channels, seed=number)))
    suggestion = check(folder, workers=1).suggestion
    assert (suggestion.channels, suggestion.resize) == (channels, "pad")
    assert "8 of 8 images are cut-outs" in suggestion.why[-1]
    for number in range(8):
        (folder / f"{number}.png").write_bytes(file(photo(40, 44 if number % 2 else 38, 3, seed=number)))
    assert check(folder, workers=1).suggestion.resize == "crop"


def test_the_page_shows_what_the_networks_will_see_and_not_the_first_files(tmp_path):
    folder = write_images(tmp_path / "set", [f"{number:02}.png" for number in range(60)])
    (folder / "near.jpg").write_bytes(file(photo(40, 40, seed=1), "JPEG", quality=80))
    (folder / "same.png").write_bytes(file(photo(40, 40, seed=2)))
    (folder / "wide.png").write_bytes(file(photo(40, 300, seed=70)))
    report = check(folder, workers=1)
    with open_path(folder) as source:
        page = check_page(report, source, workers=1)
    seen = page[page.index("What the networks will see") :]
    assert seen.startswith("What the networks will see: 21 of the 63 images")
    images = re.findall(r'<img width="(\d+)" height="(\d+)" alt="([^"]+)"', seen[: seen.index("</section>")])
    assert {(width, height) for width, height, _ in images} == {("80", "80")}
    assert [name for _, _, name in images][:3] == ["00.png", "03.png", "06.png"]
    assert "≈ near.jpg" in page
    assert "= same.png" in page
    assert "= near.jpg" not in page
