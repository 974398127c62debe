"""Names with classes in brackets, such as "cifar10[ship]" and "mnist[0,1]"."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gansmith.data.datasets.catalog import SETS
from gansmith.errors import DataError, unknown
from gansmith.system.names import ARRAY_OF_NPZ

_NAMED = re.compile(rf"(?P<name>{ARRAY_OF_NPZ.pattern}|[^\[\]]+)\[(?P<classes>[^\[\]]*)\]", re.I)


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """The name of a set, or a path, and the classes to use; empty for all."""

    name: str
    classes: tuple[str, ...] = ()


def parse_name(text: str) -> Selection:
    """The selection in "NAME" or "NAME[CLASS,CLASS]"; an existing path is taken literally.

    The first brackets behind a .npz file name one of its arrays, and belong to the name: "x.npz[images][0,1]".

    If the files of a known set have no class names, the published names are replaced by numbers. Raises DataError for
    empty brackets.
    """
    match = _NAMED.fullmatch(text)
    if not match or ARRAY_OF_NPZ.fullmatch(text) or Path(text).expanduser().exists():
        return Selection(name=text)
    classes = tuple(part.strip() for part in match["classes"].split(","))
    if not all(classes):
        raise DataError(f"{text!r} names an empty class; write for instance cifar10[ship] or mnist[0,1].")
    known = SETS[match["name"]].classes if match["name"] in SETS else ()
    numbers = {name: str(number) for number, name in enumerate(known)}
    return Selection(name=match["name"], classes=tuple(numbers.get(one, one) for one in classes))


def rows_of(
    classes: Sequence[str], labels: np.ndarray | None, class_names: Sequence[str] | None, name: str, why: str = ""
) -> np.ndarray:
    """The positions, in order, of the images whose label is among `classes`, given by name or by number.

    Raises DataError when the set has no such class, or no labels; `why` is the reason for that, if known.
    """
    if labels is None:
        raise no_classes(classes, name, why)
    numbers = [str(number) for number in np.unique(labels) if number >= 0]
    by_name = {number: int(number) for number in numbers}
    by_name |= {class_name: number for number, class_name in enumerate(class_names or ())}
    for one in classes:
        if one not in by_name:
            raise DataError(f"{name!r}: " + unknown("class", one, class_names or numbers))
    return np.flatnonzero(np.isin(labels, [by_name[one] for one in classes]))


def no_classes(classes: Sequence[str], name: str, why: str) -> DataError:
    """The error for classes of a set without labels; `why` is the reason and the remedy, if known."""
    found = f"{name!r}: {why}, or" if why else f"{name!r} has no labels, so no class can be chosen;"
    return DataError(f"{found} leave out [{','.join(classes)}].")
