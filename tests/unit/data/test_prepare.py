"""Packing own images: the same store for any number of workers, whole or continued, and nothing lost unsaid."""

import hashlib
import io
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gansmith.data.dataset import _content_key
from gansmith.data.images.decode import decode
from gansmith.data.images.resize import ImageShape
from gansmith.data.paths import open_path
from gansmith.data.prepare import ShapeOptions, choose_shape, source_key
from gansmith.errors import DataError, UsageError
from tests.helpers.hazards import bomb
from tests.helpers.small_images import check, file, photo, prepare, write_images

SMALL = ImageShape(channels=3, height=32, width=32)


def store_bytes(folder):
    return {one.name: one.read_bytes() for one in folder.iterdir()}


def many(tmp_path, num=40):
    return write_images(tmp_path / "set", [f"{'ab'[n % 2]}/{n:03}.png" for n in range(num)])


def test_any_number_of_workers_writes_the_same_store(tmp_path):
    folder = many(tmp_path)
    for num in (1, 2, 3):
        prepare(folder, tmp_path / f"store{num}", SMALL, workers=num)
    stores = [store_bytes(tmp_path / f"store{num}") for num in (1, 2, 3)]
    assert stores[0] == stores[1] == stores[2]
    assert stores[0].keys() == {"images.npy", "labels.npy", "files.jsonl", "index.json"}


def test_the_store_holds_what_decoding_gives_and_its_hashes_are_right(tmp_path):
    folder = many(tmp_path, 6)
    dataset = prepare(folder, tmp_path / "store", SMALL, workers=2)
    assert isinstance(dataset.images, np.memmap)
    names = sorted(one.relative_to(folder).as_posix() for one in folder.rglob("*.png"))
    for image, name in zip(dataset.images, names, strict=True):
        assert np.array_equal(image, decode(name, (folder / name).read_bytes(), SMALL).pixels)
    stored = store_bytes(tmp_path / "store")
    for name, array in (("images", dataset.images), ("labels", dataset.labels)):
        buffer = io.BytesIO()
        np.save(buffer, np.asarray(array))
        assert stored[f"{name}.npy"] == buffer.getvalue()
        assert dataset.index["sha256"][name] == hashlib.sha256(array.tobytes()).hexdigest()


class StoppedError(Exception):
    pass


def stop_after(number):
    def progress(done, _):
        if done >= number:
            raise StoppedError

    return progress


def test_a_stopped_prepare_continues_and_gives_the_same_store(tmp_path, monkeypatch):
    monkeypatch.setattr("gansmith.data.store_writer._EVERY", 7)
    folder = many(tmp_path)
    (folder / "b/010.png").write_bytes(b"")
    prepare(folder, tmp_path / "whole", SMALL, workers=2, allow_dropped=True)
    for number in (9, 25):
        with pytest.raises(StoppedError):
            prepare(folder, tmp_path / "parts", SMALL, workers=2, allow_dropped=True, progress=stop_after(number))
        assert not (tmp_path / "parts").exists()
    seen = []
    prepare(folder, tmp_path / "parts", SMALL, allow_dropped=True, progress=lambda done, _: seen.append(done))
    assert seen[0] == 25
    assert store_bytes(tmp_path / "parts") == store_bytes(tmp_path / "whole")
    assert not (tmp_path / ".unfinished-parts").exists()


