"""The classes of a labelled dataset: their names and counts, and the class of each generated image."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gansmith.data.datasets.catalog import SETS
from gansmith.data.images.types import MAX_DROPPED
from gansmith.data.selection import parse_name
from gansmith.data.store import Dataset, label_type
from gansmith.errors import DataError, UsageError, unknown
from gansmith.lazy import LazyModule
from gansmith.text import printable

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = LazyModule("torch")


@dataclass(frozen=True, kw_only=True, slots=True)
class Classes:
    """The names of a run's classes, in the order of their numbers, and the number of training images of each."""

    names: tuple[str, ...]
    counts: tuple[int, ...]

    def number_of(self, name: str) -> int:
        """The number of a class, given by name, or by number if no name is a number. Raises UsageError."""
        known = {known_name: number for number, known_name in enumerate(self.names)}
        if not any(known_name.isdecimal() for known_name in self.names):
            known |= {str(number): number for number in range(len(self.names))}
        if name not in known:
            raise UsageError(unknown("class", name, self.names))
        return known[name]

    def in_proportion(self, num: int) -> Tensor:
        """The class of each of `num` images, int64 [num], in proportion to `counts`; equal counts take turns.

        Among the first n images each class has its share to within about one image, for every n: the method of Webster
        and Sainte-Laguë for seats in a parliament. Nothing is random, and the first labels do not depend on `num`.
        """
        whole = max(sum(self.counts), 1)
        seats = [(num + len(self.counts) / 2) * count / whole + 2 for count in self.counts]
        turns = [
            np.arange(1, 2 * int(most), 2) / count for count, most in zip(self.counts, seats, strict=True) if count
        ]
        having = [label for label, count in enumerate(self.counts) if count]
        labels = np.repeat(having, [len(times) for times in turns])
        return torch.from_numpy(labels[np.argsort(np.concatenate(turns), kind="stable")[:num]])

    def describe(self, labels: Tensor) -> str:
        """The number of images of each class, such as "3 cat, 2 dog"."""
        counts = np.bincount(labels.numpy(), minlength=len(self.names))
        return ", ".join(f"{count:,} {name}" for name, count in zip(self.names, counts, strict=True) if count)


def on_grid(num: int, rows: int, columns: int) -> Tensor:
    """The class of each image of a grid with `num` classes, row by row, int64 [rows * columns].

    With at least as many columns as classes, each column has one class; otherwise the classes take turns.
    """
    if columns >= num:
        return torch.arange(columns).mul(num).div(columns, rounding_mode="floor").repeat(rows)
    return torch.arange(rows * columns) % num


def names_among(dataset: Dataset, set_name: str) -> tuple[str, ...]:
    """The names of the classes of the images, in the order of their labels; none without labels.

    A known set, which `set_name` names, has class names even if its files have none. A class without a name is called
    by its number.
    """
    if dataset.labels is None:
        return ()
    labels = np.unique(dataset.labels[dataset.labels >= 0])
    return tuple(_class_name(label, dataset, set_name) for label in labels.tolist())


def only_labelled(dataset: Dataset, set_name: str, allow_dropped: bool) -> Dataset:
    """The images that have a class, of a whole packed dataset; for those who asked for classes.

    Raises DataError when more than 1 % of the images have none or were lost before, unless `allow_dropped`. The hashes
    in the index are those of a dataset of these images alone.
    """
    if dataset.labels is None or (dataset.labels >= 0).all():
        return dataset
    rows = np.flatnonzero(dataset.labels >= 0)
    index, count = dataset.index, len(dataset) - len(rows)
    named = [*index.get("without_class", ())]
    lost = index.get("lost", 0) + count
    if lost > MAX_DROPPED * (len(dataset) + index.get("lost", 0)) and not allow_dropped:
        first = f", the first is {named[0]}" if named else ""
        raise DataError(
            f"{count:,} of the {len(dataset):,} images of {set_name!r} have no class{first}; give them one, remove "
            f"them, train without classes, or accept the loss of more than {MAX_DROPPED:.0%} with --allow-dropped."
        )
    kept = dataset.only(rows)
    labels = dataset.labels[rows].astype(label_type(len(index["classes"]), without=False))
    digest = hashlib.sha256()
    for row in rows:
        digest.update(dataset.images[row].data)
    hashes = {"images": digest.hexdigest(), "labels": hashlib.sha256(labels.tobytes()).hexdigest()}
    first = f", the first is {named[0]}" if named else ""
    notes = [*index["notes"], f"{count:,} images have no class and are not trained on{first}"]
    return replace(kept, labels=labels, index={**index, "notes": notes, "sha256": {**index["sha256"], **hashes}})


def relabel(dataset: Dataset, names: Sequence[str], set_name: str) -> Dataset:
    """The same images with labels 0, 1, ... for these class names; the index holds the names and counts.

    Raises DataError for images without a label, or with another.
    """
    found = names_among(dataset, set_name)
    if dataset.labels is None or (other := sorted({*found} - {*names})):
        what = f"of the class {other[0]!r}" if found else "without labels"
        raise DataError(f"{set_name!r} has images {what}; the training images have the classes {', '.join(names)}.")
    own, where = np.unique(dataset.labels, return_inverse=True)
    numbers = np.array([names.index(_class_name(label, dataset, set_name)) for label in own.tolist()], np.int64)
    labels = numbers[where]
    counts = np.bincount(labels, minlength=len(names)).tolist()
    return replace(dataset, labels=labels, index={**dataset.index, "classes": [*names], "class_counts": counts})


def classes_of(index: object, num: int) -> Classes:
    """The classes that an index lists, or run.json; without such lists, numbers as names and equal counts."""
    entries: dict[str, Any] = index if isinstance(index, dict) else {}
    names, counts = (_list_of(entries.get(key), kind, num) for key, kind in (("classes", str), ("class_counts", int)))
    if len({*names}) < num:
        names = [str(number) for number in range(num)]
    if not 0 < sum(counts) < 1 << 53 or min(counts) < 0:
        counts = [1] * num
    return Classes(names=tuple(map(printable, names)), counts=tuple(counts))


def _list_of(value: object, kind: type, num: int) -> list[Any]:
    """The value, if it is a list of `num` elements of this type; else an empty list."""
    if isinstance(value, list) and len(value) == num and all(type(one) is kind for one in value):
        return value
    return []


def _class_name(label: int, dataset: Dataset, set_name: str) -> str:
    name = parse_name(set_name).name
    names = dataset.index.get("classes") or (SETS[name].classes if name in SETS else ())
    return printable(names[label]) if 0 <= label < len(names) else str(label)
