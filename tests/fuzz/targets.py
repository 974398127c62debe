"""What is fuzzed: each target takes bytes and reads them the way the product does, with the seeds it starts from.

A target returns, or raises the error that a user is shown. Everything else is a finding. Files are written into the
current folder, which the driver makes for the purpose.
"""

import gzip
import io
import lzma
import pickle
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gansmith import recipe
from gansmith.data.formats.cifar import read_cifar
from gansmith.data.formats.idx import read_idx
from gansmith.data.formats.npz import read_npz
from gansmith.data.formats.svhn import read_svhn
from gansmith.data.images import decode, load
from gansmith.data.images.resize import ImageShape
from gansmith.data.labels import class_order, find_labels
from gansmith.data.open_source import Entry, OpenSource
from gansmith.data.paths import open_path
from gansmith.data.store import read_dataset
from gansmith.data.store_writer import write_dataset
from gansmith.errors import DataError, RecipeError
from gansmith.recipe_file import override, to_toml
from tests.helpers import hazards, hostile_archives, make_sets
from tests.helpers.hostile_archives import Tarred, Zipped, tar_of, zip_of

MAX_SEED = 8000
"""Bytes; longer ones are left out, as libFuzzer works through short inputs faster."""

MAX_PIXELS = 1 << 20
"""Instead of `load.MAX_PIXELS`, so that a second is a hang and not just a large image."""

_IMAGES = np.arange(6 * 3 * 32 * 32, dtype=np.uint32).astype(np.uint8).reshape(6, 3, 32, 32)
_LABELS = np.arange(6)
_SMALL = _IMAGES[:2, :, :4, :4]
_FILES = ("a.png", "b.png", "deep/c.png")
_WANTED = (None, ImageShape(channels=3, height=16, width=16), ImageShape(channels=4, height=9, width=20, resize="pad"))


@dataclass(frozen=True)
class Target:
    """`read(content)` returns or raises `refusal`; `prepare` writes the files that lie beside the fuzzed one."""

    read: Callable[[bytes], object]
    seeds: Callable[[], list[bytes]]
    refusal: type[Exception] = DataError
    prepare: Callable[[], object] = lambda: None

    def begin(self) -> list[bytes]:
        """Write what has to be there, and return the seeds."""
        seeds = [seed for seed in self.seeds() if len(seed) <= MAX_SEED]
        self.prepare()
        return seeds


def in_file(name: str, read: Callable[[Path], object]) -> Callable[[bytes], object]:
    """A reader of bytes from a reader of the file of that name."""

    def read_bytes(content: bytes) -> object:
        Path(name).write_bytes(content)
        return read(Path(name))

    return read_bytes


# --- the classic sets


def idx_seeds():
    images = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 4]) + bytes(range(32))
    return [images, gzip.compress(images), gzip.compress(images[:20]) + gzip.compress(images[20:])]


def read_any_idx(path: Path) -> object:
    """As images or as labels, whichever its header says."""
    return read_idx(path, 1 if path.read_bytes()[3:4] == b"\1" else 3)


def npz_seeds():
    found = []
    for save in (np.savez, np.savez_compressed):
        content = io.BytesIO()
        labels = _LABELS[:2].astype(np.int16)
        save(content, x_train=_SMALL[:, 0], y_train=labels, x_test=_SMALL[:1, 0], y_test=labels[:1])
        found.append(content.getvalue())
    return found


def read_train_npz(path: Path) -> object:
    return read_npz(path, "train")


def npy(array, version=(1, 0)):
    content = io.BytesIO()
    np.lib.format.write_array(content, array, version)
    return content.getvalue()


def read_npy(content: bytes) -> object:
    """The bytes as an archive's array: the fuzzer need not get the archive's checksum right."""
    labels = Zipped(b"y_train.npy", npy(_LABELS[:2]), method=0)
    Path("set.npz").write_bytes(zip_of(Zipped(b"x_train.npy", content, method=0), labels))
    return read_npz(Path("set.npz"), "train")


