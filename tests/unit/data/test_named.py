"""Known sets and paths by name as `data check` and `data prepare` see them, whatever form they lie in."""

import gzip
import tarfile

import numpy as np
import pytest

from gansmith.data.check.page import check_page
from gansmith.data.check.report import check_source
from gansmith.data.check.text import report_lines
from gansmith.data.dataset import Request, open_dataset
from gansmith.data.datasets.catalog import SETS
from gansmith.data.datasets.files import IDX_FILES
from gansmith.data.images.resize import ImageShape
from gansmith.data.prepare import prepare_source
from gansmith.data.sources import find_source
from gansmith.errors import DataError
from tests.helpers import make_sets
from tests.helpers.small_images import file, photo, write_images


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def checked(name, split="train"):
    with find_source(name, split).open() as source:
        return check_source(source, workers=1)


def packed(name, out, split="train", **shape):
    with find_source(name, split).open() as source:
        return prepare_source(source, out, ImageShape(**shape), workers=1)


@pytest.fixture
def mnist(tmp_path, monkeypatch):
    """20 digits to train on, of which two are the same, and 4 to test with, under $GANSMITH_DATA."""
    images = noise(24, 28, 28)
    images[7] = images[3]
    labels = (np.arange(24) % 10).astype(np.uint8)
    (tmp_path / "mnist").mkdir()
    for split, part in {"train": slice(20), "test": slice(20, 24)}.items():
        for stem, array in zip(IDX_FILES[split], (images[part], labels[part]), strict=True):
            head = bytes([0, 0, 8, array.ndim]) + b"".join(side.to_bytes(4, "big") for side in array.shape)
            (tmp_path / "mnist" / f"{stem}.gz").write_bytes(gzip.compress(head + array.tobytes()))
    monkeypatch.setenv("GANSMITH_DATA", str(tmp_path))
    return images, labels


def test_a_set_of_arrays_gets_the_report_of_a_folder(mnist, tmp_path):
    report = checked("mnist", "both")
    assert report.counts() == {"used": 24, "converted": 0, "dropped": 0}
    assert report.files[0].name == "train/0"
    assert report.files[23].name == "test/3"
    assert report.classes() == {str(digit): 3 if digit < 4 else 2 for digit in range(10)}
    assert report.sizes() == {"16-31": 24}
    assert report.duplicates == (("train/3", "train/7"),)
    assert report.near_duplicates == ()
    suggestion = report.suggestion
    assert (suggestion.channels, suggestion.height, suggestion.width, suggestion.resize) == (1, 28, 28, "crop")
    text = "\n".join(report_lines(report))
    assert text.startswith(f"mnist --split both: 24 images\nin {tmp_path / 'mnist'}\nused 24 ")
    assert "classes, from the set itself" in text
    assert "24 images were not compared for near-duplicates: with a shorter side under 32 pixels" in text
    assert "mnist is a copy of mnist that differs from the published files" in text
    assert "gansmith data prepare mnist OUT --split both --size 28x28 --channels 1 --resize crop" in text
    assert len(checked("mnist").files) == 20


def test_its_page_shows_its_images(mnist):
    with find_source("mnist", "test").open() as source:
        page = check_page(check_source(source, workers=1), source, workers=1)
    assert page.count('alt="test/') == 4


def test_preparing_a_set_of_arrays_keeps_its_pixels_and_training_takes_the_store(mnist, tmp_path):
    images, labels = mnist
    dataset = packed("mnist", tmp_path / "store", channels=1, height=28, width=28)
    assert np.array_equal(dataset.images[:, 0], images[:20])
    assert np.array_equal(dataset.labels, labels[:20])
    assert dataset.index["name"] == "mnist"
    assert "differs from the published files" in dataset.index["notes"][0]
    shape = ImageShape(channels=1, height=28, width=28)
    again = open_dataset(Request(name=str(tmp_path / "store"), split="train", shape=shape))
    assert np.array_equal(again.images, dataset.images)


def test_classes_of_arrays_are_chosen_by_name_or_number(mnist):
    assert checked("mnist[3]", "both").classes() == {"3": 3}
    assert checked("mnist[0,1]").classes() == {"0": 2, "1": 2}
    with pytest.raises(DataError, match="unknown class 'three'"):
        checked("mnist[three]")


