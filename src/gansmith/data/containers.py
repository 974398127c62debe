"""Tables, arrays, and archives that hold a set in parts: each row, or file inside, is an entry of one source."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from gansmith.data.archives.archive import Archive, open_archive
from gansmith.data.archives.members import Limits, Listing, Member
from gansmith.data.formats.arrays import png_of
from gansmith.data.formats.image_array import read_image_arrays
from gansmith.data.formats.parquet import ImageTable, open_table
from gansmith.data.hashes import file_hashes
from gansmith.data.open_source import Entry, OpenSource
from gansmith.errors import DataError


@contextmanager
def open_tables(path: Path, names: Sequence[str], passed: Sequence[tuple[str, str]] = ()) -> Generator[OpenSource]:
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
def open_arrays(path: Path, array: str = "") -> Generator[OpenSource]:
    """The images of an array file, or of one array of a .npz, which are encoded, without loss, when they are read.

    An entry is named by its array and its number, from 0. Raises DataError when it holds no images, or too many.
    """
    parts = {part.name: part for part in read_image_arrays(path, array)}
    if (num := sum(len(part.images) for part in parts.values())) > Limits().members:
        raise DataError(f"{path} holds {num:,} images; {Limits().members:,} can be read in all.")
    entries, labels = [], {}
    for name, part in parts.items():
        rows = [Entry(f"{name}/{row}", part.images[0].nbytes, row=True) for row in range(len(part.images))]
        entries += rows
        numbers = part.labels.tolist() if part.labels is not None else ()
        labels |= {row.name: str(label) for row, label in zip(rows, numbers, strict=bool(numbers)) if label >= 0}

    def read(entry: Entry) -> bytes:
        name, _, row = entry.name.rpartition("/")
        return png_of(parts[name].images[int(row)])

    notes = tuple(filter(None, (part.note for part in parts.values())))
    yield OpenSource(
        path=path if not array else path.with_name(f"{path.name}[{array}]"),
        entries=tuple(entries),
        passed=(),
        read=read,
        hashes=cache(lambda: [*file_hashes(path, [""]), *notes]),  # what is packed says why there are no classes
        labels=labels or None,
        labels_from=next((part.labels_from for part in parts.values() if part.labels_from), ""),
        layout=notes,
    )


@contextmanager
def open_archives(path: Path, names: Sequence[str], passed: Sequence[tuple[str, str]]) -> Generator[OpenSource]:
    """All files of the archives `names` below `path`, in this order. A file is named by its archive and its own name.

    Raises DataError when an archive is refused as a whole, or there are too many files.
    """
    entries, all_passed, listings = [], list(passed), {}
    for name in names:
        with open_archive(path / name) as archive:
            listings[name] = Listing(archive.members, archive.skipped)
        entries += [Entry(f"{name}/{member.name}", member.size) for member in archive.members]
        all_passed += [(f"{name}/{skipped.name}", skipped.reason) for skipped in archive.skipped]
        if len(entries) > Limits().members:
            raise DataError(f"{path} holds archives of more than {Limits().members:,} files; give some of them.")
    with _ArchiveReader(path, listings) as reader:
        yield OpenSource(
            path=path,
            entries=tuple(entries),
            passed=tuple(all_passed),
            read=reader.read,
            hashes=cache(lambda: file_hashes(path, names)),
        )


class _ArchiveReader(ExitStack):
    """Keeps one archive open: a set may have more of them than a process may have files."""

    def __init__(self, path: Path, listings: Mapping[str, Listing]):
        super().__init__()
        self._path, self._listings, self._name = path, listings, ""
        self._archive: Archive | None = None
        self._members: dict[str, Member] = {}

    def read(self, entry: Entry) -> bytes:
        """The content of a file in one of the archives."""
        if self._archive is None or not entry.name.startswith(f"{self._name}/"):
            name = next(name for name in self._listings if entry.name.startswith(f"{name}/"))
            self.close()
            self._archive = self.enter_context(open_archive(self._path / name, listing=self._listings[name]))
            self._members = {f"{name}/{member.name}": member for member in self._archive.members}
            self._name = name
        return self._archive.read(self._members[entry.name])