def npy_seeds():
    images = _SMALL.transpose(0, 2, 3, 1)
    return [npy(images), npy(np.asfortranarray(images)), npy(_SMALL[:, 0], (2, 0)), npy(_SMALL[:, 0], (3, 0))]


def mat_seeds():
    packed, plain = (make_sets.svhn_mat(_SMALL, _LABELS[:2], compress) for compress in (True, False))
    return [packed, plain, plain[:124] + b"\1\0MI" + plain[128:]]


def read_beside(path: Path) -> object:
    """The test split of the folder that a batch, or the names of the classes, lie in: it has a single batch."""
    return read_cifar(path.parent, "test")


def cifar_binary_seeds():
    return [
        make_sets.cifar_binary_batch(_IMAGES[:1], _LABELS[:1]),
        make_sets.cifar_binary_batch(_IMAGES[:2], _LABELS[:2]),
    ]


def cifar_python_seeds():
    """The second is as NumPy and Python write a batch today."""
    today = pickle.dumps({"data": _IMAGES[:1].reshape(1, -1), "labels": [3], "batch_label": b"x"}, protocol=2)
    return [make_sets.cifar_python_batch(_IMAGES[:1], _LABELS[:1], b"testing batch 1 of 1"), today]


def write_batch() -> None:
    Path("test_batch").write_bytes(make_sets.cifar_python_batch(_IMAGES[:1], _LABELS[:1], b"testing batch 1 of 1"))


# --- archives and labels


def read_archive(path: Path) -> None:
    with open_path(path) as source:
        find_labels(source)
        for entry in source.entries:
            source.job(entry)


def read_tar(content: bytes) -> None:
    """As it is, and again with every header's checksum put right, which the fuzzer cannot."""
    for whole in (content, with_checksums(content)):
        with suppress(DataError):
            in_file("some.tar", read_archive)(whole)


def with_checksums(content: bytes) -> bytes:
    blocks = [content[at : at + 512] for at in range(0, len(content), 512)]
    for at, block in enumerate(blocks):
        if len(block) == 512 and any(block) and b"ustar" in block[250:270]:
            checksum = sum(block[:148] + block[156:]) + 8 * ord(" ")
            blocks[at] = block[:148] + b"%06o\0 " % checksum + block[156:]
    return b"".join(blocks)


