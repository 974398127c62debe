"""Labels of image files: from a label file beside them, or from the folders that they are sorted into."""

import csv
import io
import json
import os
import posixpath
from collections.abc import Iterable
from dataclasses import dataclass

from gansmith.data.archives.kinds import is_archive_name
from gansmith.data.images.decode import suffix_of
from gansmith.data.images.types import SUFFIXES
from gansmith.data.open_source import Entry, OpenSource
from gansmith.errors import DataError
from gansmith.text import printable

LABEL_FILES = ("labels.csv", "labels.json", "dataset.json")
"""Names of label files beside the images, in order of preference."""
_MAX_DIGITS = 1000
"""Longest label that counts as a number, in digits; Python reads up to 4,300."""
_NAMED = 3
"""Number of images outside class folders that a message names."""

_SPLITS = {"train", "training", "test", "testing", "val", "valid", "validation"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Labels:
    """The label of each file by its name, the origin of the labels, and the name of the label file, if any."""

    of: dict[str, str]
    origin: str
    file: str | None = None
    notes: tuple[str, ...] = ()


def find_labels(source: OpenSource) -> Labels | None:
    """The labels of the images, or None; labels of the source itself come first.

    A label file holds `name,label` lines, a JSON object {name: label}, or StyleGAN's {"labels": [[name, label], ...]},
    names relative to it. Otherwise, folders are classes when every image lies in a folder just below the top, or
    below train/, test/ or val/. Raises DataError, naming the place, when a label file is wrong.
    """
    if source.labels is not None:
        return Labels(of=dict(source.labels), origin=source.labels_from)
    top = _common_folder(entry.name for entry in source.entries)
    by_name = {entry.name: entry for entry in source.entries}
    for wanted in LABEL_FILES:
        if entry := by_name.get(top + wanted):
            return _from_file(source, entry, top, by_name)
    by_folder = _by_folder(source, top)
    labels = {name: label for name, label in by_folder.items() if label is not None}
    return Labels(of=labels, origin="folders") if labels and labels == by_folder else None


def why_no_classes(source: OpenSource) -> str:
    """Why folders are not classes, if the reason is a minority of images outside them; otherwise ""."""
    top, names = _common_folder(entry.name for entry in source.entries), {entry.name for entry in source.entries}
    if source.labels is not None or any(top + file in names for file in LABEL_FILES):
        return ""
    classes = _by_folder(source, top)
    outside = [name for name, label in classes.items() if label is None]
    if not 0 < len(outside) < len(classes) / 2:
        return ""
    first = ", ".join(map(printable, outside[:_NAMED]))
    more = f" and {len(outside) - _NAMED:,} more" if len(outside) > _NAMED else ""
    lie, them = ("1 image lies", "it") if len(outside) == 1 else (f"{len(outside):,} images lie", "them")
    return f"{lie} outside the class folders, so there are no classes: {first}{more}; move {them}"


def class_order(labels: Iterable[str]) -> list[str]:
    """The distinct labels in the order of their numbers: whole numbers by value, others as text."""
    distinct = set(labels)
    if all(label.isdecimal() and len(label) <= _MAX_DIGITS for label in distinct):
        return sorted(distinct, key=lambda label: (int(label), label))
    return sorted(distinct)


def _from_file(source: OpenSource, entry: Entry, top: str, names: dict[str, Entry]) -> Labels | None:
    where = printable(entry.name)
    try:
        text = source.read(entry).decode("utf-8-sig")
        rows = _csv_rows(text) if entry.name.endswith(".csv") else _json_rows(text)
        for name, label in rows or ():
            f"{name}{label}".encode("utf-8", "surrogateescape")  # JSON can spell halves of characters
    except (OSError, ValueError, RecursionError, csv.Error) as error:
        raise DataError(f"{where} cannot be read as labels: {error}; see `gansmith data check --help`.") from error
    if rows is None:
        return None
    found: dict[str, str] = {}
    absent = []
    for number, (name, label) in enumerate(rows):
        if (full := top + os.fsdecode(name.encode("utf-8", "surrogateescape"))) not in names:
            if number or not entry.name.endswith(".csv"):  # a CSV's first line may be its header
                absent.append(name)
        elif found.setdefault(full, label) != label:
            raise DataError(f"{where} gives {printable(name)} two labels, {found[full]!r} and {label!r}; keep one.")
    notes = [f"{where} names {len(absent):,} files that are not there, first {printable(absent[0])}"] if absent else []
    return Labels(of=found, origin=where, file=entry.name, notes=tuple(notes))


def _csv_rows(text: str) -> list[tuple[str, str]]:
    rows = []
    for number, row in enumerate(csv.reader(io.StringIO(text, newline="")), 1):
        if row and len(row) != 2:
            raise ValueError(f"line {number} has {len(row)} fields and not two, name and label")
        if row:
            rows.append((row[0].strip(), row[1].strip()))
    return rows


def _json_rows(text: str) -> list[tuple[str, str]] | None:
    """The (name, label) pairs; None for a StyleGAN file without labels."""
    content = json.loads(text)
    if isinstance(content, dict) and isinstance(content.get("labels", ""), list | None):
        content = content["labels"]
    if content is None:
        return None
    pairs = list(content.items()) if isinstance(content, dict) else content
    if not isinstance(pairs, list):
        raise ValueError("it is neither {name: label} nor a list of [name, label]")
    for pair in pairs:
        right = isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str)
        if not right or isinstance(pair[1], bool) or not isinstance(pair[1], int | str):
            raise ValueError(f"{json.dumps(pair)[:80]} is not a name and one label")
    return [(name, str(label)) for name, label in pairs]


def _by_folder(source: OpenSource, top: str) -> dict[str, str | None]:
    """The class of each image by its folder, None outside class folders; empty if there are not two such folders."""
    images = [entry.name for entry in source.entries if suffix_of(entry.name) in SUFFIXES]
    parts = {name: _folders_of(name[len(top) :]) for name in images or [entry.name for entry in source.entries]}
    top_names = {name: folders[0].lower() for name, folders in parts.items() if folders}
    below_splits = {name: parts[name][1] for name in top_names if len(parts[name]) == 2 and top_names[name] in _SPLITS}
    below_top = {name: parts[name][0] for name in top_names if len(parts[name]) == 1 and top_names[name] not in _SPLITS}
    labels = max(below_splits, below_top, key=len)
    return {name: labels.get(name) for name in parts} if len(set(labels.values())) > 1 else {}


def _folders_of(name: str) -> list[str]:
    """The folders of a file's name, without the archive of a set in several that it lies in."""
    return [folder for folder in name.split("/")[:-1] if not is_archive_name(folder)]


def _common_folder(names: Iterable[str]) -> str:
    """The folder that contains all files, with its '/'; '' if there is none. Archives often have one."""
    folders = {name.rpartition("/")[0] for name in names}
    common = posixpath.commonpath(folders) if folders else ""
    return f"{common}/" if common else ""
