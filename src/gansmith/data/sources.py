"""Where own pictures lie: a folder or an archive as a list of files that can be read, and of those passed over."""

import hashlib
import json
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from gansmith.data.content import file_hashes
from gansmith.data.workers import Job
from gansmith.errors import DataError

SYSTEM = "is a hidden file or an operating system's own"
"""Reason for files that nobody means when speaking of a folder's pictures."""

MAX_FILE = 128 << 20
"""Bytes; larger files are dropped unread."""

_JUNK = {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "icon\r"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that can be read. Bytes of its name that are not UTF-8 are surrogates, see `shown`."""

    name: str
    size: int
    row: bool = False
    """A picture of an array or a table: it is one for certain, and its name has no suffix that could be wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """The files of a folder or an archive: together `entries` and `passed` (name and reason) are all there is."""

    path: Path
    entries: tuple[Entry, ...]
    passed: tuple[tuple[str, str], ...]
    read: Callable[[Entry], bytes]
    hashes: Callable[[], Sequence[str]] = tuple
    """The SHA-256 of the files that hold the pictures; computed once."""
    labels: Mapping[str, str] | None = None
    """The label of each entry by its name, where they are known already; `labels_from` says from where."""
    labels_from: str = ""
    name: str = ""
    """What these pictures are called; the path's last part, if it does not say more."""
    given: tuple[str, ...] = ()
    """How the command line names these pictures; the path, if it does not say more."""
    remarks: tuple[str, ...] = ()
    """What should be known of the whole."""

    def job(self, entry: Entry) -> Job:
        """The file's bytes for the decoders, or the reason why they cannot be had."""
        try:
            return Job("" if entry.row else entry.name, self.read(entry))
        except (OSError, DataError) as error:
            why = error.strerror if isinstance(error, OSError) else "damaged in the archive"
            return Job(entry.name, None, f"cannot be read ({why})")

    def key(self) -> str:
        """SHA-256 of the content and of the names below the path: the same for a copy that lies elsewhere."""
        labels = sorted(self.labels.items()) if self.labels is not None else None
        facts = [list(self.hashes()), [entry.name for entry in self.entries], self.passed, labels]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def shown(name: str) -> str:
    """The name fit for a terminal, JSON and HTML: what is not UTF-8 or cannot be printed is escaped."""
    if name.isprintable():
        return name
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


@contextmanager
def open_source(path: Path, parts: Sequence[str] = ()) -> Generator[Source]:
    """The files of a folder, or of a zip or tar file, which is read in place.

    With `parts`, only what lies below top folders of these names, in their order: a set's splits. Raises DataError when
    there is nothing of that name, or an archive is refused as a whole.
    """
    with _open_whole(path) as source:
        yield _only(source, parts) if parts else source


@contextmanager
def _open_whole(path: Path) -> Generator[Source]:
    if not path.exists():
        raise DataError(f"{path.absolute()} does not exist; give a folder of pictures, a .zip or a .tar file.")
    if path.is_dir():
        yield _folder(path)
        return
    from gansmith.data.formats.archive import open_archive

    with open_archive(path) as archive:
        members = {member.name: member for member in archive.members}
        yield Source(
            path=path,
            entries=tuple(Entry(member.name, member.size) for member in archive.members),
            passed=tuple((skipped.name, skipped.reason) for skipped in archive.skipped),
            read=lambda entry: archive.read(members[entry.name]),
            hashes=cache(lambda: file_hashes(path, [""])),
        )


def _only(source: Source, parts: Sequence[str]) -> Source:
    def part_of(entry: Entry) -> str:
        return next((folder for folder in entry.name.split("/")[:-1] if folder in parts), "")

    there = [entry for entry in source.entries if part_of(entry)]
    return replace(source, entries=tuple(sorted(there, key=lambda entry: parts.index(part_of(entry)))))


def _folder(folder: Path) -> Source:
    walk = _Walk(folder)

    def read(entry: Entry) -> bytes:
        with (folder / entry.name).open("rb") as file:
            return file.read(MAX_FILE + 1)[:MAX_FILE]

    entries = tuple(sorted(walk.entries, key=lambda entry: entry.name.split("/")))
    return Source(
        path=folder,
        entries=entries,
        passed=tuple(sorted(walk.passed)),
        read=read,
        hashes=cache(lambda: file_hashes(folder, [entry.name for entry in entries])),
    )


class _Walk:
    """Collects a folder's files. Linked folders come last and no folder twice, so links may go in circles."""

    def __init__(self, root: Path):
        self.entries: list[Entry] = []
        self.passed: list[tuple[str, str]] = []
        self._root = root
        self._visited = {_identity(place) for place in root.resolve().parents}
        waiting = [""]
        while waiting:
            links: list[str] = []
            for start in waiting:
                self._walk(start, links)
            waiting = sorted(links)

    def _walk(self, start: str, links: list[str]) -> None:
        """Everything below the folder `start`; links to folders are added to `links`."""
        folders = [start]
        while folders:
            name = folders.pop()
            try:
                identity = _identity(self._root / name)
                found = sorted(os.scandir(self._root / name), key=lambda item: item.name)
            except OSError as error:
                self.passed.append((name, f"cannot be listed ({error.strerror})"))
                continue
            if identity in self._visited:
                self.passed.append((name, "is a link to a folder that is read already or lies above"))
                continue
            self._visited.add(identity)
            for item in found:
                self._sort(item, f"{name}/{item.name}" if name else item.name, folders, links)

    def _sort(self, item: os.DirEntry[str], name: str, folders: list[str], links: list[str]) -> None:
        try:
            if item.name.startswith(".") or item.name.lower() in _JUNK:
                self.passed.append((name, SYSTEM))
            elif item.is_dir():
                (links if item.is_symlink() else folders).append(name)
            elif not item.is_file():
                self.passed.append((name, "is a broken link" if item.is_symlink() else "is a device or a pipe"))
            elif (status := item.stat()).st_size > MAX_FILE:
                self.passed.append((name, f"is {status.st_size:,} bytes; up to {MAX_FILE:,} are read"))
            else:
                self.entries.append(Entry(name, status.st_size))
        except OSError as error:  # a link to itself
            self.passed.append((name, f"cannot be read ({error.strerror})"))


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino
