"""Where the images of a name or a path lie: `find_source` locates or downloads them, `Source.open` lists them."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from gansmith.data.datasets.catalog import SETS, Split
from gansmith.data.datasets.files import IDX_FILES
from gansmith.data.datasets.find import SetCopy, find_set, idx_file
from gansmith.data.datasets.http import Progress
from gansmith.data.formats.arrays import LabelledImages, png_of
from gansmith.data.formats.read import read_idx_pair, read_split
from gansmith.data.hashes import file_hash
from gansmith.data.labels import class_order, find_labels
from gansmith.data.open_source import Entry, OpenSource
from gansmith.data.paths import open_path
from gansmith.data.selection import no_classes, parse_name, rows_of
from gansmith.data.splits import take_split
from gansmith.errors import DataError, unknown
from gansmith.system.names import file_and_array
from gansmith.text import why_no_path


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Images on this machine, not opened yet: image files in a folder or an archive, or arrays."""

    name: str
    """The known set, or the last part of the path."""
    path: Path
    title: str = ""
    """The name, with the classes in brackets if only some are used."""
    given: tuple[str, ...] = ()
    """The command-line words that name these images."""
    classes: tuple[str, ...] = ()
    """The classes that are used; empty for all."""
    split: Split | None = None
    """The split of a person's own images; None where `folders` or `arrays` tell it."""
    folders: tuple[str, ...] = ()
    """The folders in `path` that hold the image files; empty for all."""
    array_files: tuple[Path, ...] = ()
    """The files that hold the arrays."""
    arrays: tuple[tuple[str, Callable[[], LabelledImages]], ...] = ()
    """Each split with the function that reads it; empty for image files."""
    copies: tuple[SetCopy, ...] = ()
    """The copy of a known set that each split is read from."""

    @contextmanager
    def open(self) -> Generator[OpenSource]:
        """List the images, to be read one by one while the context lasts.

        Raises DataError when they cannot be read, or have no such split or class.
        """
        with _open_arrays(self) if self.arrays else open_path(self.path, self.folders) as source:
            if self.split:
                source = take_split(source, self.split)
            if self.classes:
                source = only_classes(source, self.classes, self.name)
            warning = SETS[self.name].warning if self.copies else ""
            yield replace(
                source,
                name=self.title,
                given=self.given,
                notes=cache(lambda layout=source.layout: (*self.notes(), *filter(None, [warning]), *layout)),
            )

    def read_arrays(self) -> LabelledImages:
        """All splits, one after the other."""
        return LabelledImages.joined([read() for _, read in self.arrays])

    def notes(self) -> tuple[str, ...]:
        """Whether the copy of a known set is not the published one. Reads its files to compare checksums."""
        if all(copy.is_official() for copy in self.copies):
            return ()
        name = SETS[self.name].made_of or self.name
        return (f"{self.path} is a copy of {name} that differs from the published files",)


def find_source(
    name: str, split: Split = "train", *, offline: bool = False, progress: Progress | None = None
) -> Source:
    """The images of a known set, which is downloaded if it is missing, or of a path; classes in brackets if not all.

    A folder that holds the IDX files of MNIST's kind is read as such a set. Raises DataError when the set or path
    cannot be found, or has no such split.
    """
    selection = parse_name(name)
    source = _locate(selection.name, split, offline, progress)
    return replace(
        source,
        title=source.name + name.removeprefix(selection.name),
        given=(name,) if split == "train" else (name, "--split", split),
        classes=selection.classes,
    )


def absolute_name(name: str) -> str:
    """The name of a known dataset, or an absolute path, so that a run can be resumed from any folder."""
    plain = parse_name(name).name
    return name if plain in SETS else f"{path_of(plain).resolve()}{name.removeprefix(plain)}"


def namesake_notes(name: str) -> list[str]:
    """A note if a file or folder here is called as the known dataset that is used."""
    plain = parse_name(name).name
    if plain not in SETS or not Path(plain).exists():
        return []
    return [f"{plain} is the known dataset; the images in {Path(plain).absolute()} are named ./{plain}"]


def path_of(name: str) -> Path:
    """The path that is named, an array of a .npz in brackets included. Raises DataError when it does not exist."""
    path = Path(name).expanduser()
    if file_and_array(path)[0].exists():
        return path
    if address := why_no_path(name):
        raise DataError(address)
    if "/" in name:
        raise DataError(f"{path.absolute()} does not exist; give a folder, .zip, .tar, .parquet or .npy of images.")
    sets = unknown("set", name, SETS)
    raise DataError(
        f"{sets} A folder, .zip, .tar, .parquet or .npy of images would do too, but {path.absolute()} does not exist."
    )


