"""The parts that a person's own images come in: train/, val/ and test/, or train-00000-of-00002.parquet."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gansmith.data.datasets.catalog import Split
from gansmith.data.images.decode import suffix_of
from gansmith.data.open_source import OpenSource
from gansmith.errors import DataError
from gansmith.text import printable

OTHER_SPLIT = "is not in the split"
"""How the reason begins why files of other parts are left out; they do not count as lost images."""

_KINDS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
}
_CONTAINER = re.compile(rf"({'|'.join(sorted(_KINDS, key=len, reverse=True))})([-_.].*)?\.(parquet|tar|tgz|zip)", re.I)
"""A table or an archive that holds images of one part."""
_TABLES = (".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".npy", ".npz", ".mat")
_TEXTS = (".txt", ".md", ".rst", ".html", ".pdf", ".log", ".py", ".ipynb", ".sh", ".pkl")
_MEDIA = (".ogg", ".wav", ".mp3", ".flac", ".mp4", ".mov", ".avi")
_OFFICE = (".xls", ".xlsx", ".ods", ".doc", ".docx", ".db")
_NO_IMAGES = frozenset((*_TABLES, *_TEXTS, *_MEDIA, *_OFFICE))
"""Suffixes of files that lie beside images and say nothing about how these are sorted."""
_DEPTH = 2
"""Folders below the top that parts are looked for in."""


@dataclass(frozen=True, slots=True)
class Part:
    """The part of the set that a file belongs to: its kind, and the name of its folder or of its tables."""

    kind: str
    label: str
    level: int
    """Position of that folder among those of the file's name."""


def top_folder(names: Sequence[str]) -> str:
    """The folder, with its "/", that nearly all files lie in; "" if there is none.

    An archive often has one; a few files beside it, such as a licence, do not matter.
    """
    top = ""
    while True:
        folders = Counter(name.partition("/")[0] for name in names if "/" in name)
        if len(folders) != 1 or 2 * folders.total() <= len(names):
            return top
        (folder,) = folders
        names = [name[len(folder) + 1 :] for name in names if name.startswith(f"{folder}/")]
        top += f"{folder}/"


def may_be_image(name: str) -> bool:
    """Whether a file can be an image, as far as its name tells; whether it is one shows when it is decoded."""
    return suffix_of(name) not in _NO_IMAGES


def parts_of(names: Sequence[str]) -> dict[str, Part]:
    """The part of each file that is in one; empty for a set without parts.

    A folder has parts if there is one to train on and another beside it. A folder called train or test among those of
    classes is a class. Where each folder of images has parts, these are the set's, too.
    """
    top = top_folder(names)
    below = [name for name in names if name.startswith(top)]
    found = _parts_below(top, below, _DEPTH)
    images = [name for name in names if may_be_image(name)]
    return found if sum(name in found for name in images) > len(images) / 2 else {}


def take_split(source: OpenSource, split: Split) -> OpenSource:
    """The images of this split, the others with their reason; all, if the set has no parts and `split` is "train".

    "test" is the part for validation if there is none for tests. Raises DataError when there is no such split.
    """
    parts = parts_of([entry.name for entry in source.entries])
    if not parts:
        if split in ("train", "both"):
            return source
        raise DataError(f"{source.path} holds your own images, which have no {split!r} split; take 'train'.")
    kinds = {part.kind for part in parts.values()}
    final = "test" if "test" in kinds else "validation"
    wanted = {"train": ["train"], "test": [final], "both": ["train", final]}.get(split)
    if wanted is None:
        raise DataError(f"{source.path} has no {split!r} split, only train and test.")
    chosen = [entry for entry in source.entries if _kind(parts, entry.name) in wanted]
    beside = [entry for entry in source.entries if entry.name not in parts and not may_be_image(entry.name)]
    kept = {entry.name for entry in (*chosen, *beside)}
    others = [entry.name for entry in source.entries if entry.name not in kept]
    note = _note(parts, [entry.name for entry in source.entries], wanted)
    return replace(
        source,
        entries=(*sorted(chosen, key=lambda entry: wanted.index(_kind(parts, entry.name))), *beside),
        passed=(*source.passed, *((name, _reason(parts.get(name), split)) for name in others)),
        layout=(*source.layout, note),
    )


def _kind(parts: dict[str, Part], name: str) -> str:
    return parts[name].kind if name in parts else ""


def _reason(part: Part | None, split: str) -> str:
    return f"{OTHER_SPLIT} {split!r}" + (f", but in {part.label}" if part else "")


def _note(parts: dict[str, Part], names: Sequence[str], wanted: Sequence[str]) -> str:
    """Such as "train/: 800 of 1,000 images; val/ 100 and test/ 100 are not trained on"."""
    images = [name for name in names if may_be_image(name)]
    kind_of = {part.label: part.kind for part in parts.values()}
    counts = Counter(parts[name].label for name in images if name in parts)
    taken = [label for kind in wanted for label in kind_of if kind_of[label] == kind]
    others = [f"{label} {counts[label]:,}" for label in kind_of if label not in taken]
    if outside := sum(name not in parts for name in images):
        others.append(f"{outside:,} outside of them")
    used = f"{' and '.join(taken)}: {sum(counts[label] for label in taken):,} of {len(images):,} images"
    *first, last = others or [""]
    left = f"{', '.join(first)} and {last}" if first else last
    verb = "are not trained on" if "train" in wanted else "are left out"
    return f"{used}; {left} {verb}" if others else used


def _parts_below(prefix: str, names: Sequence[str], depth: int) -> dict[str, Part]:
    """The parts in the folder `prefix`, which `names` lie in, or in each of its folders of images."""
    folders: dict[str, list[str]] = {}
    for name in names:
        folder, slash, _ = name[len(prefix) :].partition("/")
        if slash:
            folders.setdefault(folder, []).append(name)
    kinds = {folder: found for folder in folders if (found := _kind_of(folder))}
    different = {kind for kind, _ in kinds.values()}
    if "train" in different and len(different) > 1:
        level = prefix.count("/")
        return {name: Part(*kinds[folder], level) for folder in kinds for name in folders[folder]}
    found: dict[str, Part] = {}
    for folder, inside in folders.items() if depth else ():
        if any(map(may_be_image, inside)):
            of_folder = _parts_below(f"{prefix}{folder}/", inside, depth - 1)
            if not of_folder:
                return {}
            found |= of_folder
        else:
            found |= _parts_below(f"{prefix}{folder}/", inside, depth - 1)
    return found


def _kind_of(folder: str) -> tuple[str, str] | None:
    """The kind of part that a folder or a table holds, and what to call it; None for any other."""
    if kind := _KINDS.get(folder.lower()):
        return kind, f"{printable(folder)}/"
    if match := _CONTAINER.fullmatch(folder):
        return _KINDS[match[1].lower()], printable(match[1])
    return None
