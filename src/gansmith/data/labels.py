"""Labels of image files: from a label file beside them, or from the folders that they are sorted into."""

import csv
import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from gansmith.data.archives.kinds import is_archive_name
from gansmith.data.formats.file_names import FileNames
from gansmith.data.formats.label_file import REMEDY, OtherKindError, rows_of_file
from gansmith.data.images.decode import suffix_of
from gansmith.data.open_source import Entry, OpenSource
from gansmith.data.splits import parts_of, top_folder
from gansmith.errors import DataError
from gansmith.text import printable, readable_size

LABEL_FILES = (
    "labels.csv",
    "labels.tsv",
    "labels.json",
    "labels.jsonl",
    "metadata.csv",
    "metadata.jsonl",
    "dataset.json",
)
"""Names of label files beside the images, in order of preference; "Labels.CSV" is one, too."""
MAX_FILE = 64 << 20
"""Largest label file in bytes: JSON takes ten times its size in memory."""
_TABLES = (".csv", ".tsv")
"""Suffixes of tables that may hold labels under any name, such as a competition's train.csv."""
_MAX_DIGITS = 1000
"""Longest label that counts as a number, in digits; Python reads up to 4,300."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Labels:
    """The class of each file that has one, by its name, and where the classes come from.

    The folders that files lie in are classes only if most images lie in two or more of them, see `settled`: which files
    are images shows when they are decoded.
    """

    of: Mapping[str, str] = field(default_factory=dict)
    origin: str | None = None
    """What the classes come from; None without classes."""
    from_folders: bool = False
    files: Collection[str] = ()
    """The names of the label files."""
    required: bool = False
    """Whether classes were asked for, so that an image without one is lost."""
    notes: tuple[str, ...] = ()
    why_none: str = ""
    """Why a label file gives no classes, and what would do."""

    def settled(self, labels_of_images: Iterable[str | None]) -> "Labels":
        """The labels, now that the label of each file that turned out to be an image is known."""
        counts = Counter(labels_of_images)
        without = counts.pop(None, 0)
        if not self.from_folders or (len(counts) > 1 and counts.total() > without):
            return self
        return Labels(files=self.files, notes=self.notes, why_none=self.why_none)


def find_labels(source: OpenSource) -> Labels:
    """The classes of the files as far as they have any; labels of the source itself come first.

    Otherwise a label file, see `gansmith.data.formats.label_file`; its names are relative to it, and matched as people
    write them. Otherwise the first folder of each file, below the top and below train/, test/ or val/; otherwise a
    table of any other name that gives these files labels. A label file of another kind, or a wrong one, is no error but
    a note: not everybody wants classes.
    """
    if source.labels is not None:
        return Labels(of=source.labels, origin=source.labels_from, required=bool(source.classes))
    names = [entry.name for entry in source.entries]
    groups, tables = _label_files(source)
    notes: list[str] = []
    files = tuple(entry.name for group in groups for entry in group)
    for group in groups:
        try:
            found = _from_files(source, group, names)
        except OtherKindError as other:
            notes.append(f"{_title(group)} gives no classes: {other}; {REMEDY}")
        except (DataError, OSError, ValueError, RecursionError, csv.Error) as error:
            why = f"{_title(group)} cannot be read as labels: {error}; mend it"
            return Labels(files=files, notes=(*notes, why), why_none=why)
        else:
            return replace(found, files=files, notes=(*notes, *found.notes))
    of = _by_folder(names)
    for table in () if of else tables:
        with suppress(OtherKindError, DataError, OSError, ValueError, csv.Error):
            found = _from_files(source, [table], names, needs_header=True)
            return replace(found, files=(*files, table.name), notes=(*notes, *found.notes))
    origin = "folders" if of else None
    why = notes[0] if notes else ""
    return Labels(of=of, origin=origin, from_folders=True, files=files, notes=tuple(notes), why_none=why)


def class_order(labels: Iterable[str]) -> list[str]:
    """The distinct labels in the order of their numbers: whole numbers by value, others as text."""
    distinct = set(labels)
    if all(label.isdecimal() and len(label) <= _MAX_DIGITS for label in distinct):
        return sorted(distinct, key=lambda label: (int(label), label))
    return sorted(distinct)


def _label_files(source: OpenSource) -> tuple[list[list[Entry]], list[Entry]]:
    """The label files of each name that there are, and other tables.

    They lie at the top, in the folder that all images lie in, or in its parts.
    """
    names = [entry.name for entry in source.entries]
    top = top_folder(names)
    places = {top[: end + 1] for end, letter in enumerate(top) if letter == "/"} | {""}
    places |= {"/".join(name.split("/")[: part.level + 1]) + "/" for name, part in parts_of(names).items()}
    by_name: dict[str, list[Entry]] = {}
    tables = []
    for entry in source.entries:
        folder, slash, last = entry.name.rpartition("/")
        if folder + slash not in places or entry.row:
            continue
        if last.lower() in LABEL_FILES:
            by_name.setdefault(last.lower(), []).append(entry)
        elif suffix_of(last) in _TABLES:
            tables.append(entry)
    return [by_name[name] for name in LABEL_FILES if name in by_name], tables


def _title(group: Sequence[Entry]) -> str:
    return " and ".join(printable(entry.name) for entry in group)


def _from_files(
    source: OpenSource, group: Sequence[Entry], names: Sequence[str], *, needs_header: bool = False
) -> Labels:
    """The labels in these files. Raises OtherKindError and ValueError, which say what is wrong."""
    there = FileNames([*names, *(name for name, _ in source.passed)])
    found: dict[str, str] = {}
    absent: list[str] = []
    count = 0
    for entry in group:
        if entry.size > MAX_FILE:
            raise OtherKindError(
                f"it is {readable_size(entry.size)} large, and up to {readable_size(MAX_FILE)} are read"
            )
        read = rows_of_file(entry.name, source.read(entry))
        if read is None:
            return Labels(files=(entry.name,))
        rows, may_have_header = read
        if may_have_header and needs_header:
            raise OtherKindError("it has no header with a column of files")
        folder = entry.name.rpartition("/")[0]
        for number, (name, label) in enumerate(rows):
            f"{name}{label}".encode("utf-8", "surrogateescape")  # JSON can spell halves of characters
            full = there.find(folder, os.fsdecode(name.encode("utf-8", "surrogateescape")))
            count += 1
            if full is None:
                if number or not may_have_header:  # a table's first line may be its header
                    absent.append(name)
            elif label and found.setdefault(full, label) != label:
                raise ValueError(f"it gives {printable(name)} two labels, {found[full]!r} and {label!r}; keep one")
    if not found:
        first = (
            f"none of its {count:,} names is that of a file here, first {printable(absent[0])}"
            if absent
            else "it is empty"
        )
        raise OtherKindError(first)
    notes = (
        [f"{_title(group)} has {len(absent):,} names that fit no file here, or several, first {printable(absent[0])}"]
        if absent
        else []
    )
    return Labels(of=found, origin=_title(group), notes=tuple(notes))


def _by_folder(names: Sequence[str]) -> dict[str, str]:
    """The first folder of each file below the top, or below its part, if it lies in one and there are two of them."""
    top, parts = top_folder(names), parts_of(names)
    found = {}
    for name in names:
        folders = name.split("/")[:-1]
        if name in parts:
            del folders[parts[name].level]
        folders = folders[top.count("/") :] if name.startswith(top) else []
        folders = [folder for folder in folders if not is_archive_name(folder)]  # one of several archives of a set
        if folders:
            found[name] = folders[0]
    return found if len(set(found.values())) > 1 else {}
