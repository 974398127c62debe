"""A store is found by what its images hold: copied, touched or renamed, nothing is packed or even read again."""

import json
import os
import shutil
import tarfile
from pathlib import Path

import pytest

from gansmith.data import hashes
from gansmith.data.dataset import Access, Request, open_dataset
from gansmith.data.datasets.catalog import cache_folder
from gansmith.data.hashes import file_hash, file_hashes
from gansmith.data.images.resize import ImageShape
from tests.helpers.small_images import file, photo, write_images

SHAPE = ImageShape(channels=3, height=16, width=16)
LONG_AGO = 10**18


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def photos(tmp_path):
    """Four images of two classes, long settled."""
    folder = write_images(tmp_path / "photos", ["a/1.png", "a/2.png", "b/1.png", "b/2.png"])
    settle(folder)
    return folder


def settle(folder):
    for number, one in enumerate(sorted(folder.rglob("*"))):
        os.utime(one, ns=(LONG_AGO + number, LONG_AGO + number))


@pytest.fixture
def read(monkeypatch):
    """The files that are read to be hashed from here on."""
    names, sha256 = [], hashes._sha256
    monkeypatch.setattr(hashes, "_sha256", lambda one: names.append(one.name) or sha256(one))
    return names


def opened(path, split="train"):
    return open_dataset(Request(name=str(path), split=split, shape=SHAPE))


def stores():
    return sorted(one.name for one in (cache_folder() / "packs").iterdir())


def test_a_copied_a_touched_and_a_renamed_folder_find_the_same_store(photos, tmp_path, monkeypatch):
    first = opened(photos)
    monkeypatch.setattr("gansmith.data.images.pool.Decoders.decode", None)  # a second decoding would fail
    shutil.copytree(photos, tmp_path / "elsewhere/copy")
    os.utime(photos / "a/1.png")
    photos.rename(tmp_path / "renamed")
    for place in (tmp_path / "elsewhere/copy", tmp_path / "renamed"):
        again = opened(place)
        assert again.images.filename == first.images.filename
        assert again.index["name"] == place.name
    assert len(stores()) == 1


@pytest.mark.parametrize("change", ["content", "name", "another", "fewer"])
def test_other_content_is_another_store(photos, change):
    opened(photos)
    if change == "content":  # of the same size, at the same time
        status = (photos / "a/1.png").stat()
        (photos / "a/1.png").write_bytes((photos / "a/2.png").read_bytes().ljust(status.st_size, b"\0"))
    elif change == "name":
        (photos / "a").rename(photos / "c")
    elif change == "another":
        (photos / "a/3.png").write_bytes(file(photo(40, 40, seed=9)))
    else:
        (photos / "a/1.png").unlink()
    opened(photos)
    assert len(stores()) == 2


def test_an_unchanged_folder_is_not_read_again_and_of_a_changed_one_only_what_changed(photos, read):
    opened(photos)
    assert read == ["1.png", "2.png", "1.png", "2.png"]
    read.clear()
    opened(photos)
    assert read == []
    (photos / "b/2.png").write_bytes(file(photo(40, 40, seed=5)))
    opened(photos)
    assert read == ["2.png"]


def test_a_file_that_changed_just_now_is_read_again_for_it_may_change_unseen(tmp_path, read):
    (tmp_path / "x").write_bytes(b"one")
    first = file_hash(tmp_path / "x")
    status = (tmp_path / "x").stat()
    (tmp_path / "x").write_bytes(b"two")
    os.utime(tmp_path / "x", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert file_hash(tmp_path / "x") != first
    assert len(read) == 2


def test_an_archive_is_known_by_its_bytes_wherever_it_lies(photos, tmp_path, read, monkeypatch):
    with tarfile.open(tmp_path / "photos.tar", "w") as tar:
        tar.add(photos, "photos")
    os.utime(tmp_path / "photos.tar", ns=(LONG_AGO, LONG_AGO))
    first = opened(tmp_path / "photos.tar")
    opened(tmp_path / "photos.tar")
    shutil.copy(tmp_path / "photos.tar", tmp_path / "copy.tar")
    monkeypatch.setattr("gansmith.data.images.pool.Decoders.decode", None)
    assert opened(tmp_path / "copy.tar").images.filename == first.images.filename
    assert read == ["photos.tar", "copy.tar"]


def test_a_part_of_an_archive_is_a_store_of_its_own(tmp_path, monkeypatch):
    folder = write_images(tmp_path / "all", ["train/ship/1.png", "test/ship/1.png"])
    with tarfile.open(tmp_path / "cifar-10-images.tar", "w") as tar:
        tar.add(folder, ".")
    monkeypatch.setenv("GANSMITH_DATA", str(tmp_path))
    assert [len(opened("cifar10", split)) for split in ("train", "test", "both")] == [1, 1, 2]
    assert len(stores()) == 3


@pytest.mark.parametrize("memo", ["{", "[]", '{"a/1.png": 3}', '{"a/1.png": ["x", null, 2]}', b"\xff"])
def test_a_damaged_memo_only_costs_time(photos, memo):
    names = ["a/1.png", "b/2.png"]
    hashes = file_hashes(photos, names)
    (written,) = (cache_folder() / "memos").iterdir()
    assert json.loads(written.read_text()).keys() == set(names)
    written.write_bytes(memo if isinstance(memo, bytes) else memo.encode())
    assert file_hashes(photos, names) == hashes


def test_where_nothing_can_be_written_and_for_files_that_are_gone_there_is_an_answer(photos, monkeypatch):
    Path("file").write_text("")
    monkeypatch.setenv("GANSMITH_CACHE", "file")
    hashes = file_hashes(photos, ["a/1.png", "gone.png"])
    assert len(hashes[0]) == 64
    assert hashes[1] == ""


def test_names_that_are_not_utf8_are_remembered(tmp_path, read):
    name = os.fsdecode(b"caf\xe9.png")
    (tmp_path / name).write_bytes(b"1")
    settle(tmp_path)
    assert file_hashes(tmp_path, [name]) == file_hashes(tmp_path, [name])
    assert len(read) == 1


class StoppedError(Exception):
    pass


def test_what_was_begun_under_another_name_is_not_taken_for_the_store(photos, tmp_path):
    def stop(done, _):
        if done == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        open_dataset(Request(name=str(photos), split="train", shape=SHAPE), Access(packing=stop))
    assert stores()[0].startswith(".unfinished-photos-")
    photos.rename(tmp_path / "renamed")
    assert len(opened(tmp_path / "renamed")) == 4
