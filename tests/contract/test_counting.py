"""Any tree of files, in any form: each is used, converted or dropped for a reason, and what is said is trained on."""

import json
import random
import re
from collections import Counter

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from gansmith.data.check.check_data import check_data
from gansmith.data.dataset import Access, Request, open_dataset
from gansmith.data.images.decode import decode
from gansmith.data.images.resize import ImageShape
from gansmith.data.labels import find_labels
from gansmith.data.open_source import Entry, OpenSource
from gansmith.data.sources import find_source
from gansmith.data.splits import parts_of, take_split
from gansmith.errors import DataError
from gansmith.recipes import load_recipe
from gansmith.training.datasets import split_dataset
from tests.helpers.forms import python_zip, tar_of, write_folder
from tests.helpers.small_images import file, photo

SHAPE = ImageShape(channels=3, height=16, width=16)
SMALL = photo(16, 16)
CONTENTS = [
    file(photo(16, 16, seed=1)),
    file(photo(16, 16, seed=2)),
    file(photo(16, 16, seed=3), "JPEG"),
    file(photo(16, 40, seed=4)),
    file(photo(12, 12, seed=5)),
    file(photo(16, 16, 4, seed=6)),
    file(SMALL.quantize(8), "GIF"),
    file(SMALL)[:90],
    file(photo(4, 16)),
    b"",
    b"<html>404</html>",
    b"RIFF\x24\0\0\0WAVEfmt " + bytes(40),
    b"\0\0\0\x18ftypheic" + bytes(40),
]
"""Images that are used, converted and lost, and files that are none."""
SUFFIXES = [".png", ".jpg", ".JPEG", ".jfif", ".png.~1~", ".txt", ".wav", ".heic", ""]
TOPS = [
    ["", "cat/", "dog/"],
    ["cat/", "dog/", "owl/deep/er/"],
    ["train/", "val/", "test/"],
    ["train/cat/", "train/dog/", "Test/cat/", "Test/dog/", ""],
    ["cat/train/", "cat/test/", "dog/train/", "dog/test/"],
    ["cat/", "dog/", "test/"],
    ["one/"],
]
LABEL_FILES = {
    "labels.csv": "id;width;breed\n" + "".join(f"{number};3;{'ab'[number % 2]}\n" for number in range(0, 60, 3)),
    "metadata.jsonl": '{"file_name": "x", "text": "a cat"}\n',
    "labels.json": '{"images": [], "annotations": []}',
}


def random_tree(seed):
    """Sixty files and, often, a label file."""
    rng = random.Random(seed)
    folders = rng.choice(TOPS)
    files = {
        f"{rng.choice(folders)}{number}{rng.choice(SUFFIXES)}": rng.choice(CONTENTS[: rng.choice([6, 13])])
        for number in range(60)
    }
    for name in rng.sample([*LABEL_FILES], rng.randrange(2)):
        files[name] = LABEL_FILES[name].encode()
    return files | {".DS_Store": b"Bud1", f"{folders[0]}Thumbs.db": b"x"}


def write_table(path, files):
    names = [name for name in files if "DS_Store" not in name]
    images = [{"bytes": files[name], "path": name} for name in names]
    labels = [name.split("/")[0] if "/" in name else None for name in names]
    parquet.write_table(pyarrow.table({"image": images, "label": labels}), path)


FORMS = {"folder": write_folder, "zip": python_zip, "tar": tar_of("gz"), "parquet": write_table}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(6))
def test_every_file_is_counted_once_and_what_is_trained_on_is_what_was_said(tmp_path, cache, seed, form):
    files = random_tree(seed)
    FORMS[form](tmp_path / "set", files)
    count = len(files) - (form == "parquet")
    name, access = str(tmp_path / "set"), Access(allow_dropped=True)
    for split in ("train", "test") if "test" in splits(name) else ("train",):
        report = check_data(name, split, workers=1)
        assert sum(report.counts().values()) == len(report.files) == len({one.name for one in report.files}) == count
        assert all((one.outcome == "used") == (not one.reasons) for one in report.files)
        dropped = Counter(reason for one in report.files if one.outcome == "dropped" for reason in one.reasons)
        assert dropped.total() == report.counts()["dropped"]

        dataset = open_dataset(Request(name=name, split=split, shape=SHAPE), access)
        index = dataset.index
        assert sum(index["outcomes"].values()) == count
        assert len(dataset) == len(report.kept) == index["outcomes"]["used"] + index["outcomes"]["converted"]
        assert index["outcomes"]["dropped"] == report.counts()["dropped"]
        assert index["lost"] == sum(one.lost for one in report.files)
        check_counted(index, count, dropped)

        with find_source(name, split).open() as source:
            content = {entry.name: source.read(entry) for entry in source.entries}
        images = {key for key, one in content.items() if decode("", one).outcome != "dropped"}
        assert {one.name for one in report.kept} == images  # whatever a file is called, wherever it lies
        for image, one in zip(dataset.images, report.kept, strict=True):
            assert (image == decode("", content[one.name], SHAPE).pixels).all()
        check_labels(name, split, dataset, report)


