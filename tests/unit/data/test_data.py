import contextlib
import gzip
import itertools
import json
import mmap
import struct
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from gansmith.data.dataset import Request, open_dataset
from gansmith.data.datasets import catalog
from gansmith.data.datasets.files import IDX_FILES
from gansmith.data.formats import idx
from gansmith.data.formats.idx import read_idx
from gansmith.data.images.resize import ImageShape
from gansmith.data.sampler import Sampler
from gansmith.data.store import read_dataset
from gansmith.data.store_writer import write_dataset
from gansmith.errors import DataError, DiskError


def idx_bytes(array, kind=0x08):
    return bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (5, 4, 6), np.uint8)


# --- IDX


@pytest.mark.parametrize("wrap", [bytes, gzip.compress])
def test_idx_reads_back_what_was_written(tmp_path, pixels, wrap):
    (tmp_path / "x").write_bytes(wrap(idx_bytes(pixels)))
    assert np.array_equal(read_idx(tmp_path / "x", 3), pixels)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda b: b[:-1], "announces 120 bytes and holds only 119"),
        (lambda b: b + b"x", "announces 120 bytes and holds more"),
        (lambda b: b[:9], "ends inside its header"),
        (lambda b: b"", "is not an IDX file: it starts with nothing"),
        (lambda b: b"\x89PNG" + b, "is not an IDX file: it starts with 89504e47"),
        (lambda b: b[:2] + b"\x0d" + b[3:], "holds type 0x0d with 3 axes"),
        (lambda b: b[:3] + b"\x01" + b[4:], "holds type 0x08 with 1 axes"),
        (lambda b: b[:4] + b"\xff" * 12 + b[16:], "announces 79,228,162,458,924,105,385,300,197,375 bytes"),
        (lambda b: b[:4] + b"\0" * 12, "announces 0 bytes"),
        (lambda b: gzip.compress(b)[:-20], "is a damaged gzip file"),
        (lambda b: gzip.compress(b)[:60] + b"\0\0\0\0" + gzip.compress(b)[64:], "damaged gzip file"),
    ],
)
def test_a_damaged_idx_file_is_named_with_what_is_wrong(tmp_path, pixels, damage, message):
    (tmp_path / "damaged").write_bytes(damage(idx_bytes(pixels)))
    with pytest.raises(DataError) as caught:
        read_idx(tmp_path / "damaged", 3)
    assert message in str(caught.value)
    assert str(tmp_path / "damaged") in str(caught.value)


def test_a_gzip_bomb_is_inflated_no_further_than_announced(tmp_path, pixels, monkeypatch):
    inflated = []
    read = gzip.GzipFile.read
    monkeypatch.setattr(gzip.GzipFile, "read", lambda self, size=-1: inflated.append(size) or read(self, size))
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(idx_bytes(pixels) + bytes(50_000_000)))
    with pytest.raises(DataError, match="holds more"):
        read_idx(tmp_path / "bomb.gz", 3)
    assert all(0 <= size <= pixels.size + 1 for size in inflated)


@pytest.mark.parametrize("wrap", [bytes, gzip.compress])
def test_an_idx_file_takes_no_memory_for_what_it_only_announces(tmp_path, pixels, wrap):
    (tmp_path / "short").write_bytes(wrap(b"\0\0\x08\3" + struct.pack(">3I", 60_000, 200, 300) + bytes(1000)))
    tracemalloc.start()
    with pytest.raises(DataError, match="announces 3,600,000,000 bytes and holds only 1,000"):
        read_idx(tmp_path / "short", 3)
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_any_bytes_are_an_array_or_a_data_error(tmp_path, content):
    (tmp_path / "fuzz").write_bytes(content)
    with contextlib.suppress(DataError):
        assert read_idx(tmp_path / "fuzz", 3).ndim == 3


def test_a_missing_idx_file_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(tmp_path / "nothing", 3)


# --- the packed store


def test_the_store_reads_back_what_was_written(tmp_path, pixels):
    write_dataset(tmp_path / "store", pixels[:, None], np.arange(5, dtype=np.uint8), {"name": "mine", "notes": []})
    dataset = read_dataset(tmp_path / "store")
    assert np.array_equal(dataset.images, pixels[:, None])
    assert dataset.index["count"] == 5
    assert dataset.only(np.arange(2, 5)).labels.tolist() == [2, 3, 4]
    assert len(dataset.only(np.arange(2, 5)).only(np.array([1]))) == 1
    assert torch.equal(dataset.batch(torch.tensor([3, 0])), torch.tensor(pixels[[3, 0], None]))
    assert isinstance(dataset.images, np.memmap)
    assert list(tmp_path.iterdir()) == [tmp_path / "store"]


