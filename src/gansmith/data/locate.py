"""Where the images lie that a name or a path stands for, and in which form: as files, or as arrays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from gansmith.data.datasets.catalog import SETS
from gansmith.data.datasets.files import IDX_FILES
from gansmith.data.datasets.find import FoundSet, find_set, idx_file
from gansmith.data.datasets.http import Progress
from gansmith.data.formats.arrays import LabelledImages
from gansmith.data.formats.read import read_idx_pair, read_split
from gansmith.data.selection import parse_name
from gansmith.errors import DataError, unknown

Split = Literal["train", "test", "extra", "both"]
"""A known set's part; "both" is train, then test."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Located:
    """Images on this machine.

    As files they lie in the folder or archive `path`, where `parts` are given only below top folders of these names. As
    arrays they lie in `files`, and `arrays` reads each split. `found` are the copies of a known set.
    """

    name: str
    path: Path
    parts: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    arrays: tuple[tuple[str, Callable[[], LabelledImages]], ...] = ()
    found: tuple[FoundSet, ...] = ()

    def read_arrays(self) -> LabelledImages:
        """All splits, one after the other."""
        whole = [read() for _, read in self.arrays]
        return LabelledImages(
            images=np.concatenate([part.images for part in whole]),
            labels=np.concatenate([part.labels for part in whole]),
            class_names=whole[0].class_names,
        )

    def notes(self) -> list[str]:
        """What should be known of a set's copy. Reads its files to compare them with the published ones."""
        if all(one.is_official() for one in self.found):
            return []
        name = SETS[self.name].made_of or self.name
        return [f"{self.path} is a copy of {name} of its own, not the published files"]


def locate(name: str, split: Split, *, offline: bool = False, progress: Progress | None = None) -> Located:
    """The images of a known set, which is downloaded if need be, or of a path.

    A folder that holds the IDX files of MNIST's kind is read as such a set. Raises DataError when the set or path
    cannot be found, or has no such split.
    """
    splits = ("train", "test") if split == "both" else (split,)
    if name in SETS:
        found = tuple(find_set(name, one, offline=offline, progress=progress) for one in splits)
        return (
            _set_of_images(name, found, splits) if found[0].layout.format == "images" else _arrays(name, found, splits)
        )
    path = path_of(name)
    if any(idx_file(path, stem) for pair in IDX_FILES.values() for stem in pair):
        return _idx_folder(path, splits)
    if split not in ("train", "both"):
        raise DataError(f"{path} holds images of one's own, which have no {split!r} split; take 'train'.")
    return Located(name=path.resolve().name, path=path)


def absolute_name(name: str) -> str:
    """A known dataset's name as it is, and a path from the root, so that it means the same from anywhere."""
    plain = parse_name(name).name
    return name if plain in SETS else f"{path_of(plain).resolve()}{name.removeprefix(plain)}"


def path_of(name: str) -> Path:
    """The path that is named. Raises DataError when there is none, which tells the nearest set, too."""
    path = Path(name).expanduser()
    if path.exists():
        return path
    if "/" in name:
        raise DataError(f"{path.absolute()} does not exist; give a folder, .zip, .tar or .parquet of images.")
    sets = unknown("set", name, SETS)
    raise DataError(
        f"{sets} A folder, .zip, .tar or .parquet of images would do too, but {path.absolute()} does not exist."
    )


def _arrays(name: str, found: tuple[FoundSet, ...], splits: Sequence[str]) -> Located:
    return Located(
        name=name,
        path=found[0].path,
        files=tuple(file for one, split in zip(found, splits, strict=True) for file in one.files.get(split, ())),
        arrays=tuple((split, partial(read_split, one, split)) for one, split in zip(found, splits, strict=True)),
        found=found,
    )


def _set_of_images(name: str, found: tuple[FoundSet, ...], splits: Sequence[str]) -> Located:
    """A known set that lies here as image files: an archive or folder of all splits, or a folder for each."""
    paths = [one.files[split][0] for one, split in zip(found, splits, strict=True)]
    if len(found[0].layout.files) == 1:
        return Located(name=name, path=paths[0], found=found)
    if paths[0].is_dir():
        return Located(name=name, path=paths[0].parent, parts=tuple(path.name for path in paths), found=found)
    return Located(name=name, path=paths[0], parts=tuple(splits), found=found)


def _idx_folder(folder: Path, splits: Sequence[str]) -> Located:
    pairs = []
    for split in splits:
        if split not in IDX_FILES:
            raise DataError(f"{folder} has no {split!r} split, only {', '.join(IDX_FILES)}.")
        pairs.append((split, tuple(_need(folder, stem) for stem in IDX_FILES[split])))
    return Located(
        name=folder.resolve().name,
        path=folder,
        files=tuple(file for _, pair in pairs for file in pair),
        arrays=tuple((split, partial(read_idx_pair, pair, split)) for split, pair in pairs),
    )


def _need(folder: Path, stem: str) -> Path:
    if file := idx_file(folder, stem):
        return file
    raise DataError(f"{folder} has no {stem}.gz (nor {stem}); both image and label file are needed.")
