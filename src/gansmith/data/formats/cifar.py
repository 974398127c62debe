"""CIFAR-10 as published, binary or python version, unpacked or not. Format: cs.toronto.edu/~kriz/cifar.html."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from gansmith.data.archives.archive import open_archive
from gansmith.data.archives.members import Member
from gansmith.data.formats.arrays import LabelledImages
from gansmith.data.formats.cifar_pickle import read_batch
from gansmith.errors import DataError

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
"""The class names if the folder has no batches.meta."""

_SHAPE = (3, 32, 32)
_PIXELS = 3 * 32 * 32
_BATCHES = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
_META = "batches.meta"


def read_cifar(path: Path, split: Literal["train", "test"]) -> LabelledImages:
    """The images of one split, (N, 3, 32, 32), in the order of the batches.

    `path` is a folder (cifar-10-batches-py, cifar-10-batches-bin, or one that holds one of them), or the .tar.gz that
    it came in. Where both versions are there, the binary one is read. Raises DataError when a batch is missing, twice
    there or damaged, when a label has no name, or when a python batch holds anything but images.
    """
    with open_archive(path) as archive:
        found = _find(archive.members, path)
        suffix = ".bin" if f"{_BATCHES[split][0]}.bin" in found else ""
        names = [name + suffix for name in _BATCHES[split]]
        if missing := [name for name in names if name not in found]:
            passed_over = {PurePosixPath(file.name).name: f" ({file.reason})" for file in archive.skipped}
            listed = ", ".join(name + passed_over.get(name, "") for name in missing)
            raise DataError(f"{path} has no {listed}; give the folder or .tar.gz of CIFAR-10 as published.")
        meta = found.get(_META + (".txt" if suffix else ""))
        class_names = _class_names(archive.read(meta), f"{path}: {meta.name}") if meta else CLASS_NAMES
        batches: dict[str, LabelledImages] = {}
        for name in sorted(names, key=lambda name: archive.members.index(found[name])):  # forwards, for a .tar.gz
            parse = parse_binary_batch if suffix else parse_python_batch
            batches[name] = parse(archive.read(found[name]), f"{path}: {found[name].name}", len(class_names))
    return replace(LabelledImages.joined([batches[name] for name in names]), class_names=class_names)


def parse_binary_batch(content: bytes, name: str, num_classes: int = 10) -> LabelledImages:
    """A binary batch: records of a label and 3,072 pixels, the red plane first. `name` is for messages."""
    if not content or len(content) % (1 + _PIXELS):
        raise DataError(f"{name} is {len(content):,} bytes, no multiple of {1 + _PIXELS:,}; fetch it again.")
    records = np.frombuffer(content, np.uint8).reshape(-1, 1 + _PIXELS)
    labels = _checked_labels(records[:, 0], name, num_classes)
    return LabelledImages(images=records[:, 1:].reshape(-1, *_SHAPE), labels=labels)


def parse_python_batch(content: bytes, name: str, num_classes: int = 10) -> LabelledImages:
    """A python batch: a dict with `data`, uint8 (N, 3072), and `labels`, N whole numbers. `name` is for messages."""
    batch = read_batch(content, name)
    data, labels = batch.get("data"), batch.get("labels")
    if not isinstance(data, np.ndarray) or data.ndim != 2 or data.shape[1] != _PIXELS or not len(data):
        found = f"an array of shape {data.shape}" if isinstance(data, np.ndarray) else f"{type(data).__name__}"
        raise DataError(f"{name} holds {found} as its data; expected uint8 (N, {_PIXELS:,}).")
    if not isinstance(labels, list) or any(type(label) is not int for label in labels) or len(labels) != len(data):
        raise DataError(f"{name} holds {len(data):,} images but not as many whole numbers as labels; fetch it again.")
    return LabelledImages(images=data.reshape(-1, *_SHAPE), labels=_checked_labels(np.array(labels), name, num_classes))


def _checked_labels(labels: np.ndarray, name: str, num_classes: int) -> np.ndarray:
    if labels.min() < 0 or labels.max() >= num_classes:
        raise DataError(f"{name} holds labels {labels.min()} to {labels.max()}; there are {num_classes} classes.")
    return labels.astype(np.uint8)


def _find(members: Iterable[Member], path: Path) -> dict[str, Member]:
    """The members with one of the published names, in whatever folder. Raises DataError for two of a name."""
    stems = [name for names in _BATCHES.values() for name in names]
    known = {*stems, *(f"{stem}.bin" for stem in stems), _META, f"{_META}.txt"}
    found: dict[str, Member] = {}
    for member in members:
        name = PurePosixPath(member.name).name
        if name in known:
            if name in found:
                raise DataError(f"{path} holds {found[name].name} and {member.name}; give the folder of one of them.")
            found[name] = member
    return found


def _class_names(content: bytes, name: str) -> tuple[str, ...]:
    """The names in batches.meta.txt, a line each, or in the python version's batches.meta."""
    if not name.endswith(".txt"):
        listed = read_batch(content, name).get("label_names")
    else:
        listed = [line.strip() for line in content.splitlines() if line.strip()]
    if not isinstance(listed, list) or not 0 < len(listed) <= 256 or any(type(n) not in (bytes, str) for n in listed):
        raise DataError(f"{name} holds no list of 1 to 256 class names; fetch it again.")
    return tuple(n if isinstance(n, str) else n.decode("utf-8", "backslashreplace") for n in listed)
