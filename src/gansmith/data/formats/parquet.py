"""Parquet files of images as Hugging Face writes them, read a few rows at a time. Needs the extra `parquet`."""

import json
from bisect import bisect_right
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

from gansmith.data.archives.inflate import MAX_RATIO, RATIO_SLACK
from gansmith.errors import DataError, MissingExtraError

MAGIC = b"PAR1"
"""The first and the last bytes of a Parquet file."""

SUFFIX = ".parquet"

IMAGES = ("image", "img", "picture", "photo")
"""Names of image columns, in order of preference, if the file does not describe its columns."""
LABELS = ("label", "labels", "class", "category", "target")
"""Names of label columns, in order of preference, if the file does not describe its columns."""
MAX_LABEL = 200
"""Longest label that is read, in characters."""
MAX_GROUP = 2 << 30
"""Most bytes of a column in a row group, which is read as a whole."""
_NUMBERS = 4096
"""Rows of numbers that are read at once. Bytes and text are read row by row: a page can repeat megabytes."""

_BUFFER = 1 << 20
_LIMITS = {"thrift_string_size_limit": 64 << 20, "thrift_container_size_limit": 1_000_000}
"""Limits on the description at the end of the file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """The columns of images, such as "image.bytes", which is `nested`, and of labels, if there are any."""

    images: str
    nested: bool
    labels: str | None = None
    numbers: bool = False
    """Whether labels are whole numbers, which `class_names`, if known, give names to."""
    class_names: tuple[str, ...] = ()


class ImageTable:
    """One open Parquet file. Every method raises DataError, naming the file, when it is damaged."""

    def __init__(self, path: Path, num_rows: int, columns: Columns, file: Any):
        self.path, self.num_rows, self.columns = path, num_rows, columns
        self._file = file
        groups = range(file.metadata.num_row_groups)
        self._ends = list(accumulate(file.metadata.row_group(group).num_rows for group in groups))
        self._damaged: set[int] = set()
        self._rows: Iterator[bytes] = iter(())
        self._next = num_rows

    def labels(self) -> list[str | None] | None:
        """The label of each row: a class name, or the number or text in the column; None without such a column."""
        columns = self.columns
        if columns.labels is None:
            return None
        values: list[int | str | None] = []
        with _damage_of(self.path):
            at_once = _NUMBERS if columns.numbers else 1
            for batch in self._file.iter_batches(at_once, columns=[columns.labels], use_threads=False):
                values += batch.column(0).to_pylist()
                if not columns.numbers and (length := len(str(values[-1]))) > MAX_LABEL:
                    raise DataError(f"{self.path} has a label of {length:,} characters in row {len(values) - 1:,}.")
        if not (names := columns.class_names):
            return [None if value is None else str(value) for value in values]
        return [names[value] if isinstance(value, int) and 0 <= value < len(names) else None for value in values]

    def read(self, row: int) -> bytes:
        """The image file in a row; nothing when it holds none. Rows are best read in order.

        Where a row group is damaged, the rows after the damage are lost, and those of the next are not.
        """
        group = bisect_right(self._ends, row)
        with _damage_of(self.path):
            if group in self._damaged:
                raise ValueError("its row group is")
            if row < self._next:
                self._rows, self._next = self._rows_from(group), self._ends[group - 1] if group else 0
            try:
                while self._next < row:
                    next(self._rows)
                    self._next += 1
                content = next(self._rows)
            except Exception:
                self._damaged.add(group)
                self._next = self.num_rows
                raise
            self._next += 1
            return content

    def _rows_from(self, group: int) -> Iterator[bytes]:
        groups = list(range(group, len(self._ends)))
        for batch in self._file.iter_batches(1, groups, [self.columns.images], use_threads=False):
            array = batch.column(0).field(0) if self.columns.nested else batch.column(0)
            yield array[0].as_py() or b""


@contextmanager
def open_table(path: Path) -> Generator[ImageTable]:
    """Open a Parquet file and find its columns.

    Images are in a column of bytes, or of structs with `bytes`: what Hugging Face's description of the columns calls
    an Image, else one of the names `IMAGES`, else the only one. Labels are in what it calls a ClassLabel, else in a
    column of whole numbers or text with one of the names `LABELS`. Raises DataError when the file is damaged, holds no
    images or is a bomb, MissingExtraError without pyarrow.
    """
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError(
            "reading Parquet files needs an extra package: pip install 'gansmith[parquet]'."
        ) from error
    with _damage_of(path):
        file = pyarrow.parquet.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False, **_LIMITS)
    with file:
        with _damage_of(path):
            columns = _find_columns(file.schema_arrow, path)
            _check_sizes(file.metadata, path)
            table = ImageTable(path, file.metadata.num_rows, columns, file)
        yield table


@contextmanager
def _damage_of(path: Path) -> Generator[None]:
    """Turns the errors that pyarrow raises for damaged files into DataError."""
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError, ValueError, StopIteration) as error:
        first_line = (str(error).splitlines() or ["it ends too soon"])[0][:200]
        raise DataError(f"{path} is a damaged Parquet file ({first_line}); fetch it again.") from error


def _find_columns(schema: Any, path: Path) -> Columns:
    from pyarrow import types

    features = _features(schema)
    images = {field.name: kind for field in schema if (kind := _kind_of(field))}
    image = next((name for name, kind in features.items() if kind.get("_type") == "Image" and name in images), None)
    image = image or next((name for name in IMAGES if name in images), None)
    if image is None and len(images) == 1:
        image = next(iter(images))
    if image is None:
        found = f"columns of bytes {', '.join(images)}" if images else "no column of bytes"
        raise DataError(f"{path} has {found}; name the one that holds the image files 'image'.")
    labels = {field.name: field for field in schema if _can_be_labels(field)}
    named = {name: kind for name, kind in features.items() if kind.get("_type") == "ClassLabel" and name in labels}
    label = next(iter(named), None) or next((name for name in LABELS if name in labels), None)
    names = named[label].get("names") if label in named else None
    listed = isinstance(names, list) and all(isinstance(name, str) for name in names)
    nested = images[image] == "structs"
    numbers = label is not None and types.is_integer(labels[label].type)
    return Columns(
        images=f"{image}.bytes" if nested else image,
        nested=nested,
        labels=label,
        numbers=numbers,
        class_names=tuple(names) if numbers and listed else (),
    )


def _features(schema: Any) -> dict[str, dict[str, Any]]:
    """Hugging Face's description of the columns; empty if there is none that can be read."""
    try:
        found = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError, TypeError, RecursionError):
        return {}
    return {name: kind for name, kind in found.items() if isinstance(kind, dict)} if isinstance(found, dict) else {}


