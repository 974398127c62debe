"""A source of images while it is open: the entries of a folder, an archive or a table, which can be read one by one."""

import hashlib
import json
import shlex
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from gansmith.data.archives.archive import Archive, open_archive
from gansmith.data.archives.members import Limits, Member
from gansmith.data.formats.parquet import MAGIC, ImageTable, open_table
from gansmith.data.formats.parquet import SUFFIX as TABLE_SUFFIX
from gansmith.data.hashes import file_hashes
from gansmith.data.images.decode import suffix_of
from gansmith.data.images.pool import Job
from gansmith.data.images.types import SUFFIXES
from gansmith.errors import DataError
from gansmith.text import printable


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a row that can be read. Bytes of its name that are not UTF-8 are surrogates."""

    name: str
    size: int
    row: bool = False
    """Whether it is a row of an array or a table: then it is an image for certain, and its name has no suffix."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenSource:
    """The files of a folder or an archive, or the rows of a table or an array, for as long as it is open.

    Every file is in `entries`, or in `passed` with the reason why it cannot be read.
    """

    path: Path
    entries: tuple[Entry, ...]
    passed: tuple[tuple[str, str], ...]
    read: Callable[[Entry], bytes]
    hashes: Callable[[], Sequence[str]] = tuple
    """The SHA-256 of the files that hold the images; computed once."""
    labels: Mapping[str, str] | None = None
    """The label of each entry by its name, if the source itself has labels."""
    labels_from: str = ""
    """Where those labels come from."""
    name: str = ""
    """What these images are called; if empty, the last part of the path."""
    given: tuple[str, ...] = ()
    """The command-line words that name these images; if empty, the path."""
    notes: Callable[[], Sequence[str]] = tuple
    """Notes for the user on the source as a whole; they may take reading its files."""

    def job(self, entry: Entry) -> Job:
        """The bytes of an entry for the decoders, or the reason why they cannot be read."""
        try:
            return Job("" if entry.row else entry.name, self.read(entry))
        except DataError as error:
            cause = error.__cause__
            why = (isinstance(cause, OSError) and cause.strerror) or "damaged, or changed meanwhile"
            return Job(entry.name, None, f"cannot be read ({why})")

    def jobs(self, start: int = 0) -> Iterator[Job]:
        """Those of all entries from a position on."""
        return (self.job(entry) for entry in self.entries[start:])

    def key(self) -> str:
        """SHA-256 of the content and of the names below the path: the same for a copy that lies elsewhere."""
        labels = sorted(self.labels.items()) if self.labels is not None else None
        facts = [list(self.hashes()), [entry.name for entry in self.entries], self.passed, labels]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def packing_command(given: Sequence[str], options: str) -> str:
    """The command that packs the images that the words `given` name into a folder OUT."""
    name, *more = (shlex.quote(printable(word)) for word in given)
    return " ".join(["gansmith data prepare", name, "OUT", *more, options])


@contextmanager
def _open_tables(path: Path, names: Sequence[str], passed: Sequence[tuple[str, str]] = ()) -> Generator[OpenSource]:
    """All rows of the tables `names` below `path`, in this order; "" is the path itself.

    An entry is named by its table and row number, from 0. Raises DataError when a table is damaged, holds no images, or
    there are too many rows; MissingExtraError without the extra `parquet`.
    """
    entries, labels = [], {}
    for name in names:
        with open_table(path / name) as table:
            if not 0 <= table.num_rows <= Limits().members - len(entries):
                raise DataError(
                    f"{table.path} announces {table.num_rows:,} rows; {Limits().members:,} can be read in all."
                )
            rows = [Entry(f"{name or path.name}/{row}", 0, row=True) for row in range(table.num_rows)]
            found = table.labels()
        entries += rows
        labels |= {row.name: label for row, label in zip(rows, found or (), strict=bool(found)) if label is not None}
    with _TableReader(path) as reader:
        yield OpenSource(
            path=path,
            entries=tuple(entries),
            passed=tuple(passed),
            read=reader.read,
            hashes=cache(lambda: file_hashes(path, names)),
            labels=labels or None,
            labels_from="the table",
        )


class _TableReader(ExitStack):
    """Keeps one table open: a set may have more of them than a process may have files."""

    def __init__(self, path: Path):
        super().__init__()
        self._path, self._name = path, ""
        self._table: ImageTable | None = None

    def read(self, entry: Entry) -> bytes:
        """The image file of a row."""
        name, _, row = entry.name.rpartition("/")
        if self._table is None or name != self._name:
            self.close()
            self._table = self.enter_context(open_table(self._path / name if self._path.is_dir() else self._path))
            self._name = name
        return self._table.read(int(row))


@contextmanager
def open_path(path: Path, folders: Sequence[str] = ()) -> Generator[OpenSource]:
    """Open a folder, a zip or tar file, which is read in place, or Parquet files, whose rows are the entries.

    With `folders`, only the files below folders of these names, in this order. Raises DataError when the path does not
    exist, or an archive is refused as a whole.
    """
    if not path.exists():
        raise DataError(
            f"{path.absolute()} does not exist; give a folder of images, a .zip, a .tar or a .parquet file."
        )
    with ExitStack() as opened:
        if path.is_file() and _begins_as_table(path):
            source = opened.enter_context(_open_tables(path, [""]))
        else:
            archive = opened.enter_context(open_archive(path))
            if tables := _tables_among(archive.members) if path.is_dir() else []:
                passed = [(skipped.name, skipped.reason) for skipped in archive.skipped]
                passed += [(one.name, "lies beside tables") for one in archive.members if one.name not in tables]
                source = opened.enter_context(_open_tables(path, tables, passed))
            else:
                source = _files_of(archive)
        yield _below(source, folders) if folders else source


def _begins_as_table(file: Path) -> bool:
    with suppress(OSError), file.open("rb") as opened:  # what cannot be read is refused as an archive
        return opened.read(len(MAGIC)) == MAGIC
    return False


def _files_of(archive: Archive) -> OpenSource:
    members = {member.name: member for member in archive.members}
    names = list(members) if archive.path.is_dir() else [""]
    return OpenSource(
        path=archive.path,
        entries=tuple(Entry(member.name, member.size) for member in archive.members),
        passed=tuple((skipped.name, skipped.reason) for skipped in archive.skipped),
        read=lambda entry: archive.read(members[entry.name]),
        hashes=cache(lambda: file_hashes(archive.path, names)),
    )


def _tables_among(members: Sequence[Member]) -> list[str]:
    """The names of a folder's Parquet files, if there are any and no images."""
    if any(suffix_of(member.name) in SUFFIXES for member in members):
        return []
    return [member.name for member in members if suffix_of(member.name) == TABLE_SUFFIX]


def _below(source: OpenSource, folders: Sequence[str]) -> OpenSource:
    def folder_of(entry: Entry) -> str:
        return next((folder for folder in entry.name.split("/")[:-1] if folder in folders), "")

    entries = [entry for entry in source.entries if folder_of(entry)]
    return replace(source, entries=tuple(sorted(entries, key=lambda entry: folders.index(folder_of(entry)))))