def test_a_large_store_asks_the_disk_for_a_whole_batch_before_it_reads_it(tmp_path, monkeypatch):
    asked = []

    class Recorded(mmap.mmap):
        def madvise(self, advice, start, length):
            asked.append((advice, start, length))
            super().madvise(advice, start, length)

    monkeypatch.setattr(mmap, "mmap", Recorded)
    images = np.random.default_rng(0).integers(0, 256, (9, 3, 50, 60), np.uint8)
    write_dataset(tmp_path / "store", images, None, {"name": "mine", "notes": []})
    store = read_dataset(tmp_path / "store").only(np.arange(2, 9))
    assert torch.equal(store.batch(torch.tensor([6, 0])), torch.tensor(images[[8, 2]]))
    assert not asked
    monkeypatch.setattr("gansmith.data.store.READ_AHEAD_FROM", images.nbytes)
    assert torch.equal(store.batch(torch.tensor([6, 0])), torch.tensor(images[[8, 2]]))
    for (advice, start, length), row in zip(asked, (8, 2), strict=True):
        assert advice == mmap.MADV_WILLNEED
        assert start % mmap.PAGESIZE == 0
        assert start <= 128 + row * 9000 < start + mmap.PAGESIZE
        assert start + length == 128 + (row + 1) * 9000


def test_a_dataset_packed_by_an_earlier_version_keeps_its_notes(tmp_path, pixels):
    write_dataset(tmp_path / "store", pixels[:, None], None, {"name": "mine", "notes": ["one"]})
    index = (tmp_path / "store/index.json").read_text()
    (tmp_path / "store/index.json").write_text(index.replace('"notes"', '"remarks"'))
    dataset = read_dataset(tmp_path / "store")
    assert dataset.index["notes"] == ["one"]
    assert "remarks" not in dataset.index


def test_what_cannot_be_finished_leaves_nothing_behind(tmp_path, pixels):
    with pytest.raises(ValueError, match="labels for"):
        write_dataset(tmp_path / "store", pixels[:, None], np.arange(4), {"name": "mine", "notes": []})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "index",
    ["[]", "7", '"format"', "{}", '{"format": 2}', "{", "[" * 100_000, b"\xff\xfe"],
    ids=lambda index: index[:9],
)
def test_a_folder_with_another_index_is_no_store(tmp_path, index):
    (tmp_path / "index.json").write_bytes(index if isinstance(index, bytes) else index.encode())
    assert read_dataset(tmp_path) is None


def other_index(**changes):
    return lambda folder: (folder / "index.json").write_text(
        json.dumps({**json.loads((folder / "index.json").read_text()), **changes})
    )


def other_images(change):
    return lambda folder: (folder / "images.npy").write_bytes(change((folder / "images.npy").read_bytes()))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "images.npy").unlink(), r"images.npy cannot be read \(No such file"),
        (lambda folder: (folder / "labels.npy").write_bytes(b""), "labels.npy is not a NumPy array"),
        (other_images(lambda content: content[:-1]), r"images.npy announces 120 bytes \(.*\) and holds 119"),
        (other_images(lambda content: content[:60]), "has the header"),
        (other_images(lambda content: content.replace(b"|u1", b"|O1")), "Python objects are never loaded"),
        (other_images(lambda content: content.replace(b"|u1", b"|i1")), "index.json announces"),
        (other_index(count=4), "index.json announces"),
        (other_index(shape=None), "index.json announces"),
        (other_index(shape=[1, 6, 4]), "index.json announces"),
        (other_index(notes=3), "index.json has no name or no list of notes"),
        (other_index(name=None), "index.json has no name or no list of notes"),
    ],
)
def test_a_damaged_store_is_named_with_what_is_wrong(tmp_path, pixels, damage, message):
    write_dataset(tmp_path / "store", pixels[:, None], np.arange(5, dtype=np.uint8), {"name": "mine", "notes": []})
    damage(tmp_path / "store")
    with pytest.raises(DataError, match=message) as caught:
        read_dataset(tmp_path / "store")
    assert str(tmp_path / "store") in str(caught.value)
    assert "delete that folder first" in str(caught.value)


def test_a_store_that_cannot_be_written_is_a_disk_error(tmp_path, pixels):
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match=r"120 bytes\) cannot be written"):
        write_dataset(tmp_path / "file" / "store", pixels[:, None], None, {})