def splits(name):
    try:
        with find_source(name, "test").open():
            return ("train", "test")
    except DataError:
        return ("train",)


def check_counted(index, count, dropped):
    """The note with the counts adds up, and names every reason of what was dropped."""
    (note,) = [note for note in index["notes"] if note.startswith(f"{count:,} files: ")]
    numbers = {key: int(number) for number, key in re.findall(r"(\d+) (used|converted|dropped)\b", note)}
    assert sum(numbers.values()) == count
    assert numbers["dropped"] == dropped.total()
    for reason, number in dropped.items():
        assert f"{reason}: {number}" in note.partition(" dropped (")[2]


def check_labels(name, split, dataset, report):
    """Each image has the class that was reported; who asks for classes gets those that have one, and is told."""
    names = [one.label for one in report.kept]
    if report.labels_from is None:
        assert dataset.labels is None
        return
    classes = dataset.index["classes"]
    assert [classes[label] if label >= 0 else None for label in dataset.labels.tolist()] == names
    request = Request(name=name, split=split, shape=SHAPE, labelled=True)
    told = open_dataset(request, Access(allow_dropped=True))
    missing = sum(label is None for label in names)
    assert len(told) == len(names) - missing == sum(report.classes().values())
    assert missing == len(report.without_class())
    assert any(note.startswith(f"{missing:,} images have no class") for note in told.index["notes"]) or missing < 2
    if missing + dataset.index["lost"] > 0.01 * (len(dataset) + dataset.index["lost"]) and missing:
        with pytest.raises(DataError, match="allow-dropped"):
            open_dataset(request)


def test_the_run_says_how_many_of_how_many_images_it_trains_on(tmp_path, cache):
    FORMS["folder"](
        tmp_path / "set", {f"{number}.png": CONTENTS[number % 2] for number in range(24)} | {"bad.png": b""}
    )
    dataset = open_dataset(
        Request(name=str(tmp_path / "set"), split="train", shape=SHAPE, limit=10), Access(allow_dropped=True)
    )
    changes = [f"data.name={json.dumps(str(tmp_path / 'set'))}", "evaluate.validation=2"]
    found = split_dataset(load_recipe("demo", changes), dataset, Access())
    assert found.notes[0] == "10 of the 25 images of set"
    assert "2 of them are the validation set, for evaluations" in found.notes
    assert len(found.train) == 8
    assert "skipped, cannot be used: bad.png (zero bytes)" in found.notes


PARTS = st.sampled_from(["train", "test", "val", "Valid", "cat", "dog", "images", "labels", "train-0.parquet", "a.tar"])
NAMES = st.lists(PARTS, min_size=0, max_size=3).map("/".join)


@settings(max_examples=300, deadline=None)
@given(folders=st.lists(NAMES, min_size=1, max_size=12), suffix=st.sampled_from([".png", ".txt", ""]))
def test_the_splits_of_any_tree_share_no_image_and_leave_none_unsaid(folders, suffix):
    names = [f"{folder}/{number}{suffix}".lstrip("/") for number, folder in enumerate(folders)]
    entries = tuple(Entry(name, 1) for name in names)
    source = OpenSource(path=None, entries=entries, passed=(), read=lambda entry: b"")
    parts = parts_of(names)
    train = take_split(source, "train")
    assert sorted(entry.name for entry in train.entries) + sorted(name for name, _ in train.passed) != [] or not names
    assert {entry.name for entry in train.entries} | {name for name, _ in train.passed} == set(names)
    assert len(train.entries) + len(train.passed) == len(names)
    assert set(find_labels(train).of) <= {entry.name for entry in train.entries}
    if not parts:
        assert train == source
        with pytest.raises(DataError, match="no 'test' split"):
            take_split(source, "test")
        return
    test, both = take_split(source, "test"), take_split(source, "both")
    taken = [{entry.name for entry in one.entries if entry.name in parts} for one in (train, test, both)]
    assert taken[0]
    assert taken[1]
    assert not taken[0] & taken[1]
    assert taken[2] == taken[0] | taken[1]
    assert all(one.layout for one in (train, test, both))