def archive_seeds(kind: str) -> list[bytes]:
    """The hostile archives of a kind, and two honest ones."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        archive.writestr("a/labels.csv", "1.png,cat\n")
        archive.writestr("a/1.png", bytes(300))
    tar = tar_of(Tarred(b"a/labels.csv", b"1.png,cat\n"), Tarred(b"a/1.png", bytes(300)))
    packed = [gzip.compress(tar), gzip.compress(tar[:600]) + gzip.compress(tar[600:]), lzma.compress(tar)]
    honest = {"zip": [content.getvalue()], "tar": [tar], "tar.": packed}[kind]
    return honest + [case.content for name, case in hostile_archives.CASES.items() if name.startswith(kind)]


def read_labels(name: str) -> Callable[[bytes], object]:
    def read(content: bytes) -> object:
        entries = tuple(Entry(file, 1) for file in (*_FILES, name))
        found = find_labels(OpenSource(path=Path("set"), entries=entries, passed=(), read=lambda entry: content))
        return found and class_order(found.of.values())

    return read


def csv_seeds():
    return [
        b"a.png,cat\nb.png,dog\r\ndeep/c.png,1\n",
        "id;x;breed\na;1;cat\n".encode("utf-16"),
        b'\xef\xbb\xbfname,label\n"a.png","c,a""t"\n\n b.png , 3 \n',
    ]


def json_seeds():
    return [
        b'{"labels": [["a.png", 0], ["deep/c.png", 1]]}',
        b'{"a.png": 1, "b.png": "cat", "gone\\ud83d.png": 2}',
        b'[["a.png", "x\\udc80"]]',
        b'{"labels": null}',
    ]


def jsonl_seeds():
    return [
        b'{"file_name": "a.png", "label": "cat"}\n{"file_name": "b", "label": 3, "text": null}\n',
        b'{"image": "deep\\\\c.png", "class": null}\n',
    ]


# --- images, stores and recipes


def read_image(content: bytes) -> None:
    for wanted in _WANTED:
        decode.decode("image.png", content, wanted)


def limit_pixels() -> None:
    load.MAX_PIXELS = load.MAX_JPEG_PIXELS = MAX_PIXELS


def image_seeds():
    return [content for content, _ in hazards.contents().values()]


def write_store() -> None:
    write_dataset(Path("store"), _SMALL, _LABELS[:2], {"name": "some", "notes": []})


def read_store(folder: Path) -> object:
    dataset = read_dataset(folder.parent)
    return dataset and (len(dataset), dataset.images.shape, dataset.index["shape"])


def store_seeds(name: str) -> list[bytes]:
    write_store()
    return [Path("store", name).read_bytes()]


def recipe_seeds():
    return [
        b'from = "demo"\nbatch_size = 32\n[data]\nname = "photos"\nheight = 0x20\n',
        b'from = "mnist-dcgan"\ngenerator_optimizer = {name = "adam", lr = 1e-3}\nlength.images = 1_000\n',
        to_toml(recipe("demo")).encode(),
        b'from = "demo"\nema_half_life = {start = 0.0, end = 5e3, begin = 1, until = 90, shape = "linear"}\n',
    ]


def read_recipe(path: Path) -> object:
    return recipe(str(path))


def read_setting(content: bytes) -> object:
    """As typed after --set: what is no UTF-8 comes as surrogates."""
    return override(recipe("demo"), content.decode("utf-8", "surrogateescape").split("\0"))


SCHEDULE = b"generator_optimizer.lr={start=1e-3, end=0.0, until=64}\0generator_optimizer.lr.end=1e-4"


def setting_seeds():
    return [
        b"batch_size=64",
        b"generator_optimizer.lr=1e-3\0data.name=photos",
        b'model.name="small"',
        b"data={height=16}",
        SCHEDULE,
    ]


TARGETS = {
    "idx": Target(in_file("set", read_any_idx), idx_seeds),
    "npz": Target(in_file("set.npz", read_train_npz), npz_seeds),
    "npy": Target(read_npy, npy_seeds),
    "mat": Target(in_file("train_32x32.mat", read_svhn), mat_seeds),
    "cifar-binary": Target(in_file("test_batch.bin", read_beside), cifar_binary_seeds),
    "cifar-python": Target(in_file("test_batch", read_beside), cifar_python_seeds),
    "cifar-meta": Target(
        in_file("batches.meta", read_beside), lambda: [make_sets.cifar_python_meta()], prepare=write_batch
    ),
    "zip": Target(in_file("some.zip", read_archive), lambda: archive_seeds("zip")),
    "tar": Target(read_tar, lambda: archive_seeds("tar")),
    "tar-packed": Target(in_file("some.tar.gz", read_archive), lambda: archive_seeds("tar.")),
    "labels-csv": Target(read_labels("labels.csv"), csv_seeds),
    "labels-json": Target(read_labels("labels.json"), json_seeds),
    "labels-jsonl": Target(read_labels("metadata.jsonl"), jsonl_seeds),
    "image": Target(read_image, image_seeds, prepare=limit_pixels),
    "store-index": Target(
        in_file("store/index.json", read_store), lambda: store_seeds("index.json"), prepare=write_store
    ),
    "store-images": Target(
        in_file("store/images.npy", read_store), lambda: store_seeds("images.npy"), prepare=write_store
    ),
    "recipe": Target(in_file("some.toml", read_recipe), recipe_seeds, RecipeError),
    "setting": Target(read_setting, setting_seeds, RecipeError),
}
