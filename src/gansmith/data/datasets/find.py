"""Finds a known set in the user's folder, the cache or the system's folders, or downloads it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gansmith.data.datasets.catalog import SETS, KnownSet, Layout, cache_folder
from gansmith.data.datasets.download import fetch_file, is_offline, is_published
from gansmith.data.datasets.files import RemoteFile
from gansmith.data.datasets.http import Progress, content_md5
from gansmith.errors import DataError

SYSTEM = Path("/usr/share/datasets")
"""The folder of datasets that packages of the operating system install."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SetCopy:
    """A copy of a known set on this machine, and the layout to read it with."""

    name: str
    place: Path
    """The folder that holds the copy's files."""
    layout: Layout
    files: dict[str, tuple[Path, ...]]
    """The files, or folders of images, of every split that is complete."""

    @property
    def path(self) -> Path:
        """The archive if the copy is a single file, otherwise the folder."""
        paths = {path for paths in self.files.values() for path in paths}
        return paths.pop() if len(paths) == 1 else self.place

    def is_official(self) -> bool:
        """Whether the files have the published content, packed or unpacked. Reads all of them."""
        remote = {file.name: file for file in SETS[self.name].remote}
        paths = {path for paths in self.files.values() for path in paths}
        for path in paths:
            file = remote.get(path.name) or remote.get(f"{path.name}.gz")
            if not file or not path.is_file():
                return False
            if not is_published(file, path) and (
                file.content is None or content_md5(path, zipped=path.suffix == ".gz") != file.content
            ):
                return False
        return bool(paths)


def find_set(
    name: str, split: str | None = None, *, offline: bool = False, progress: Progress | None = None
) -> SetCopy:
    """The copy of a known set that has `split` (default: all but those given on request only), downloaded if need be.

    Looked for in $GANSMITH_DATA, the cache and the system's folders, by format: a copy need not be the published
    files. A copy outside the cache that lacks the split is returned as it is, never mixed with downloads. Raises
    DataError naming every place searched, why it could not be downloaded, and what would do.
    """
    known = SETS[name]
    if split and split not in known.splits:
        raise DataError(f"set {name!r} has no {split!r} split, only {', '.join(known.splits)}.")
    found = look_for(name, split)
    if found and (_is_complete(found, known, split) or found.place != _cache_folder_of(name)):
        return found
    layouts = [layout for layout in known.layouts if _downloads(known, layout, split)]
    if is_offline(offline) or not layouts:
        searched = ", ".join(map(str, _places(name)))
        hint = f", or set GANSMITH_DATA to the folder that holds {known.made_of or name}/"
        hint = "" if os.environ.get("GANSMITH_DATA") else hint
        because = ", and the network is off (--offline or GANSMITH_OFFLINE)" if layouts else ""
        raise DataError(
            f"set {name!r} is not on this machine: searched {searched}{because}. Put {known.how_to_get} there{hint}."
        )
    failures = []
    for layout in layouts:
        try:
            for file in _downloads(known, layout, split):
                fetch_file(file, _cache_folder_of(name), progress=progress)
        except DataError as failure:
            failures.append(str(failure))
            continue
        if found := look_for(name, split):
            return found
    raise DataError(" ".join(failures))


def look_for(name: str, split: str | None = None) -> SetCopy | None:
    """The first copy on this machine that has the split, or else the first that has any file of the set."""
    copies = list(_copies(name))
    complete = (copy for copy in copies if _is_complete(copy, SETS[name], split))
    return next(complete, copies[0] if copies else None)


def size_to_download(name: str, split: str | None = None) -> int:
    """Bytes to download; 0 for a set that can only be fetched with a browser."""
    return sum(file.size for file in _downloads(SETS[name], SETS[name].layouts[0], split))


def idx_file(folder: Path, stem: str) -> Path | None:
    """The IDX file `stem` in `folder`, plain or gzipped; None if there is none."""
    for file in (folder / f"{stem}.gz", folder / stem):
        if file.is_file():
            return file
    return None


def _copies(name: str) -> Iterator[SetCopy]:
    known, own = SETS[name], os.environ.get("GANSMITH_DATA")
    for place in _places(name):
        for layout in known.layouts:
            if (own and place == Path(own).expanduser() and not layout.loose) or not place.is_dir():
                continue
            for folder in (place / within for within in layout.within):
                if files := _files_of_layout(folder, layout):
                    whole = {split: paths for split, paths in files.items() if len(paths) == len(layout.files[split])}
                    yield SetCopy(name=name, place=folder, layout=layout, files=whole)


def _files_of_layout(folder: Path, layout: Layout) -> dict[str, tuple[Path, ...]]:
    """The layout's files in `folder`, by split; empty if another file that it needs is missing."""
    if not all((folder / name).exists() for name in layout.needs):
        return {}
    there = {}
    for split, names in layout.files.items():
        if layout.format == "images":
            paths = tuple(folder / name for name in names if (folder / name).exists())
        else:
            paths = tuple(file for name in names if (file := idx_file(folder, name)))
        if paths:
            there[split] = paths
    return there


def _is_complete(found: SetCopy, known: KnownSet, split: str | None) -> bool:
    return all(one in found.files for one in _default_splits(known, found.layout, split))


def _default_splits(known: KnownSet, layout: Layout, split: str | None) -> tuple[str, ...]:
    return (split,) if split else tuple(one for one in layout.files if one not in known.on_request)


def _downloads(known: KnownSet, layout: Layout, split: str | None) -> list[RemoteFile]:
    """The files to download for this layout; empty if one of them has no mirror."""
    remote = {file.name: file for file in known.remote}
    names = dict.fromkeys(name for one in _default_splits(known, layout, split) for name in layout.files.get(one, ()))
    files = [remote.get(name) or remote.get(f"{name}.gz") for name in names]
    can = [file for file in files if file and file.urls]
    return can if len(can) == len(files) else []


def _cache_folder_of(name: str) -> Path:
    return cache_folder() / "sets" / (SETS[name].made_of or name)


def _places(name: str) -> list[Path]:
    folder, places = SETS[name].made_of or name, [_cache_folder_of(name)]
    if own := os.environ.get("GANSMITH_DATA"):
        places = [Path(own).expanduser() / folder, Path(own).expanduser(), *places]
    if packaged := SETS[name].packaged:
        places.append(packaged)
    return [*places, SYSTEM / folder]
