"""Parquet files of pictures as a source: one of them, or all that lie in a folder."""

from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from gansmith.data.content import file_hashes
from gansmith.data.formats.members import Limits
from gansmith.data.formats.parquet import MAGIC, Table, open_table
from gansmith.data.sources import Entry, Source
from gansmith.errors import DataError


def is_table(path: Path) -> bool:
    """Whether this is a Parquet file, by its content."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:  # a folder, or what cannot be read as anything
        return False


@contextmanager
def open_tables(path: Path, names: Sequence[str], passed: Sequence[tuple[str, str]] = ()) -> Generator[Source]:
    """The rows of the tables `names` below `path`, all of them, in this order; "" is the path itself.

    A row is called by its table and its number, from 0. Raises DataError when a table is damaged, holds no pictures, or
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
    with _Reader(path) as reader:
        yield Source(
            path=path,
            entries=tuple(entries),
            passed=tuple(passed),
            read=reader.read,
            hashes=cache(lambda: file_hashes(path, names)),
            labels=labels or None,
            labels_from="the table",
        )


class _Reader:
    """Keeps one table open: a set may have more of them than a process may have files."""

    def __init__(self, path: Path):
        self._path, self._opened = path, ExitStack()
        self._name = ""
        self._table: Table | None = None

    def read(self, entry: Entry) -> bytes:
        """The picture file of a row."""
        name, _, row = entry.name.rpartition("/")
        if self._table is None or name != self._name:
            self._opened.close()
            self._table = self._opened.enter_context(
                open_table(self._path / name if self._path.is_dir() else self._path)
            )
            self._name = name
        return self._table.read(int(row))

    def __enter__(self) -> "_Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()