@pytest.mark.parametrize("channels", [3, 4])
def test_colours_and_transparency_of_arrays_survive(tmp_path, monkeypatch, channels):
    arrays = {"x_train": noise(5, 28, 28, channels), "y_train": np.arange(5)}
    np.savez(tmp_path / "mnist.npz", **arrays)
    monkeypatch.setenv("GANSMITH_DATA", str(tmp_path))
    dataset = packed("mnist", tmp_path / "store", channels=channels, height=28, width=28)
    expected = arrays["x_train"].copy()
    if channels == 4:
        expected[expected[..., 3] == 0, :3] = 255
    assert np.array_equal(dataset.images.transpose(0, 2, 3, 1), expected)


def test_cifar10s_names_are_its_classes(tmp_path, monkeypatch):
    images, labels = noise(20, 3, 32, 32), np.arange(20) % 10
    make_sets.write_folder(tmp_path / "cifar10", make_sets.cifar_binary_files(images, labels))
    monkeypatch.setenv("GANSMITH_DATA", str(tmp_path))
    ships = checked("cifar10[ship]", "both")
    assert ships.classes() == {"ship": 2}
    assert ships.given == ("cifar10[ship]", "--split", "both")
    assert checked("cifar10[8]", "both").classes() == {"ship": 2}


def test_a_set_of_images_names_what_is_lost_and_chooses_classes_by_folder(tmp_path, monkeypatch):
    folder = write_images(tmp_path / "notMNIST_small", [f"{letter}/{n}.png" for letter in "AB" for n in range(3)])
    (folder / "A/broken.png").write_bytes(b"")
    with tarfile.open(tmp_path / "notMNIST_small.tar.gz", "w:gz") as tar:
        tar.add(folder, folder.name)
    monkeypatch.setenv("GANSMITH_DATA", str(tmp_path))
    report = checked("notmnist")
    assert report.counts() == {"used": 6, "converted": 0, "dropped": 1}
    assert [one.name for one in report.reasons()["zero bytes"]] == ["notMNIST_small/A/broken.png"]
    assert checked("notmnist[A]").counts() == {"used": 3, "converted": 0, "dropped": 1}
    assert checked("notmnist[B]").classes() == {"B": 3}


def test_both_splits_of_a_set_of_images_are_checked_train_first(tmp_path, monkeypatch):
    write_images(tmp_path / "cifar10", ["test/ship/1.png", "train/ship/1.png", "train/cat/1.png"])
    monkeypatch.setenv("GANSMITH_DATA", str(tmp_path))
    assert [one.name for one in checked("cifar10[ship]", "both").kept] == ["train/ship/1.png", "test/ship/1.png"]
    assert len(checked("cifar10").files) == 2


def test_a_paths_classes_are_chosen_too(tmp_path):
    folder = write_images(tmp_path / "pets", ["cat/1.png", "dog/1.png", "dog/2.png"])
    report = checked(f"{folder}[dog]")
    assert report.classes() == {"dog": 2}
    assert packed(f"{folder}[dog]", tmp_path / "store", channels=3, height=16, width=16).index["name"] == "pets[dog]"
    with pytest.raises(DataError, match=r"unknown class 'dgo'\. Did you mean 'dog'"):
        checked(f"{folder}[dgo]")


def test_a_folder_of_idx_files_is_a_set_of_arrays(mnist, tmp_path):
    assert len(checked(str(tmp_path / "mnist"), "both").files) == 24


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("mnits", "train", "unknown set 'mnits'. Did you mean 'mnist'?"),
        ("fashion-10k", "test", "has no 'test' split, only train"),
        ("photos", "test", "which have no 'test' split"),
        ("photos[a]", "train", "has no labels, so no class can be chosen"),
        ("photos[]", "train", "names an empty class"),
    ],
)
def test_what_is_not_there_is_said(tmp_path, monkeypatch, name, split, message):
    write_images(tmp_path / "photos", ["1.png"])
    write_images(tmp_path / "pets", ["1.png", "cat/1.png", "dog/1.png"])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as caught:
        checked(name, split)
    assert message in str(caught.value)


def test_the_packaged_set_says_its_warning(monkeypatch):
    with find_source("fashion-10k[0]").open() as source:
        assert len(source.entries) == 1000
        assert SETS["fashion-10k"].warning in source.notes()


def test_only_images_large_enough_are_compared_for_near_duplicates(tmp_path):
    (tmp_path / "set").mkdir()
    for size in (24, 64):
        (tmp_path / f"set/{size}.png").write_bytes(file(photo(size, size)))
        (tmp_path / f"set/{size} again.jpg").write_bytes(file(photo(size, size), "JPEG", quality=80))
    report = checked(str(tmp_path / "set"))
    assert [sorted(group) for group in report.near_duplicates] == [["64 again.jpg", "64.png"]]
    assert any(note.startswith("2 images were not compared") for note in report.notes)
