"""train/, val/ and test/, and tables called so: each split takes its own part, and what is left out is counted."""

import tarfile
import zipfile

import numpy as np
import pytest

from gansmith.data.dataset import Request, open_dataset
from gansmith.data.images.resize import ImageShape
from gansmith.data.prepare import prepare_source
from gansmith.data.sources import find_source
from gansmith.data.splits import parts_of, top_folder
from gansmith.errors import DataError
from gansmith.evaluation.against import final_split, splits_of
from tests.helpers.small_images import file, photo, write_images

SMALL = ImageShape(channels=3, height=16, width=16)
PARTS = {"train": 8, "val": 2, "test": 3}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path / "cache"))


def entries(name, split="train"):
    with find_source(str(name), split).open() as source:
        return [entry.name for entry in source.entries]


def notes(name, split="train"):
    return open_dataset(Request(name=str(name), split=split, shape=SMALL)).index["notes"]


def tree(tmp_path, names=PARTS, inside="{part}/{number:02}.png"):
    return write_images(
        tmp_path / "set", [inside.format(part=part, number=n) for part, count in names.items() for n in range(count)]
    )


def as_folder(folder):
    return folder


def as_zip(folder):
    """With a folder of its own at the top, as most archives have."""
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as archive:
        for one in sorted(folder.rglob("*.png")):
            archive.write(one, one.relative_to(folder.parent))
    return folder.with_suffix(".zip")


def as_tar(folder):
    with tarfile.open(folder.with_suffix(".tar.gz"), "w:gz") as archive:
        for one in sorted(folder.rglob("*.png")):
            archive.add(one, one.relative_to(folder))
    return folder.with_suffix(".tar.gz")


