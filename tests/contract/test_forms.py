"""A folder and its zip, tar or Parquet give the same images, classes and notes, by whatever tool they were made."""

from collections import Counter

import numpy as np
import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pyarrow import parquet

from gansmith.data.check.report import check_source
from gansmith.data.images.resize import ImageShape
from gansmith.data.paths import open_path
from gansmith.text import printable
from tests.helpers.forms import FORMS, TOP, tree, write_folder
from tests.helpers.small_images import file, photo, prepare

SHAPE = ImageShape(channels=3, height=16, width=16)
FORMS_OF_ANY_NAME = ("folder", "zip of Python", "zip of Windows", "tar.gz")


def facts(path):
    """What the data check and packing say, by the names below the top folder."""
    with open_path(path) as source:
        report = check_source(source, workers=1)
        listed = len(source.entries) + len(source.passed)
    assert sum(report.counts().values()) == len(report.files) == listed
    tops = (f"home/me/{TOP}/", f"{TOP}/", f"__MACOSX/{TOP}/")

    def below(name):
        return next((name.removeprefix(top) for top in tops if name.startswith(top)), name)

    files = {
        below(one.name): (one.outcome, one.reasons, one.sha256, one.label, one.lost)
        for one in report.files
        if not one.name.startswith("__MACOSX/")
    }
    groups = [sorted(map(below, group)) for group in (*report.duplicates, *report.near_duplicates)]
    return {
        "files": files,
        "classes": report.classes(),
        "labels_from": report.labels_from,
        "duplicates": sorted(groups),
        "suggestion": report.suggestion,
        "notes": [note.replace(f"home/me/{TOP}/", "").replace(f"{TOP}/", "") for note in report.notes],
    }


@pytest.fixture(scope="module")
def of_the_folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("forms") / TOP
    FORMS["folder"](path, tree())
    return facts(path)


def test_the_tree_is_awkward_and_most_of_it_is_used(of_the_folder):
    assert len(tree()) >= 60
    assert of_the_folder["files"].keys() == tree().keys()
    outcomes = Counter(outcome for outcome, *_ in of_the_folder["files"].values())
    assert outcomes["used"] + outcomes["converted"] == 44
    reasons = Counter(reason for _, found, *_ in of_the_folder["files"].values() for reason in found)
    assert reasons["is a hidden file or an operating system's own"] == 12
    assert reasons["belongs to a run of gansmith"] == 3
    assert reasons["belongs to a packed dataset"] == 2
    lost = {name for name, (*_, lost) in of_the_folder["files"].items() if lost}
    assert lost == {"cat/empty.png", "cat/cut.png", "cat/404.jpg", "cat/pointer.png"}


@pytest.mark.parametrize("form", [form for form in FORMS if form != "folder"])
def test_every_form_of_a_tree_gives_what_its_folder_gives(tmp_path, of_the_folder, form):
    path = tmp_path / TOP
    FORMS[form](path, tree())
    found = facts(path)
    assert found["files"] == of_the_folder["files"]
    assert found == of_the_folder


def test_every_form_packs_the_same_images_of_the_same_classes(tmp_path):
    classes, packed = {}, {}
    for number, form in enumerate(FORMS):
        path = tmp_path / str(number) / TOP
        path.parent.mkdir()
        FORMS[form](path, tree())
        dataset = prepare(path, tmp_path / str(number) / "packed", SHAPE, allow_dropped=True, workers=1)
        numbers = dataset.labels.tolist() if dataset.labels is not None else [None] * len(dataset)
        packed[form] = Counter(zip(map(bytes, dataset.images), numbers, strict=True))
        notes = [note.replace(f"home/me/{TOP}/", "").replace(f"{TOP}/", "") for note in dataset.index["notes"]]
        about = {key: value for key, value in dataset.index["reasons"].items() if form != "zip of a Mac"}
        classes[form] = dataset.index["classes"], sorted(notes), about
    for form in FORMS:
        assert packed[form] == packed["folder"], form
        assert classes[form][0] == classes["folder"][0], form
        if form != "zip of a Mac":  # which has a file more, and says so
            assert classes[form] == classes["folder"], form


def test_the_rows_of_a_table_are_the_images_of_the_folder(tmp_path, of_the_folder):
    used = {name: content for name, content in tree().items() if of_the_folder["files"][name][0] != "dropped"}
    columns = {
        "image": [{"bytes": content, "path": name} for name, content in used.items()],
        "label": [of_the_folder["files"][name][3] or name.split("/")[0] for name in used],
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "table.parquet")
    found = facts(tmp_path / "table.parquet")
    assert Counter(one[2] for one in found["files"].values()) == Counter(
        one[2] for name, one in of_the_folder["files"].items() if name in used
    )
    assert found["suggestion"] == of_the_folder["suggestion"]


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_array_is_the_images_of_a_folder(tmp_path, channels, suffix):
    images = np.stack([np.asarray(photo(20, 20, channels, seed=number)) for number in range(12)])
    shape = ImageShape(channels=channels, height=16, width=16)
    write_folder(
        tmp_path / "folder", {f"{n % 3}/{n:02}.png": file(Image.fromarray(one)) for n, one in enumerate(images)}
    )
    array = tmp_path / f"x{suffix}"
    if suffix == ".npy":
        np.save(array, images)
        np.save(tmp_path / "x_labels.npy", np.arange(12) % 3)
    else:
        np.savez_compressed(array, images=images, labels=np.arange(12) % 3)
    found, of_folder = facts(array), facts(tmp_path / "folder")
    assert found["suggestion"] == of_folder["suggestion"]
    assert found["classes"] == of_folder["classes"] == {"0": 4, "1": 4, "2": 4}
    assert Counter(one[:3] for one in found["files"].values()) == Counter(
        one[:3] for one in of_folder["files"].values()
    )
    packed = [prepare(path, tmp_path / path.stem.upper(), shape) for path in (array, tmp_path / "folder")]
    pixels = [Counter(zip(map(bytes, one.images), one.labels.tolist(), strict=True)) for one in packed]
    assert pixels[0] == pixels[1]


NAMES = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="/\0\\"), min_size=1, max_size=12).filter(
    lambda name: name not in (".", "..") and len(name.encode()) < 200
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.lists(NAMES, min_size=1, max_size=3), min_size=1, max_size=6))
def test_any_names_are_the_same_in_every_form_and_every_file_is_accounted_for(tmp_path_factory, names):
    place, files = tmp_path_factory.mktemp("any"), {}
    for number, parts in enumerate(names):
        name = "/".join(parts)
        clash = any(f"{other}/".startswith(f"{name}/") or f"{name}/".startswith(f"{other}/") for other in files)
        if not clash:
            files[name] = b"%d" % number
    files["anchor.png"] = b"PNG"
    found = {}
    for form in FORMS_OF_ANY_NAME:
        FORMS[form](place / form, files)
        with open_path(place / form) as source:
            entries = {entry.name.removeprefix(f"{TOP}/"): source.read(entry) for entry in source.entries}
            passed = {(name.removeprefix(f"{TOP}/"), reason) for name, reason in source.passed}
            assert all(printable(name).isprintable() for name in entries)
        assert len(entries) + len(passed) == len(files)
        found[form] = entries, passed
    for form in FORMS_OF_ANY_NAME:
        assert found[form] == found["folder"], form