def test_a_killed_prepare_continues_and_gives_the_same_store(tmp_path):
    folder = many(tmp_path, 60)
    prepare(folder, tmp_path / "whole", SMALL, workers=1)
    code = (
        "import gansmith.data.store_writer as w, sys, time\nfrom pathlib import Path\n"
        "from gansmith.data.images.resize import ImageShape\nfrom gansmith.data.paths import open_path\n"
        "from gansmith.data.prepare import prepare_source\nw._EVERY = 5\n"
        "slow = lambda done, total: (print(done, flush=True), time.sleep(.01))\n"
        "shape = ImageShape(channels=3, height=32, width=32)\nwith open_path(Path('set')) as source:\n"
        "    prepare_source(source, Path('parts'), shape, workers=1, progress=slow)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=tmp_path)
    while int(process.stdout.readline()) < 23:
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    note = json.loads((tmp_path / ".unfinished-parts/progress.json").read_text())
    assert 20 <= note["done"] < 60
    seen = []
    prepare(Path("set"), Path("parts"), SMALL, workers=1, progress=lambda done, _: seen.append(done))
    assert seen[0] == note["done"]
    assert store_bytes(tmp_path / "parts") == store_bytes(tmp_path / "whole")


def test_a_changed_source_or_shape_starts_again(tmp_path):
    folder = many(tmp_path, 12)
    with pytest.raises(StoppedError):
        prepare(folder, tmp_path / "store", SMALL, workers=1, progress=stop_after(8))
    (folder / "a/000.png").write_bytes(file(photo(50, 50, seed=99)))
    seen = []
    prepare(folder, tmp_path / "store", SMALL, workers=1, progress=lambda done, _: seen.append(done))
    assert seen[0] == 0
    prepare(folder, tmp_path / "other", SMALL, workers=1)
    assert store_bytes(tmp_path / "store") == store_bytes(tmp_path / "other")


def test_a_store_that_is_there_is_used_and_anything_else_in_its_place_is_left_alone(tmp_path):
    folder = many(tmp_path, 4)
    prepare(folder, tmp_path / "store", SMALL, workers=1)
    before = (tmp_path / "store/images.npy").stat()
    prepare(folder, tmp_path / "store", SMALL, workers=1)
    assert (tmp_path / "store/images.npy").stat() == before
    with pytest.raises(UsageError, match="is there already"):
        prepare(folder, tmp_path / "store", ImageShape(channels=1, height=32, width=32), workers=1)
    with pytest.raises(UsageError, match="lies inside"):
        prepare(folder, folder / "store", SMALL, workers=1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="is there already"):
        prepare(folder, tmp_path / "mine", SMALL, workers=1)
    assert (tmp_path / "mine/thesis.txt").read_text() == "years of work"


def test_two_processes_do_not_write_one_store(tmp_path):
    folder = many(tmp_path, 4)

    def meanwhile(done, _):
        if done == 2:
            prepare(folder, tmp_path / "store", SMALL, workers=1)

    with pytest.raises(DataError, match="being written by another process"):
        prepare(folder, tmp_path / "store", SMALL, workers=1, progress=meanwhile)


def test_one_per_cent_may_be_lost_and_more_only_when_allowed(tmp_path):
    folder = many(tmp_path, 99)
    (folder / "a/bad.png").write_bytes(b"")
    (folder / "a/.DS_Store").write_bytes(b"Bud1")
    (folder / "a/read me.txt").write_bytes(b"hello")
    assert len(prepare(folder, tmp_path / "store", SMALL)) == 99
    (folder / "a/also bad.png").write_bytes(b"no")
    message = r"2 of 101 images in .*set cannot be used, the first is a/also bad.png \(not an image\)"
    with pytest.raises(DataError, match=message) as caught:
        prepare(folder, tmp_path / "more", SMALL)
    assert caught.value.exit_code == 3
    assert not (tmp_path / "more").exists()
    dataset = prepare(folder, tmp_path / "more", SMALL, allow_dropped=True)
    assert dataset.index["outcomes"] == {"used": 99, "converted": 0, "dropped": 4}
    assert any("also bad.png" in note for note in dataset.index["notes"])
    with pytest.raises(DataError, match="2 of 101"):
        prepare(folder, tmp_path / "more", SMALL)


def chosen(folder, asked):
    with open_path(folder) as source:
        return choose_shape(source, asked, workers=1)


def test_nothing_usable_is_an_error(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set/a.txt").write_text("hello")
    assert check(tmp_path / "set", workers=1).suggestion is None
    for choose in (
        lambda: chosen(tmp_path / "set", ShapeOptions()),
        lambda: prepare(tmp_path / "set", tmp_path / "out", SMALL),
    ):
        with pytest.raises(DataError, match="no image that can be used"):
            choose()
    with pytest.raises(DataError, match="does not exist"):
        check(tmp_path / "nowhere")


def test_what_is_not_asked_for_is_proposed(tmp_path):
    folder = many(tmp_path, 4)
    assert chosen(folder, ShapeOptions()) == ImageShape(channels=3, height=40, width=40)
    assert chosen(folder, ShapeOptions(size=(48, 32))) == ImageShape(channels=3, height=48, width=32)
    asked = ShapeOptions(size=(8, 8), channels=1, resize="pad", resample="bilinear")
    assert chosen(folder, asked) == ImageShape(channels=1, height=8, width=8, resize="pad", resample="bilinear")
    boxed = ShapeOptions(box=(0, 3, 40, 37))
    assert chosen(folder, boxed) == ImageShape(channels=3, height=32, width=32, box=(0, 3, 40, 37))


def test_a_bomb_costs_little_memory(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set/bomb.png").write_bytes(bomb(13_400, 13_400))
    code = (
        "import re, resource\nfrom pathlib import Path\nfrom gansmith.data.check.report import check_source\n"
        "from gansmith.data.sources import find_source\n"
        "with find_source('set').open() as source: print(check_source(source, workers=1).files[0].reasons)\n"
        # Not RUSAGE_SELF: it begins with the peak of the process that started this one.
        "own = int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])\n"
        "print(max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))\n"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    reasons, kilobytes = out.splitlines()
    assert reasons == "('too many pixels, up to 178,956,970 are read',)"
    assert int(kilobytes) < 300_000


@pytest.mark.parametrize("note", ['{"key": "x"}', "[]", "{", '{"key": "x", "kept": "many", "files_bytes": null}'])
def test_an_unfinished_store_that_makes_no_sense_is_begun_again(tmp_path, note):
    folder = write_images(tmp_path / "set", ["1.png", "2.png"])
    unfinished = tmp_path / ".unfinished-store"
    unfinished.mkdir()
    for name in ("images.npy", "files.jsonl", "labels.npy", "index.json"):
        (unfinished / name).write_bytes(b"stale")
    (unfinished / "progress.json").write_text(note)
    dataset = prepare(folder, tmp_path / "store", SMALL, workers=1)
    assert len(dataset) == 2
    assert dataset.labels is None


def test_the_keys_of_packed_datasets_are_those_of_earlier_versions(tmp_path, monkeypatch):
    """With another key, every packed dataset in every cache would be packed again."""
    monkeypatch.setattr("gansmith.data.prepare.pillow_version", "12.0.0")
    (tmp_path / "folder").mkdir()
    for name, content in {"a.png": b"not an image", "b.txt": b"text", ".hidden": b""}.items():
        (tmp_path / "folder" / name).write_bytes(content)
    shape = ImageShape(channels=3, height=32, width=48, box=(1, 2, 30, 40))
    with open_path(tmp_path / "folder") as source:
        assert source_key(source, shape) == "d9a2c79fd00c84385379e95f808018371d2d827d06d0adff47967bc039c31538"
    files = (tmp_path / "folder/a.png", tmp_path / "folder/b.txt")
    key = _content_key(files, {"name": "mnist", "split": "train", **shape.to_dict()})
    assert key == "87db3d14587b8eeee0553dc9fa9e53e02afac46517ae7221e5bd2b9931241cb1"
