"""The catalogue is complete and well formed, so that nothing is missing when a user needs it."""

import re
from urllib.parse import urlsplit

import pytest

from gansmith.data.datasets.catalog import SETS
from gansmith.data.datasets.find import size_to_download

FILES = [pytest.param(name, file, id=f"{name}/{file.name}") for name, known in SETS.items() for file in known.remote]
HASH = re.compile(r"[0-9a-f]{64}|md5:[0-9a-f]{32}")


def test_the_six_sets_and_their_variants_are_there():
    assert set(SETS) == {
        "fashion-10k", "fashion-mnist", "mnist", "stacked-mnist", "notmnist", "notmnist-large", "svhn", "celeba",
        "cifar10"
    }  # fmt: skip


@pytest.mark.parametrize("name", SETS)
def test_every_set_says_what_it_is_and_how_to_get_it(name):
    known = SETS[name]
    assert known.title
    assert known.licence
    assert known.how_to_get
    assert re.search(r"\b(19|20)\d\d\b", known.citation)
    assert known.homepage.startswith("https://")
    assert known.remote


@pytest.mark.parametrize(("name", "file"), FILES)
def test_every_file_has_a_size_a_sound_checksum_and_the_splits_it_holds(name, file):
    assert file.size > 1000
    assert file.hash is None or HASH.fullmatch(file.hash)
    assert file.content is None or HASH.fullmatch(file.content)
    assert file.splits
    assert set(file.splits) <= set(SETS[name].splits)


@pytest.mark.parametrize(("name", "file"), FILES)
def test_a_file_without_a_checksum_can_check_itself(name, file):
    assert file.hash or file.name.endswith(".gz")


@pytest.mark.parametrize(("name", "file"), FILES)
def test_every_mirror_is_https_and_names_the_file(name, file):
    for url in file.urls:
        parts = urlsplit(url)
        assert parts.scheme == "https"
        assert parts.path.endswith(f"/{file.name}")
    assert len(set(file.urls)) == len(file.urls)


def test_only_celeba_needs_a_browser():
    assert [name for name, known in SETS.items() if not all(file.urls for file in known.remote)] == ["celeba"]
    assert size_to_download("celeba") == 0


@pytest.mark.parametrize("name", SETS)
def test_the_first_layout_is_made_of_published_files(name):
    known, layout = SETS[name], SETS[name].layouts[0]
    published = {file.name.removesuffix(".gz"): file for file in known.remote}
    for split, names in layout.files.items():
        assert all(split in published[one.removesuffix(".gz")].splits for one in names)


@pytest.mark.parametrize("name", SETS)
def test_every_split_on_request_is_a_split(name):
    assert set(SETS[name].on_request) < set(SETS[name].splits)


def test_a_download_is_as_large_as_the_files_it_needs():
    assert size_to_download("mnist") == 9_912_422 + 28_881 + 1_648_877 + 4_542
    assert size_to_download("mnist", "test") == 1_648_877 + 4_542
    assert size_to_download("svhn") == 182_040_794 + 64_275_384
    assert size_to_download("svhn", "extra") == 1_329_278_602
    assert size_to_download("cifar10") == 170_052_171