def test_a_folder_is_packed_once_wherever_it_lies(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    Image.effect_noise((40, 30), 80).save(tmp_path / "a/1.png")
    first = opened(str(tmp_path / "a"), "train", 1, 8, 8)
    (tmp_path / "below").mkdir()
    (tmp_path / "a").rename(tmp_path / "below/a")
    monkeypatch.setattr("gansmith.data.images.pool.Decoders.decode", None)  # a second decoding would fail
    assert np.array_equal(opened(str(tmp_path / "below/a"), "train", 1, 8, 8).images, first.images)


# --- known sets


def opened(name, split, channels, height, width, **more):
    shape = ImageShape(channels=channels, height=height, width=width)
    return open_dataset(Request(name=name, split=split, shape=shape, **more))


def test_the_packaged_set_has_ten_thousand_images_in_ten_classes():
    dataset = opened("fashion-10k", "train", 1, 28, 28)
    assert dataset.images.shape == (10_000, 1, 28, 28)
    assert np.bincount(dataset.labels).tolist() == [1000] * 10


def test_a_set_is_found_where_gansmith_data_says(tmp_path, pixels, monkeypatch):
    for stem, array in zip(IDX_FILES["train"], (pixels, np.arange(5, dtype=np.uint8)), strict=True):
        (tmp_path / "mnist").mkdir(exist_ok=True)
        (tmp_path / "mnist" / f"{stem}.gz").write_bytes(gzip.compress(idx_bytes(array)))
    monkeypatch.setenv("GANSMITH_DATA", str(tmp_path))
    assert len(opened("mnist", "train", 1, 4, 6)) == 5
    assert len(opened(str(tmp_path / "mnist"), "train", 1, 4, 6)) == 5  # the same files, given by path
    fitted = opened("mnist", "train", 3, 8, 8)
    assert fitted.images.shape == (5, 3, 8, 8)
    own = f"{tmp_path / 'mnist'} is a copy of mnist that differs from the published files"
    assert fitted.index["notes"] == [
        own,
        "4x6 grey images resized to 8x8 RGB",
        "crop removes 33 % of every image",
    ]
    with pytest.raises(DataError, match="without its 'test' split, only train"):
        opened("mnist", "test", 1, 4, 6)


def test_images_and_labels_must_be_as_many(tmp_path, pixels):
    for stem, array in zip(IDX_FILES["train"], (pixels, np.arange(4, dtype=np.uint8)), strict=True):
        (tmp_path / stem).write_bytes(idx_bytes(array))
    with pytest.raises(DataError, match=r"holds 5 images, .* 4 labels"):
        opened(str(tmp_path), "train", 1, 4, 6)


def test_classes_a_part_and_so_many_of_a_set_can_be_asked_for():
    trousers = opened("fashion-10k[1]", "train", 1, 28, 28)
    assert len(trousers) == 1000
    assert set(trousers.labels.tolist()) == {1}
    some = opened("fashion-10k[1]", "train", 1, 28, 28, skip=10, limit=3)
    assert torch.equal(some.batch(torch.arange(3)), trousers.batch(torch.arange(10, 13)))
    with pytest.raises(DataError, match="leaves nothing of the 1,000 images"):
        opened("fashion-10k[1]", "train", 1, 28, 28, skip=1000)


@pytest.mark.parametrize("name", catalog.SETS)
def test_every_set_says_what_it_is_and_how_to_get_it(name):
    known = catalog.SETS[name]
    assert known.title
    assert known.licence
    assert known.packaged or known.how_to_get


def test_the_cap_on_idx_files_fits_every_known_set():
    assert idx.MAX_BYTES > 60_000 * 28 * 28


# --- sampler


def sampler(order, count=10, batch_size=3, seed=0, buffer=0):
    return Sampler(count=count, batch_size=batch_size, seed=seed, order=order, buffer=buffer)


def passes(made, num):
    """`num` passes of a sampler, each a list of indices."""
    length = made.count // made.batch_size * made.batch_size
    return [
        list(
            itertools.chain.from_iterable(made.indices(start + at).tolist() for at in range(0, length, made.batch_size))
        )
        for start in range(0, num * length, length)
    ]


def test_sequential_drops_the_remainder_and_starts_over():
    assert passes(sampler("sequential"), 2) == [list(range(9))] * 2


def test_a_permutation_shows_each_image_at_most_once_a_pass_and_leaves_out_others_each_time():
    orders = passes(sampler("permutation"), 40)
    assert all(len(set(order)) == 9 for order in orders)
    assert len({frozenset(range(10)) - set(order) for order in orders}) == 10


def test_a_shuffle_buffer_hands_out_each_image_no_earlier_than_the_buffer_allows():
    made = sampler("shuffle-buffer", count=60, batch_size=5, buffer=7)
    first, second = passes(made, 2)
    assert sorted(first) == list(range(60))
    assert first != second
    assert all(image < position + 7 for position, image in enumerate(first))
    assert np.mean([abs(image - position) for position, image in enumerate(first)]) > 2


def test_with_replacement_repeats_images_and_takes_any_batch():
    drawn = sampler("with-replacement", count=4, batch_size=100).indices(0)
    assert set(drawn.tolist()) == {0, 1, 2, 3}


@pytest.mark.parametrize("order", ["permutation", "shuffle-buffer", "with-replacement"])
def test_a_batch_depends_on_seed_and_position_only(order):
    made = sampler(order, count=50, batch_size=5, buffer=8 if order == "shuffle-buffer" else 0)
    later = made.indices(200)
    for seen in (0, 100, 5):
        made.indices(seen)
    assert torch.equal(made.indices(200), later)
    other = Sampler(count=50, batch_size=5, seed=1, order=order, buffer=made.buffer)
    assert not torch.equal(other.indices(200), later)


def test_a_batch_larger_than_the_set_is_refused():
    with pytest.raises(DataError, match="a batch of 11 cannot be drawn from 10 images"):
        sampler("permutation", batch_size=11)