def _locate(name: str, split: Split, offline: bool, progress: Progress | None) -> Source:
    splits = ("train", "test") if split == "both" else (split,)
    if name in SETS:
        copies = tuple(find_set(name, one, offline=offline, progress=progress) for one in splits)
        if copies[0].layout.format == "images":
            return _set_of_image_files(name, copies, splits)
        return _set_of_arrays(name, copies, splits)
    path = path_of(name)
    if any(idx_file(path, stem) for pair in IDX_FILES.values() for stem in pair):
        return _idx_folder(path, splits)
    return Source(name=path.resolve().name, path=path, split=split)


def _set_of_arrays(name: str, copies: tuple[SetCopy, ...], splits: Sequence[str]) -> Source:
    parts = list(zip(splits, copies, strict=True))
    return Source(
        name=name,
        path=copies[0].path,
        copies=copies,
        array_files=tuple(file for split, copy in parts for file in copy.files.get(split, ())),
        arrays=tuple((split, partial(read_split, copy, split)) for split, copy in parts),
    )


def _set_of_image_files(name: str, copies: tuple[SetCopy, ...], splits: Sequence[str]) -> Source:
    """A known set that lies here as image files: an archive or folder of all splits, or a folder for each."""
    paths = [copy.files[split][0] for copy, split in zip(copies, splits, strict=True)]
    if len(copies[0].layout.files) == 1:
        return Source(name=name, path=paths[0], copies=copies)
    if paths[0].is_dir():
        folders = tuple(path.name for path in paths)
        return Source(name=name, path=paths[0].parent, folders=folders, copies=copies)
    return Source(name=name, path=paths[0], folders=tuple(splits), copies=copies)


def _idx_folder(folder: Path, splits: Sequence[str]) -> Source:
    pairs = []
    for split in splits:
        if split not in IDX_FILES:
            raise DataError(f"{folder} has no {split!r} split, only {', '.join(IDX_FILES)}.")
        pairs.append((split, tuple(_existing_idx_file(folder, stem) for stem in IDX_FILES[split])))
    return Source(
        name=folder.resolve().name,
        path=folder,
        array_files=tuple(file for _, pair in pairs for file in pair),
        arrays=tuple((split, partial(read_idx_pair, pair, split)) for split, pair in pairs),
    )


def _existing_idx_file(folder: Path, stem: str) -> Path:
    if file := idx_file(folder, stem):
        return file
    raise DataError(f"{folder} has no {stem}.gz (nor {stem}); an image file and a label file are required.")


@contextmanager
def _open_arrays(source: Source) -> Generator[OpenSource]:
    """Arrays as rows: each image is encoded, without loss, when it is read."""
    splits = {split: read() for split, read in source.arrays}
    entries, labels = [], {}
    for split, part in splits.items():
        for position, label in enumerate(part.labels.tolist()):
            entries.append(Entry(f"{split}/{position}", part.images[position].nbytes, row=True))
            labels[entries[-1].name] = part.class_names[label] if part.class_names else str(label)

    def read(entry: Entry) -> bytes:
        split, position = entry.name.split("/")
        return png_of(splits[split].images[int(position)].transpose(1, 2, 0))

    yield OpenSource(
        path=source.path,
        entries=tuple(entries),
        passed=(),
        read=read,
        hashes=cache(lambda: [file_hash(file) for file in source.array_files]),
        labels=labels,
        labels_from="the set itself",
    )


def only_classes(source: OpenSource, classes: Sequence[str], name: str) -> OpenSource:
    """The files of these classes, and those that have none: if such a file is an image, it is lost."""
    labels = find_labels(source)
    of = {entry.name: labels.of[entry.name] for entry in source.entries if entry.name in labels.of}
    if not of:
        raise no_classes(classes, name, labels.why_none)
    known = class_order(of.values())
    number_of = {label: number for number, label in enumerate(known)}
    labelled = [name for name in of]
    numbers = np.array([number_of[of[name]] for name in labelled])
    chosen = {labelled[row]: of[labelled[row]] for row in rows_of(classes, numbers, known, name)}
    entries = tuple(entry for entry in source.entries if entry.name in chosen or entry.name not in of)
    return replace(source, entries=entries, labels=chosen, labels_from=str(labels.origin), classes=tuple(classes))
