"""A class is a property that an image may lack: nothing is lost for want of one, unless classes are asked for."""

import hashlib
import json

import numpy as np
import pytest

from gansmith.data.check.check_data import check_data
from gansmith.data.check.text import report_lines
from gansmith.data.dataset import Access, Request, open_dataset
from gansmith.data.datasets.catalog import cache_folder
from gansmith.data.images.resize import ImageShape
from gansmith.data.prepare import prepare_source
from gansmith.data.sources import find_source
from gansmith.errors import DataError
from tests.helpers.small_images import check, file, photo, prepare, write_images

SMALL = ImageShape(channels=3, height=16, width=16)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path / "cache"))


def opened(name, labelled=False, allow_dropped=False, **more):
    request = Request(name=str(name), split="train", shape=SMALL, labelled=labelled, **more)
    return open_dataset(request, Access(allow_dropped=allow_dropped))


@pytest.fixture
def birds(tmp_path):
    """Twelve images of each of three classes, of which birds have a suffix that nobody knows."""
    names = [f"{kind}/{number}.jpg" for kind in ("cat", "dog") for number in range(12)]
    return write_images(tmp_path / "photos", [*names, *(f"bird/{number}.jfif" for number in range(12))])


def test_images_of_any_suffix_are_trained_on_and_belong_to_their_class(birds):
    dataset = opened(birds)
    assert len(dataset) == 36
    assert dataset.index["classes"] == ["bird", "cat", "dog"]
    assert dataset.index["class_counts"] == [12, 12, 12]
    assert len(opened(f"{birds}[bird]")) == 12
    assert check(birds, workers=1).classes() == {"bird": 12, "cat": 12, "dog": 12}


@pytest.mark.parametrize("names", [["0", "1", "2"], ["0.JPEG.bak", "1.png.~1~", "2.x"], ["0.txt", "1.json", "2.ogg"]])
def test_a_file_is_an_image_if_it_decodes_as_one_whatever_it_is_called(tmp_path, names):
    folder = write_images(tmp_path / "set", [f"{kind}/{name}" for kind in "ab" for name in names])
    report = check(folder, workers=1)
    assert report.counts()["dropped"] == 0
    assert report.classes() == {"a": 3, "b": 3}
    assert len(opened(folder, labelled=True)) == 6


def half(tmp_path):
    """Six images, of which four have a class by a label file."""
    folder = write_images(tmp_path / "set", [f"{number}.png" for number in range(6)])
    (folder / "labels.csv").write_text("0.png,cat\n2.png,dog\n3.png,cat\n5.png,dog\n")
    return folder


def test_an_image_without_a_class_is_packed_with_the_label_minus_one(tmp_path):
    dataset = opened(half(tmp_path))
    assert dataset.labels.tolist() == [0, -1, 1, 0, -1, 1]
    assert dataset.index["class_counts"] == [2, 2]
    assert dataset.index["lost"] == 0
    prepared = prepare(tmp_path / "set", tmp_path / "store", SMALL, workers=1)
    assert prepared.labels.tolist() == [0, -1, 1, 0, -1, 1]


def test_only_who_asks_for_classes_loses_what_has_none_and_that_is_said(tmp_path):
    folder = half(tmp_path)
    for asked in ({"labelled": True}, {"name": f"{folder}[cat]"}):
        options = {"name": folder, **asked}
        with pytest.raises(DataError, match=r"2 of the 6 images of .*set' have no class, the first is 1.png;"):
            opened(**options)
    told = opened(folder, labelled=True, allow_dropped=True)
    assert told.labels.tolist() == [0, 1, 0, 1]
    assert "2 images have no class and are not trained on, the first is 1.png" in told.index["notes"]
    assert len(opened(f"{folder}[cat]", allow_dropped=True)) == 2
    assert len([one for one in (cache_folder() / "packs").iterdir() if one.is_dir()]) == 1


def test_skip_and_limit_count_the_images_that_have_a_class(tmp_path):
    told = opened(half(tmp_path), labelled=True, allow_dropped=True, skip=1, limit=2)
    assert told.rows.tolist() == [2, 3]


def test_the_hashes_of_those_that_have_a_class_are_those_of_a_dataset_of_them_alone(tmp_path):
    """An earlier version packed them alone, and its runs go on."""
    told = opened(half(tmp_path), labelled=True, allow_dropped=True)
    alone = prepare_alone(tmp_path, ["0.png", "2.png", "3.png", "5.png"])
    assert told.index["sha256"]["images"] == alone.index["sha256"]["images"]
    assert told.index["sha256"]["labels"] == alone.index["sha256"]["labels"]
    assert told.index["sha256"]["labels"] == hashlib.sha256(np.array([0, 1, 0, 1], np.uint8).tobytes()).hexdigest()


def prepare_alone(tmp_path, names):
    (tmp_path / "alone").mkdir()
    for name in [*names, "labels.csv"]:
        (tmp_path / "alone" / name).write_bytes((tmp_path / "set" / name).read_bytes())
    return prepare(tmp_path / "alone", tmp_path / "packed alone", SMALL, workers=1)


