"""A folder or an archive of own images: what is said about each file, about the whole, and what is packed."""

import csv
import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gansmith.data.check.duplicates import groups_of_equal, groups_of_similar
from gansmith.data.check.page import check_page
from gansmith.data.check.suggest import suggest_shape
from gansmith.data.check.text import report_lines
from gansmith.data.images.resize import ImageShape
from gansmith.data.labels import class_order
from gansmith.data.paths import open_path
from gansmith.text import printable
from tests.helpers.hazards import write_hazards
from tests.helpers.small_images import check, file, photo, prepare, write_images

SMALL = ImageShape(channels=3, height=32, width=32)


def tree(folder):
    """Every path below a folder with its content, links not followed."""
    return {
        os.fsencode(place / name): (place / name).read_bytes() if (place / name).is_file() else None
        for place, folders, files in ((Path(p), d, f) for p, d, f in os.walk(folder))
        for name in (*folders, *files)
    }


@pytest.fixture
def hazards(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    return folder, write_hazards(folder)


# --- hazards


def test_every_hazard_ends_as_it_must_and_nothing_is_written_elsewhere(hazards, tmp_path):
    folder, expected = hazards
    before = tree(tmp_path)
    dataset = prepare(folder, tmp_path / "out" / "store", SMALL, allow_dropped=True, workers=2)
    found = {}
    for line in (tmp_path / "out/store/files.jsonl").read_text().splitlines():
        report = json.loads(line)
        assert report["name"] not in found
        dropped = ("DROPPED",) if report["outcome"] == "dropped" else ()
        assert (report["outcome"] == "used") == (report["reasons"] == [])
        found[report["name"]] = (*dropped, *report["reasons"])
    assert len(expected) >= 25
    assert found.keys() == {printable(name) for name in expected}
    for name, reasons in expected.items():
        assert reasons is None or found[printable(name)] == reasons, name
    assert len(dataset) == sum("DROPPED" not in reasons for reasons in found.values())
    after = tree(tmp_path)
    new = {os.path.relpath(path, os.fsencode(tmp_path)) for path in after.keys() - before.keys()}
    files = {b"out/store/" + name for name in (b"images.npy", b"files.jsonl", b"index.json")}
    assert new == {b"out", b"out/store", *files}
    assert all(after[path] == content for path, content in before.items())


def test_the_report_of_hazards_counts_every_file_once_in_every_form(hazards):
    folder, expected = hazards
    report = check(folder, workers=1)
    assert sum(report.counts().values()) == len(report.files) == len(expected)
    facts = json.loads(json.dumps(report.to_dict()))
    assert [one["name"] for one in facts["files"]] == [printable(one.name) for one in report.files]
    text = "\n".join(report_lines(report))
    text.encode()
    assert "\x1b" not in text
    assert "zero bytes: empty.png" in text
    assert "<b>404\\x1b.jpg" in text
    assert "latin-\\xe9.png" in {one["name"] for one in facts["files"]}
    with open_path(folder) as source:
        page = check_page(report, source, workers=1)
    page.encode()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;.png" in page
    assert "&lt;b&gt;404\\x1b.jpg" in page
    assert "<b>" not in page
    assert page.count("data:image/png;base64,") > 24
    assert "http" not in page


def test_symlinked_folders_are_read_once_wherever_they_lie(tmp_path):
    write_images(tmp_path / "elsewhere", ["a.png"])
    write_images(tmp_path / "mine", ["b.png"])
    for name in ("first", "second"):
        (tmp_path / "mine" / name).symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with open_path(tmp_path / "mine") as source:
        assert [entry.name for entry in source.entries] == ["b.png", "first/a.png"]
        assert [name for name, _ in source.passed] == ["second"]


# --- archives


def as_zip(folder, path):
    with zipfile.ZipFile(path, "w") as archive:
        for one in sorted(folder.rglob("*.png")):
            archive.write(one, one.relative_to(folder.parent))


def as_tar(folder, path):
    with tarfile.open(path, "w:gz") as archive:
        for one in sorted(folder.rglob("*.png")):
            archive.add(one, one.relative_to(folder.parent))


@pytest.mark.parametrize("pack_up", [as_zip, as_tar])
def test_an_archive_gives_what_its_folder_gives(tmp_path, pack_up):
    folder = write_images(tmp_path / "set", ["cats/1.png", "cats/2.png", "dogs/1.png"])
    pack_up(folder, tmp_path / "archive")
    ours = prepare(folder, tmp_path / "a", SMALL, workers=1)
    theirs = prepare(tmp_path / "archive", tmp_path / "b", SMALL, workers=1)
    assert np.array_equal(ours.images, theirs.images)
    assert ours.labels.tolist() == theirs.labels.tolist() == [0, 0, 1]
    assert theirs.index["classes"] == ["cats", "dogs"]


# --- labels


def labels_of(folder):
    report = check(folder, workers=1)
    return report.labels_from, {one.name: one.label for one in report.kept}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a/1.png", "b/1.png"], ["a", "b"]),
        (["top/a/1.png", "top/b/1.png"], ["a", "b"]),
        (["train/a/1.png", "test/b/1.png"], ["a", "b"]),
        (["a/1.png", "a/2.png"], [None, None]),
        (["a/1.png", "2.png"], [None, None]),
        (["2019/may/1.png", "2020/june/2.png"], ["2019", "2020"]),
        (["train/1.png", "test/2.png"], [None, None]),
    ],
)
def test_the_first_folders_below_the_top_are_classes(tmp_path, names, expected):
    _, labels = labels_of(write_images(tmp_path / "set", names))
    assert [labels[name] for name in names] == expected