def _kind_of(field: Any) -> Literal["structs", "bytes"] | None:
    """The way in which a column may hold images; None if it cannot."""
    from pyarrow import types

    if types.is_struct(field.type):
        position = field.type.get_field_index("bytes")
        return "structs" if position >= 0 and _is_bytes(field.type.field(position).type) else None
    return "bytes" if _is_bytes(field.type) else None


def _is_bytes(kind: Any) -> bool:
    from pyarrow import types

    return types.is_binary(kind) or types.is_large_binary(kind)


def _can_be_labels(field: Any) -> bool:
    from pyarrow import types

    kind = field.type.value_type if types.is_dictionary(field.type) else field.type
    return types.is_integer(kind) or types.is_string(kind) or types.is_large_string(kind)


def _check_sizes(metadata: Any, path: Path) -> None:
    """Refuse too large sizes in the description at the end of the file, before anything is read."""
    for group in range(metadata.num_row_groups):
        for number in range(metadata.num_columns):
            column = metadata.row_group(group).column(number)
            packed, size = column.total_compressed_size, column.total_uncompressed_size
            if size > RATIO_SLACK and size > MAX_RATIO * packed:
                raise DataError(f"{path} would inflate {packed:,} bytes to {size:,}: a bomb, not images.")
            if size > MAX_GROUP:
                raise DataError(
                    f"{path} has {size:,} bytes in a row group; up to {MAX_GROUP:,} are read: write smaller ones."
                )
