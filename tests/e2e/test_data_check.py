"""`data check` and `data prepare` as the command line calls them."""

import json
from pathlib import Path

import pytest

from gansmith.cli.data.own import check_data, prepare_data
from gansmith.cli.options import call_one_of
from gansmith.data.store import read_dataset
from gansmith.errors import DataError, DiskError, UsageError
from tests.helpers.hazards import write_hazards
from tests.helpers.small_images import file, photo


@pytest.fixture
def data(capfd):
    """Calls `gansmith data ARGUMENTS...`; returns standard output and standard error."""

    def call(*arguments):
        capfd.readouterr()
        verbs = {"check": check_data, "prepare": prepare_data}
        call_one_of(verbs, "gansmith data", [str(argument) for argument in arguments])
        return capfd.readouterr()

    return call


@pytest.fixture
def photos():
    """Twenty images of two classes in ./photos."""
    for number in range(20):
        place = Path("photos") / "ab"[number % 2] / f"{number:02}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file(photo(64, 96, seed=number)))
    return Path("photos")


def test_check_then_prepare_as_it_says(data, photos):
    out, _ = data("check", photos, "--workers", 1)
    assert "used 20  converted 0  dropped 0" in out
    assert "suggested shape: 64x96 RGB, crop; 369 kB packed" in out
    command = next(line for line in out.splitlines() if line.startswith("  gansmith data prepare")).split()[2:]
    out, err = data(*[{"OUT": "store"}.get(word, word) for word in command])
    assert out == "store\n"
    assert "20 images of 64x96x3 (20 used, 0 converted, 0 dropped)" in err
    dataset = read_dataset(Path("store"))
    assert dataset.images.shape == (20, 3, 64, 96)
    assert dataset.index["classes"] == ["a", "b"]
    assert dataset.index["name"] == "photos"


def test_a_packed_store_is_known_for_one(gansmith, photos):
    (photos / "c.txt").write_text("no image")
    assert gansmith("data", "prepare", photos, "store", "--workers", 1, "--size", 32).code == 0
    result = gansmith("data", "check", "store")
    assert result.code == 0, result.err
    assert result.out.splitlines() == [
        "store: 20 images of 32x32x3, packed from photos",
        "classes",
        "         10  a",
        "         10  b",
        "note: 21 files: 0 used, 20 converted (cropped: 20), 1 dropped (not an image: 1)",
        "note: crop removes 33 % of every image",
        "  gansmith train --data store",
    ]
    facts = json.loads(gansmith("data", "check", "store[b]", "--json").out)
    assert (facts["packed"], facts["count"], facts["shape"], facts["classes"]) == (True, 10, [3, 32, 32], {"b": 10})
    for again in (("prepare", "store", "again"), ("check", "store", "--page", "x.html")):
        refused = gansmith("data", *again)
        assert (refused.code, refused.out) == (2, "")
        assert "store is packed already" in refused.err


def test_prepare_proposes_for_itself_what_is_not_given(data, photos):
    data("prepare", photos, "store", "--channels", 1, "--workers", 1)
    assert read_dataset(Path("store")).images.shape == (20, 1, 64, 96)
    data("prepare", photos, "square", "--size", 32, "--channels", 4, "--resize", "pad", "--workers", 1)
    assert read_dataset(Path("square")).images.shape == (20, 4, 32, 32)
    data("prepare", photos, "box", "--box", "4,10,40,40", "--resample", "bilinear", "--workers", 1)
    assert read_dataset(Path("box")).images.shape == (20, 3, 40, 40)
    assert read_dataset(Path("box")).index["wanted"]["box"] == [4, 10, 40, 40]