@pytest.mark.parametrize("content", ['{"labels": null}', '{"labels": [["a/1.png", 0], ["b/2.png", 1], ["3.png", 1]]}'])
def test_where_a_label_file_says_what_there_is_folders_do_not_count(tmp_path, content):
    folder = write_images(tmp_path / "set", ["a/1.png", "b/2.png", "3.png"])
    (folder / "dataset.json").write_text(content)
    assert not [note for note in check(folder, workers=1).notes if "class folders" in note]


def as_csv(header):
    def write(pairs):
        buffer = io.StringIO()
        csv.writer(buffer).writerows([*([("name", "label")] if header else []), *pairs])
        return buffer.getvalue()

    return write


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("labels.csv", as_csv(True)),
        ("labels.csv", as_csv(False)),
        ("labels.json", lambda pairs: json.dumps(dict(pairs))),
        ("dataset.json", lambda pairs: json.dumps({"labels": [list(pair) for pair in pairs]})),
    ],
)
def test_a_label_file_beside_the_images_is_followed(tmp_path, name, write):
    folder = write_images(tmp_path / "set", ["x/1.png", "x/2, or so.png", "y/3.png"])
    (folder / name).write_text(write([("x/1.png", 10), ("x/2, or so.png", 9), ("y/3.png", 10)]))
    origin, labels = labels_of(folder)
    assert origin == name
    assert labels == {"x/1.png": "10", "x/2, or so.png": "9", "y/3.png": "10"}
    dataset = prepare(folder, tmp_path / "store", SMALL, workers=1)
    assert dataset.index["classes"] == ["9", "10"]
    assert dataset.labels.tolist() == [1, 0, 1]
    assert check(folder, workers=1).reasons()["holds the labels"][0].name == name


def test_a_label_without_an_image_is_said(tmp_path):
    folder = write_images(tmp_path / "set", ["1.png", "2.png"])
    (folder / "labels.csv").write_text("1.png,cat\n7.png,dog\n")
    assert "labels.csv has 1 names that fit no file here, or several, first 7.png" in check(folder, workers=1).notes


def test_a_label_of_endless_digits_is_text(tmp_path):
    endless = "9" * 5000
    assert class_order(["10", "9", endless]) == ["10", "9", endless]
    assert class_order(["10", "9", "010"]) == ["9", "010", "10"]


def test_a_stylegan_file_without_labels_means_none(tmp_path):
    folder = write_images(tmp_path / "set", ["a/1.png", "b/2.png"])
    (folder / "dataset.json").write_text('{"labels": null}')
    assert labels_of(folder)[0] is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("labels.csv", "1.png\n", "line 1 has 1 fields"),
        ("labels.csv", "1.png,a\n1.png,b\n", "gives 1.png two labels, 'a' and 'b'"),
        ("labels.csv", b"\xff\xfe\0", "cannot be read as labels"),
        ("labels.json", "[1", "cannot be read as labels"),
        ("labels.json", '"text"', "neither"),
        ("labels.json", '{"1.png": [1, 2]}', "several numbers"),
        ("labels.json", "[" * 100_000, "cannot be read as labels"),
        ("labels.json", '{"half an emoji \\ud83d.png": 1}', "cannot be read as labels"),
        ("labels.json", '{"1.png": "half an emoji \\ud83d"}', "cannot be read as labels"),
        ("dataset.json", '{"labels": [["1.png", 0.5]]}', "not a name and one label"),
    ],
)
def test_a_wrong_label_file_is_named_with_what_is_wrong(tmp_path, name, content, message):
    folder = write_images(tmp_path / "set", ["1.png"])
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    (note,) = [note for note in check(folder, workers=1).notes if name in note]
    assert message in note


# --- the whole


def test_duplicates_are_found_by_pixels_and_near_ones_by_their_look(tmp_path):
    folder = write_images(tmp_path / "set", ["a.png", "b.png"])
    (folder / "same.bmp").write_bytes(file(photo(40, 40, seed=0), "BMP"))
    (folder / "near.jpg").write_bytes(file(photo(40, 40, seed=1), "JPEG", quality=80))
    report = check(folder, workers=1)
    assert report.duplicates == (("a.png", "same.bmp"),)
    assert report.near_duplicates == (("b.png", "near.jpg"),)
    assert "  b.png ≈ near.jpg" in report_lines(report)