def as_tables(folder):
    """As Hugging Face lays them out."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    place = folder.with_name("tables")
    (place / "data").mkdir(parents=True)
    for part in {one.parent.name for one in folder.rglob("*.png")}:
        images = [one.read_bytes() for one in sorted((folder / part).iterdir())]
        called = {"val": "validation"}.get(part, part)
        for number, some in enumerate((images[:1], images[1:])):
            pq.write_table(pa.table({"image": some}), place / f"data/{called}-{number:05}-of-00002.parquet")
    return place


FORMS = [as_folder, as_zip, as_tar, as_tables]


@pytest.mark.parametrize("form", FORMS)
def test_train_takes_train_test_takes_test_and_both_take_train_first(tmp_path, form):
    folder = tree(tmp_path)
    images = {part: [(folder / part / f"{n:02}.png").read_bytes() for n in range(num)] for part, num in PARTS.items()}
    place = form(folder)
    for split, parts in {"train": ["train"], "test": ["test"], "both": ["train", "test"]}.items():
        with find_source(str(place), split).open() as source:
            content = [source.read(entry) for entry in source.entries]
            assert content == [image for part in parts for image in images[part]]
            assert len(source.entries) + len(source.passed) == 13
    assert splits_of(str(place)) == ("train", "test")
    assert final_split(str(place)) == "test"


@pytest.mark.parametrize("form", FORMS)
def test_what_is_not_trained_on_is_said_with_counts(tmp_path, form):
    place = form(tree(tmp_path))
    slash, val = ("", "validation") if form is as_tables else ("/", "val/")
    assert notes(place)[0] in (
        f"train{slash}: 8 of 13 images; test{slash} 3 and {val} 2 are not trained on",
        f"train{slash}: 8 of 13 images; {val} 2 and test{slash} 3 are not trained on",
    )
    assert notes(place, "test")[0].startswith(f"test{slash}: 3 of 13 images; ")
    assert notes(place, "both")[0] == f"train{slash} and test{slash}: 11 of 13 images; {val} 2 are not trained on"


@pytest.mark.parametrize(
    ("names", "kinds"),
    [
        (["train/1.png", "test/2.png"], ["train", "test"]),
        (["Train/1.png", "Testing/2.png", "VALID/3.png"], ["train", "test", "validation"]),
        (["set/training/a/1.png", "set/testing/a/2.png", "set/licence.txt"], ["train", "test", None]),
        (["a/b/c/train/1.png", "a/b/c/val/2.png"], ["train", "validation"]),
        (["images/train/1.png", "images/val/2.png", "labels/train/1.txt"], ["train", "validation", None]),
        (["images/train/1.png", "images/val/2.png", "masks/1.txt"], ["train", "validation", None]),
        (["train/images/1.png", "valid/images/2.png", "README.md"], ["train", "validation", None]),
        (["cat/train/1.png", "cat/test/2.png", "dog/train/3.png", "dog/test/4.png"], ["train", "test"] * 2),
        (["train/1.png", "train/2.png", "test/2.png", "cover.png"], ["train", "train", "test", None]),
        (["train.parquet/0", "test.parquet/0"], ["train", "test"]),
        (["data/train-00000-of-00002.parquet/0", "data/validation.parquet/0"], ["train", "validation"]),
        (["plain/train/0000.parquet/0", "plain/test/0000.parquet/0"], ["train", "test"]),
        # none of these has parts
        (["cat/1.png", "dog/2.png", "test/3.png"], []),
        (["train/1.png", "bus/2.png", "car/3.png"], []),
        (["train/1.png", "train/2.png"], []),
        (["val/1.png", "test/2.png"], []),
        (["train.png", "test.png"], []),
        (["1.png", "2.png", "3.png", "old/train/1.png", "old/test/1.png"], []),
        (["cat/train/1.png", "cat/test/2.png", "dog/3.png"], []),
        (["training-day/1.png", "test-shots/2.png"], []),
    ],
)
def test_parts_are_told_from_classes(names, kinds):
    found = parts_of(names)
    assert [found[name].kind if name in found else None for name in names] == (kinds or [None] * len(names))


@pytest.mark.parametrize(
    ("names", "top"),
    [
        (["a/1", "a/2"], "a/"),
        (["a/b/1", "a/b/2", "a/note"], "a/b/"),
        (["a/1", "b/2"], ""),
        (["a/1", "2"], ""),
        (["1"], ""),
        ([], ""),
    ],
)
def test_the_top_is_the_folder_of_nearly_all_files(names, top):
    assert top_folder(names) == top


def test_a_set_without_parts_is_one_set(tmp_path):
    folder = write_images(tmp_path / "set", ["cat/1.png", "dog/2.png", "test/3.png"])
    assert len(entries(folder)) == len(entries(folder, "both")) == 3
    assert splits_of(str(folder)) == ("train",)
    with pytest.raises(DataError, match="holds your own images, which have no 'test' split; take 'train'"):
        entries(folder, "test")


def test_without_a_test_part_the_part_for_validation_is_the_test_split(tmp_path):
    folder = tree(tmp_path, {"train": 3, "val": 2})
    assert entries(folder, "test") == ["val/00.png", "val/01.png"]
    assert notes(folder) == ["train/: 3 of 5 images; val/ 2 are not trained on", notes(folder)[1]]


def test_there_is_no_other_split(tmp_path):
    with pytest.raises(DataError, match="has no 'extra' split, only train and test"):
        entries(tree(tmp_path), "extra")
    folder = write_images(tmp_path / "plain", ["1.png"])
    with pytest.raises(DataError, match="have no 'extra' split"):
        entries(folder, "extra")


def test_a_packed_dataset_has_no_parts(tmp_path):
    with find_source(str(tree(tmp_path))).open() as source:
        prepare_source(source, tmp_path / "store", SMALL, workers=1)
    with pytest.raises(DataError, match="is packed as one set, which has no 'test' split"):
        open_dataset(Request(name=str(tmp_path / "store"), split="test", shape=SMALL))


@pytest.mark.parametrize("inside", ["{part}/{kind}/{number}.png", "{kind}/{part}/{number}.png"])
def test_classes_are_the_folders_in_a_part_or_around_it(tmp_path, inside):
    folder = write_images(
        tmp_path / "set",
        [inside.format(part=p, kind=k, number=n) for p in ("train", "test") for k in ("cat", "dog") for n in range(2)],
    )
    for split in ("train", "test", "both"):
        dataset = open_dataset(Request(name=str(folder), split=split, shape=SMALL))
        assert dataset.index["classes"] == ["cat", "dog"]
    assert len(open_dataset(Request(name=f"{folder}[dog]", split="test", shape=SMALL))) == 2


def test_a_label_file_beside_the_parts_and_one_in_each_part_are_read(tmp_path):
    folder = tree(tmp_path)
    (folder / "labels.csv").write_text(
        "id,breed\n" + "".join(f"{part}/{n:02},{'ab'[n % 2]}\n" for part, num in PARTS.items() for n in range(num))
    )
    dataset = open_dataset(Request(name=str(folder), split="train", shape=SMALL))
    assert dataset.labels.tolist() == [0, 1] * 4
    assert not any("fit no file" in note for note in dataset.index["notes"])
    (folder / "labels.csv").unlink()
    for part, num in PARTS.items():
        lines = "".join(f"{n:02}.png,{'xy'[n % 2]}\n" for n in range(num))
        (folder / part / "metadata.csv").write_text("file_name,label\n" + lines)
    for split, labels in {"train": [0, 1] * 4, "both": [0, 1] * 4 + [0, 1, 0]}.items():
        dataset = open_dataset(Request(name=str(folder), split=split, shape=SMALL))
        assert dataset.labels.tolist() == labels
        assert dataset.index["classes"] == ["x", "y"]


def test_images_outside_of_the_parts_are_left_out_and_counted(tmp_path):
    folder = tree(tmp_path)
    (folder / "cover.png").write_bytes(file(photo(40, 40, seed=99)))
    assert "; test/ 3, val/ 2 and 1 outside of them are not trained on" in notes(folder)[0]
    with find_source(str(folder)).open() as source:
        assert dict(source.passed)["cover.png"] == "is not in the split 'train'"
        assert dict(source.passed)["val/00.png"] == "is not in the split 'train', but in val/"


def test_the_images_of_other_parts_are_not_lost(tmp_path):
    folder = tree(tmp_path)
    dataset = open_dataset(Request(name=str(folder), split="train", shape=SMALL))
    assert (len(dataset), dataset.index["lost"]) == (8, 0)
    assert dataset.index["outcomes"]["dropped"] == 5
    again = open_dataset(Request(name=str(folder), split="test", shape=SMALL))
    assert not np.array_equal(again.images[:3], dataset.images[:3])