def test_a_known_set_is_checked_and_prepared_by_name(data):
    out, _ = data("check", "fashion-10k[9,0]", "--workers", 1)
    assert out.startswith("fashion-10k[9,0]: 2,000 images\nin ")
    assert "gansmith data prepare 'fashion-10k[9,0]' OUT --size 28x28 --channels 1 --resize crop" in out
    out, err = data("prepare", "fashion-10k[9]", "store", "--workers", 1)
    assert "1,000 images of 28x28x1 (1,000 used, 0 converted, 0 dropped)" in err
    assert read_dataset(Path(out.strip())).index["classes"] == ["9"]


def test_check_prints_json_and_writes_the_page(data):
    Path("wild").mkdir()
    expected = write_hazards(Path("wild"))
    out, err = data("check", "wild", "--json", "--page", "report.html", "--workers", 2)
    facts = json.loads(out)
    assert len(facts["files"]) == len(expected) == sum(facts["counts"].values())
    assert facts["reasons"]["zero bytes"] == 1
    assert facts["suggested_shape"]["channels"] == 3
    assert err.endswith("page: report.html\n")
    page = Path("report.html").read_text()
    assert page.startswith("<!doctype html>")
    for text in ("Converted", "Dropped", "The same to the pixel", "zero bytes", "empty.png", "gansmith data prepare"):
        assert text in page
    assert {one.name for one in Path().iterdir()} == {"wild", "report.html"}


@pytest.mark.parametrize("options", [(), ("--json",)])
@pytest.mark.parametrize("names", [(), ("notes.txt",)])
def test_a_folder_without_a_image_is_reported_on_and_refused(gansmith, names, options):
    Path("set").mkdir()
    for name in names:
        (Path("set") / name).write_text("no image")
    result = gansmith("data", "check", "set", *options)
    assert result.code == 3
    assert result.err == (
        "error: set holds no image that can be used; give a folder, a .zip, a .tar (.gz, .bz2, .xz), "
        "a .parquet file, or an array (.npy, .npz).\n"
    )
    if options:
        assert json.loads(result.out)["suggested_shape"] is None
    else:
        assert f"used 0  converted 0  dropped {len(names)}\n" in result.out


def test_too_many_lost_stops_before_anything_is_published(data, photos):
    (photos / "a/bad.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"1 of 21 images in photos .* first is a/bad.png \(zero bytes\).*--allow-d"):
        data("prepare", photos, "store", "--size", 32, "--channels", 3)
    assert not Path("store").exists()
    out, err = data("prepare", photos, "store", "--size", 32, "--channels", 3, "--allow-dropped")
    assert out == "store\n"
    assert "skipped, cannot be used: a/bad.png (zero bytes)" in err


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["check", "nowhere"], DataError, "does not exist"),
        (["check", "photos", "--workers", "0"], UsageError, "workers 0 must be 1 to 1024"),
        (
            ["check", "photos", "--page", "no/where.html"],
            DiskError,
            "no/where.html cannot be written: No such file or directory",
        ),
        (["prepare", "photos", "store", "--size", "big"], UsageError, "--size 'big'"),
        (["prepare", "photos", "store", "--size", "1x2x3"], UsageError, "try 64 or 96x64"),
        (["prepare", "photos", "store", "--size", "0"], UsageError, "in 1 to 4096"),
        (["prepare", "photos", "store", "--box", "1,2,3"], UsageError, "--box '1,2,3' must be TOP,LEFT,HEIGHT,WIDTH"),
        (["prepare", "photos", "store", "--box", "0,0,0,9"], UsageError, "such as 34,14,150,150"),
        (["prepare", "photos", "photos", "--size", "8", "--channels", "1"], UsageError, "lies inside"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(data, photos, arguments, error, message):
    with pytest.raises(error) as caught:
        data(*arguments)
    assert message in str(caught.value)
    assert "{" not in str(caught.value)


@pytest.mark.parametrize("verb", ["check", "prepare"])
def test_help_tells_every_option(data, capfd, verb):
    with pytest.raises(SystemExit):
        data(verb, "--help")
    text = capfd.readouterr().out
    assert "--workers" in text
    assert "%%" not in text