def brute_force(hashes):
    return {(a, b) for b in range(len(hashes)) for a in range(b) if (hashes[a] ^ hashes[b]).bit_count() <= 3}


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_the_banded_lookup_finds_what_comparing_all_with_all_finds(data):
    base = data.draw(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=6))
    hashes = [
        one ^ sum(1 << bit for bit in data.draw(st.sets(st.integers(0, 63), max_size=5)))
        for one in base
        for _ in range(3)
    ]
    hashes = [one for one in hashes if 4 <= one.bit_count() <= 60]
    groups = groups_of_similar(hashes, [str(number) for number in range(len(hashes))])
    expected = brute_force(hashes)
    assert all((min(g[0], other), max(g[0], other)) in expected for g in groups for other in g[1:])
    grouped = {position for group in groups for position in group}
    assert all(a in grouped or b in grouped for a, b in expected)
    assert len(grouped) == sum(map(len, groups))


def test_plain_surfaces_are_not_nearly_the_same():
    assert groups_of_similar([0, 1, 3, 2**64 - 1], list("abcd")) == []
    assert groups_of_equal(["a", "", "b", "a", ""]) == [[0, 3]]


def test_many_hashes_with_the_same_margin_are_compared_in_bounded_time():
    rng = np.random.default_rng(0)
    hashes = [int(low) | 0xFFFF << 40 for low in rng.integers(0, 2**20, 20_000)]
    groups_of_similar(hashes, [str(number) for number in range(len(hashes))])


@pytest.mark.parametrize(
    ("sizes", "grey", "transparent", "expected"),
    [
        ([(200, 300)] * 100, 0, 0, (3, 64, 96, "crop")),
        ([(96, 64)] * 100, 100, 0, (1, 64 + 32, 64, "crop")),
        ([(48, 48)] * 100, 0, 80, (4, 48, 48, "crop")),
        ([(500, 510)] * 100, 0, 0, (3, 64, 64, "crop")),
        ([(200, 300)] * 50 + [(300, 200)] * 50, 99, 50, (3, 64, 64, "pad")),
        ([(300, 320)] * 50 + [(320, 300)] * 50, 99, 0, (3, 64, 64, "crop")),
        ([(100, 300)] * 50 + [(300, 100)] * 50, 0, 0, (3, 64, 64, "pad")),
        ([(28, 28)] * 100, 100, 0, (1, 28, 28, "crop")),
        ([(20, 48)] * 100, 0, 0, (3, 20, 48, "crop")),
        ([(36, 36)] * 100, 0, 0, (3, 32, 32, "crop")),
        ([(28, 28)] * 99 + [(28, 29)], 100, 0, (1, 32, 32, "crop")),
        ([(128, 128)] * 100, 0, 0, (3, 64, 64, "crop")),
        ([(32, 512)] * 100, 0, 0, (3, 32, 256, "pad")),
        ([(40, 40)] * 20 + [(400, 400)] * 80, 0, 0, (3, 40, 40, "crop")),
        ([(100, 2000)] * 10, 0, 0, (3, 32, 256, "pad")),
        ([(100, 640)] * 10, 0, 0, (3, 40, 256, "crop")),
        ([(640, 100)] * 10, 0, 0, (3, 256, 40, "crop")),
    ],
)
def test_the_proposal_follows_from_the_sizes(sizes, grey, transparent, expected):
    found = suggest_shape(sizes, grey, transparent)
    assert (found.channels, found.height, found.width, found.resize) == expected
    assert found.num_bytes == 128 + len(sizes) * found.channels * found.height * found.width


def test_the_report_has_classes_sizes_and_aspects(tmp_path):
    folder = write_images(tmp_path / "set", ["a/1.png", "a/2.png", "b/3.png"])
    (folder / "b/4.png").write_bytes(file(photo(80, 300)))
    (folder / "c").mkdir()
    (folder / "c/5.png").write_bytes(file(photo(60, 40)))
    report = check(folder, workers=1)
    assert report.classes() == {"a": 2, "b": 2, "c": 1}
    assert report.sizes() == {"32-63": 4, "64-127": 1}
    assert report.aspects() == {"tall": 1, "square": 3, "wider than 2:1": 1}
    assert "1 classes have a single image, first c" in report.notes


def test_when_most_are_transparent_transparency_is_kept_and_not_reported_as_lost(tmp_path):
    (tmp_path / "set").mkdir()
    for number in range(3):
        (tmp_path / f"set/{number}.png").write_bytes(file(photo(40, 40, 4, seed=number)))
    report = check(tmp_path / "set", workers=1)
    assert report.suggestion.channels == 4
    assert report.counts() == {"used": 3, "converted": 0, "dropped": 0}
