"""Where known sets are found, in which forms, and when they are downloaded instead."""

import gzip
import hashlib
import shutil
import socket
from dataclasses import replace

import pytest

from gansmith.data.datasets import find
from gansmith.data.datasets.catalog import SETS, KnownSet, Layout
from gansmith.data.datasets.files import IDX_FILES, RemoteFile
from gansmith.data.datasets.find import find_set, look_for
from gansmith.errors import DataError

CONTENTS = {
    name: name.encode() * 40 for name in ("train-images", "train-labels", "t10k-images", "t10k-labels", "second.tar")
}


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The user's $GANSMITH_DATA, and a cache of this test's own."""
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv("GANSMITH_DATA", str(folder))
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(find, "SYSTEM", tmp_path / "no system")
    monkeypatch.setitem(SETS, "fashion-mnist", replace(SETS["fashion-mnist"], packaged=None))
    return folder


@pytest.fixture
def cache(own, tmp_path):
    return tmp_path / "cache/sets"


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


# --- where


def test_the_users_folder_comes_before_the_cache_and_the_cache_before_the_system(own, cache, monkeypatch, tmp_path):
    monkeypatch.setattr(find, "SYSTEM", tmp_path / "system")
    monkeypatch.setitem(SETS, "svhn", replace(SETS["svhn"], packaged=tmp_path / "packaged"))
    for folder in (tmp_path / "system/svhn", tmp_path / "packaged", cache / "svhn", own, own / "svhn"):
        touch(folder / "train_32x32.mat")
        assert look_for("svhn", "train").place == folder


def test_a_copy_with_the_wanted_split_comes_before_one_without(own, cache):
    touch(own / "svhn/train_32x32.mat", cache / "svhn/test_32x32.mat")
    assert look_for("svhn", "train").place == own / "svhn"
    assert look_for("svhn", "test").place == cache / "svhn"


def test_idx_files_lying_loose_are_nobodys_because_three_sets_share_their_names(own):
    touch(*(own / f"{name}.gz" for names in IDX_FILES.values() for name in names))
    assert look_for("mnist") is None
    assert look_for("fashion-mnist") is None


@pytest.mark.parametrize("name", sorted(SETS.keys() - {"fashion-10k"}))
def test_a_folder_of_other_things_is_no_copy(own, name):
    touch(own / name / "notes.txt")
    assert look_for(name) is None


# --- in which form


@pytest.mark.parametrize(
    ("name", "files", "kind", "splits"),
    [
        ("mnist", ["mnist/train-images-idx3-ubyte", "mnist/train-labels-idx1-ubyte.gz"], "idx", {"train"}),
        ("mnist", ["mnist.npz"], "npz", {"train", "test"}),
        ("notmnist", ["notMNIST_small.tar.gz"], "images", {"train"}),
        ("notmnist", ["notmnist/notMNIST_small.tar.gz"], "images", {"train"}),
        ("notmnist", [f"notmnist/{letter}/x.png" for letter in "ABCDEFGHIJ"], "images", {"train"}),
        ("notmnist-large", [f"notmnist-large/notMNIST_large/{c}/x.png" for c in "ABCDEFGHIJ"], "images", {"train"}),
        ("svhn", ["svhn/extra_32x32.mat"], "svhn-mat", {"extra"}),
        ("celeba", ["celeba/img_align_celeba.zip"], "images", {"train"}),
        ("celeba", ["celeba/img_align_celeba/000001.jpg"], "images", {"train"}),
        ("cifar10", ["cifar-10-images.tar"], "images", {"train", "test"}),
        ("cifar10", ["cifar10/train/ship/1.jpg", "cifar10/test/ship/1.jpg"], "images", {"train", "test"}),
        ("cifar10", ["cifar-10-python.tar.gz"], "cifar-python", {"train", "test"}),
        ("cifar10", ["cifar10/cifar-10-batches-py/test_batch"], "cifar-python", {"test"}),
        ("cifar10", ["cifar10/test_batch.bin"], "cifar-binary", {"test"}),
        ("cifar10", [f"cifar10/data_batch_{number}.bin" for number in range(1, 6)], "cifar-binary", {"train"}),
    ],
)
def test_a_copy_is_known_by_its_form(own, name, files, kind, splits):
    touch(*(own / file for file in files))
    found = look_for(name)
    assert found.layout.format == kind
    assert set(found.files) == splits
    assert all(path.exists() for paths in found.files.values() for path in paths)
    assert not found.is_official()


def test_an_archive_is_named_by_its_own_path(own):
    touch(own / "notMNIST_small.tar.gz", own / "svhn/test_32x32.mat", own / "svhn/train_32x32.mat")
    assert look_for("notmnist").path == own / "notMNIST_small.tar.gz"
    assert look_for("svhn").path == own / "svhn"


def test_a_split_that_lacks_a_file_is_not_complete(own):
    touch(own / "mnist/train-images-idx3-ubyte.gz")
    assert look_for("mnist").files == {}


# --- what it is


def test_the_packaged_images_are_the_published_ones_though_packed_anew():
    found = look_for("fashion-10k")
    assert found.files["train"][0].stat().st_size != SETS["fashion-10k"].remote[0].size
    assert found.is_official()


def test_published_images_are_known_unpacked(own):
    (own / "fashion-10k").mkdir()
    for path in look_for("fashion-10k").files["train"]:
        (own / "fashion-10k" / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    assert look_for("fashion-10k").place == own / "fashion-10k"
    assert look_for("fashion-10k").is_official()


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:-9], lambda data: b"x" + data])
def test_a_damaged_copy_is_not_the_published_one(own, damage):
    shutil.copytree(SETS["fashion-10k"].packaged, own / "fashion-10k")
    file = look_for("fashion-10k").files["train"][1]
    file.write_bytes(damage(file.read_bytes()))
    assert look_for("fashion-10k").place == own / "fashion-10k"
    assert not look_for("fashion-10k").is_official()


def test_images_that_differ_in_one_pixel_are_not_the_published_ones(own):
    shutil.copytree(SETS["fashion-10k"].packaged, own / "fashion-10k")
    file = look_for("fashion-10k").files["train"][0]
    pixels = bytearray(gzip.decompress(file.read_bytes()))
    pixels[-1] ^= 1
    file.write_bytes(gzip.compress(pixels, 1))
    assert not look_for("fashion-10k").is_official()


# --- downloaded


@pytest.fixture
def toy(own, monkeypatch):
    """A set that can be downloaded in two layouts, from mirrors that are a dict; what is asked for is kept."""
    monkeypatch.delenv("GANSMITH_OFFLINE")
    asked, gone = [], set()

    def fetch(file, folder, *, progress=None):
        asked.append(file.name)
        if file.name in gone:
            raise DataError(f"{file.name} could not be downloaded.")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file.name).write_bytes(CONTENTS[file.name])

    def remote(name, *splits):
        digest = hashlib.sha256(CONTENTS[name]).hexdigest()
        return RemoteFile(
            name=name, size=len(CONTENTS[name]), hash=digest, splits=splits, urls=(f"https://a.b/{name}",)
        )

    both = ("train", "test")
    known = KnownSet(
        title="toy",
        licence="none",
        citation="nobody",
        homepage="https://example.org",
        layouts=(
            Layout(format="idx", files={one: (f"{stem}-images", f"{stem}-labels") for one, stem in STEMS.items()}),
            Layout(format="images", files=dict.fromkeys(both, ("second.tar",))),
        ),
        remote=(
            *(remote(f"{stem}-{kind}", one) for one, stem in STEMS.items() for kind in ("images", "labels")),
            remote("second.tar", *both),
        ),
        how_to_get="the toy files",
    )
    monkeypatch.setitem(SETS, "toy", known)
    monkeypatch.setattr(find, "fetch_file", fetch)
    return asked, gone


STEMS = {"train": "train", "test": "t10k"}


def test_a_set_that_is_nowhere_is_downloaded_into_the_cache(toy, cache):
    found = find_set("toy")
    assert found.place == cache / "toy"
    assert set(found.files) == {"train", "test"}
    assert found.is_official()


def test_only_the_files_of_the_wanted_split_are_downloaded(toy):
    assert set(find_set("toy", "test").files) == {"test"}
    assert toy[0] == ["t10k-images", "t10k-labels"]


def test_a_split_missing_in_the_cache_is_added(toy):
    find_set("toy", "test")
    assert set(find_set("toy", "train").files) == {"train", "test"}


def test_a_set_that_is_there_is_not_downloaded(toy, own):
    touch(own / "toy/train-images", own / "toy/train-labels")
    assert find_set("toy", "train").place == own / "toy"
    assert toy[0] == []


def test_the_users_own_copy_is_never_mixed_with_downloads(toy, own):
    touch(own / "toy/train-images")
    assert find_set("toy", "train").files == {}
    assert toy[0] == []


def test_the_other_layout_is_downloaded_when_the_first_cannot_be(toy, cache):
    toy[1].add("t10k-images")
    found = find_set("toy", "test")
    assert found.layout.format == "images"
    assert found.path == cache / "toy/second.tar"


def test_all_that_failed_is_told_when_nothing_can_be_downloaded(toy):
    toy[1].update({"t10k-images", "second.tar"})
    with pytest.raises(DataError, match=r"t10k-images could not .* second\.tar could not"):
        find_set("toy", "test")


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_offline_opens_no_socket_and_says_where_it_looked(toy, own, cache, monkeypatch, how):
    monkeypatch.setattr(socket, "socket", None)
    monkeypatch.setenv("GANSMITH_OFFLINE", "1" if how == "environment" else "")
    with pytest.raises(DataError) as caught:
        find_set("toy", offline=how == "argument")
    for part in ("set 'toy' is not on this machine", str(own / "toy"), str(cache / "toy"), "network is off", "the toy"):
        assert part in str(caught.value)
    assert toy[0] == []


def test_celeba_is_explained_instead_of_downloaded(own, monkeypatch):
    monkeypatch.delenv("GANSMITH_OFFLINE")
    monkeypatch.setattr(socket, "socket", None)
    with pytest.raises(DataError) as caught:
        find_set("celeba")
    for part in ("img_align_celeba.zip", "browser", "https://mmlab.ie.cuhk.edu.hk", str(own / "celeba")):
        assert part in str(caught.value)


def test_a_split_that_a_set_does_not_have_is_refused():
    with pytest.raises(DataError, match="set 'notmnist' has no 'test' split, only train"):
        find_set("notmnist", "test")