@pytest.mark.parametrize("name", ["x.png", "x.jfif", "x"])
def test_what_lacks_a_class_is_lost_whatever_its_name_ends_in(tmp_path, name):
    names = [f"{kind}/{number}.png" for kind in "ab" for number in range(30)]
    folder = write_images(tmp_path / "set", [*names, name])
    report = check(folder, workers=1)
    assert report.counts()["dropped"] == 0
    assert report.without_class() == [name]
    assert f"1 image has no class: {name}; training with --labels leaves them out" in report.notes
    assert len(opened(folder)) == 61
    with pytest.raises(DataError, match=f"1 of the 61 images of .* have no class, the first is {name};"):
        opened(folder, labelled=True)
    with find_source(f"{folder}[a]").open() as source, pytest.raises(DataError, match=r"1 of 31 images in .*no class"):
        prepare_source(source, tmp_path / "store", SMALL, workers=1)


def test_one_per_cent_may_lack_a_class_together_with_what_cannot_be_used(tmp_path):
    names = [f"{kind}/{number}.png" for kind in "ab" for number in range(50)]
    folder = write_images(tmp_path / "set", [*names, "x.png"])
    assert len(opened(folder, labelled=True)) == 100
    (folder / "a/0.png").write_bytes(b"")
    assert len(opened(folder)) == 100
    with pytest.raises(DataError, match="1 of the 100 images"):
        opened(folder, labelled=True)


@pytest.mark.parametrize(
    ("content", "is_lost"),
    [
        (file(photo(40, 40), "JPEG")[:200], True),
        (file(photo(40, 40))[:60], True),
        (file(photo(4, 40)), True),
        (b"OggS" + bytes(200), False),
        (b"RIFF\x24\0\0\0WAVEfmt " + bytes(200), False),
        (b"BMW and other makers of cars, in a text that is long enough to hold a header of a BMP file", False),
        (b"P5 is a name of a format", False),
        (b"", False),
    ],
)
def test_the_content_tells_a_damaged_image_from_other_files(tmp_path, content, is_lost):
    folder = write_images(tmp_path / "set", ["1.png"])
    (folder / "other.bin").write_bytes(content)
    (lost,) = [one for one in check(folder, workers=1).files if one.outcome == "dropped"]
    assert lost.lost == is_lost
    assert is_lost or lost.reasons in (("not an image",), ("zero bytes",))


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["photos/animals/birds/1.png", "photos/animals/2.png", "photos/plants/3.png"], {"animals": 2, "plants": 1}),
        (["2019/may/1.png", "2020/june/2.png"], {"2019": 1, "2020": 1}),
        (["a/1.png", "b/1.png", "b/2.png", "3.png"], {"a": 1, "b": 2}),
        (["a/1.png", "b/1.png", "2.png", "3.png"], {}),
        (["a/1.png", "a/2.png", "3.png"], {}),
        (["top/a/1.png", "top/b/1.png", "top/b/2.png", "licence.png"], {"a": 1, "b": 2}),
    ],
)
def test_the_first_folders_are_classes_where_most_images_lie_in_two(tmp_path, names, classes):
    folder = write_images(tmp_path / "set", names)
    assert check(folder, workers=1).classes() == classes
    assert opened(folder).index["classes"] == [*classes]


def test_folders_without_an_image_are_no_classes(tmp_path):
    folder = write_images(tmp_path / "set", ["images/1.png", "images/2.png"])
    (folder / "labels").mkdir()
    for number in (1, 2):
        (folder / f"labels/{number}.txt").write_text("0 0.5 0.5 0.1 0.1")
    report = check(folder, workers=1)
    assert (report.classes(), report.labels_from) == ({}, None)
    assert all(one.label is None for one in report.files)
    assert opened(folder).labels is None


def test_a_packed_dataset_says_how_many_of_its_images_have_no_class(tmp_path):
    prepare(half(tmp_path), tmp_path / "store", SMALL, workers=1)
    report = check_data(str(tmp_path / "store"))
    assert report.classes == {"cat": 2, "dog": 2}
    assert "2 images have no class: 1.png, 4.png" in report.notes


def test_a_dataset_that_an_earlier_version_packed_still_loads(tmp_path):
    prepare(half(tmp_path), tmp_path / "store", SMALL, workers=1)
    index = json.loads((tmp_path / "store/index.json").read_text())
    for new in ("without_class", "no_classes"):
        del index[new]
    (tmp_path / "store/index.json").write_text(json.dumps(index))
    assert len(opened(tmp_path / "store")) == 6
    with pytest.raises(DataError, match=r"2 of the 6 images of .* have no class;"):
        opened(tmp_path / "store", labelled=True)


def test_files_that_are_no_images_are_counted_by_suffix(tmp_path):
    folder = write_images(tmp_path / "set", ["1.png", "2.png"])
    for number in range(200):
        (folder / f"{number}.ogg").write_bytes(b"OggS" + bytes(40))
    for number in range(31):
        (folder / f"{number}.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt " + bytes(40))
    (folder / "README").write_text("sounds")
    lines = list(report_lines(check(folder, workers=1)))
    assert "        232  not an image: 200 .ogg, 31 .wav, 1 without a suffix" in lines
    assert max(map(len, lines)) < 160


def test_what_was_converted_and_dropped_is_in_the_notes_of_the_packed_dataset(tmp_path):
    folder = write_images(tmp_path / "set", ["1.png", "2.png", "3"])
    (folder / "a.ogg").write_bytes(b"OggS" + bytes(40))
    (folder / "b.gif").write_bytes(file(photo(40, 40).quantize(8), "GIF"))
    notes = opened(folder).index["notes"]
    assert notes == [
        "5 files: 2 used, 2 converted (not named as an image but is PNG: 1; palette: 1), 1 dropped (not an image: 1)"
    ]
