"""The classes that networks are told apart by: their names, their shares of the images, and who is asked for when."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gansmith.data.datasets.catalog import SETS
from gansmith.data.selection import parse_name
from gansmith.data.store import Dataset
from gansmith.errors import DataError, UsageError, unknown
from gansmith.text import printable


@dataclass(frozen=True, kw_only=True, slots=True)
class Classes:
    """The classes of a run in the order of their numbers, and how many images of each it trains on."""

    names: tuple[str, ...]
    counts: tuple[int, ...]

    def number_of(self, asked: str) -> int:
        """The number of the class of this name, or of this number where no name is one. Raises UsageError."""
        known = {name: number for number, name in enumerate(self.names)}
        if not any(name.isdecimal() for name in self.names):
            known |= {str(number): number for number in range(len(self.names))}
        if asked not in known:
            raise UsageError(unknown("class", asked, self.names))
        return known[asked]

    def in_proportion(self, num: int) -> Tensor:
        """The class of each of `num` images, int64 [num], in the shares of `counts`: equal ones come in turn.

        Of the first n images each class has its share to within an image or so, for every n: the method of Webster
        and Sainte-Laguë for seats in a parliament. Nothing is drawn, and the first labels do not depend on `num`.
        """
        whole = max(sum(self.counts), 1)
        seats = [(num + len(self.counts) / 2) * count / whole + 2 for count in self.counts]
        turns = [
            (2 * np.arange(int(most)) + 1) / count for count, most in zip(self.counts, seats, strict=True) if count
        ]
        having = [label for label, count in enumerate(self.counts) if count]
        labels = np.repeat(having, [len(times) for times in turns])
        return torch.from_numpy(labels[np.argsort(np.concatenate(turns), kind="stable")[:num]])

    def describe(self, labels: Tensor) -> str:
        """How many images of each class, such as "3 cat, 2 dog"."""
        counts = np.bincount(labels.numpy(), minlength=len(self.names))
        return ", ".join(f"{count:,} {name}" for name, count in zip(self.names, counts, strict=True) if count)


def on_grid(num: int, rows: int, columns: int) -> Tensor:
    """The class of each image of a grid, row by row, int64 [rows * columns], of so many classes.

    A column is of one class where there are columns enough, neighbours of the same; otherwise classes come in turn.
    """
    if columns >= num:
        return torch.arange(columns).mul(num).div(columns, rounding_mode="floor").repeat(rows)
    return torch.arange(rows * columns) % num


def names_among(dataset: Dataset, set_name: str) -> tuple[str, ...]:
    """The names of the classes that occur among the images, in the order of their labels; none without labels.

    `set_name` is what the user asked for: a known set's names are known where its files do not hold them. A class
    without a name goes by its number.
    """
    if dataset.labels is None:
        return ()
    return tuple(_name(label, dataset, set_name) for label in np.unique(dataset.labels).tolist())


def told_apart(dataset: Dataset, names: Sequence[str], set_name: str) -> Dataset:
    """The same images with labels 0, 1, ... for these names; the index holds the names, and a count for each.

    Raises DataError for images that have no label, or another.
    """
    found = names_among(dataset, set_name)
    if dataset.labels is None or (other := sorted({*found} - {*names})):
        what = f"of the class {other[0]!r}" if found else "without labels"
        raise DataError(f"{set_name!r} has images {what}, which those to train on have not: {', '.join(names)}.")
    own, where = np.unique(dataset.labels, return_inverse=True)
    numbers = np.array([names.index(_name(label, dataset, set_name)) for label in own.tolist()], np.int64)
    labels = numbers[where]
    counts = np.bincount(labels, minlength=len(names)).tolist()
    return replace(dataset, labels=labels, index={**dataset.index, "classes": [*names], "class_counts": counts})


def classes_of(index: object, num: int) -> Classes:
    """The classes in a pack's index, or in what a run keeps of it; numbers and equal shares where it does not tell."""
    facts: dict[str, Any] = index if isinstance(index, dict) else {}
    names, counts = (_listed(facts.get(key), kind, num) for key, kind in (("classes", str), ("class_counts", int)))
    if len({*names}) < num:
        names = [str(number) for number in range(num)]
    if not 0 < sum(counts) < 1 << 53 or min(counts) < 0:
        counts = [1] * num
    return Classes(names=tuple(map(printable, names)), counts=tuple(counts))


def _listed(given: object, kind: type, num: int) -> list[Any]:
    """What is given, if it is so many of a kind; else nothing."""
    if isinstance(given, list) and len(given) == num and all(type(one) is kind for one in given):
        return given
    return []


def _name(label: int, dataset: Dataset, set_name: str) -> str:
    name = parse_name(set_name).name
    names = dataset.index.get("classes") or (SETS[name].classes if name in SETS else ())
    return printable(names[label]) if 0 <= label < len(names) else str(label)
