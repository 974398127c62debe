"""HDF5 files as data that may be hostile: whole arrays of floats, inside the file, reached by plain links.

Everything else that HDF5 can do is refused before it is done: links to names or other files, arrays kept in other files
or put together from them, chunks and filters. HDF5's own inflate grows its buffer without bound, and Keras needs none
of it.
"""

import math
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from gansmith.errors import DataError

if TYPE_CHECKING:
    from h5py import Dataset, File, Group

MAGIC = b"\x89HDF\r\n\x1a\n"
"""How an HDF5 file starts."""

MAX_MEMBERS = 1000
"""Most members of a group, and most strings in an attribute."""

MAX_ATTRIBUTE = 1 << 20
"""Most bytes of an attribute."""

_DAMAGE = (OSError, RuntimeError, ValueError, TypeError, KeyError, AttributeError, OverflowError, MemoryError)
"""What h5py raises when HDF5's library meets what it cannot make sense of."""


@contextmanager
def open_hdf5(file: BinaryIO) -> Generator["File"]:
    """The root group. Whatever goes wrong inside the `with` is a DataError."""
    import h5py

    try:
        with h5py.File(file, "r") as opened:
            yield opened
    except _DAMAGE as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].strip("'\"")
        raise DataError(f"it is damaged ({reason}); save the weights again, or fetch the file again.") from error


def members(group: "Group") -> list[str]:
    """The names in a group. Raises DataError when there are more than `MAX_MEMBERS`."""
    if len(group) > MAX_MEMBERS:
        raise DataError(f"group {quoted(group.name)} has {len(group):,} members; up to {MAX_MEMBERS:,} are read.")
    return list(group)


def member(group: "Group", path: str) -> "Group | Dataset | None":
    """What `path` names below a group, or None when there is nothing. Raises DataError for a link to somewhere else."""
    import h5py
    from h5py import h5l  # pyrefly: ignore[missing-module-attribute]

    found: Group | Dataset = group
    for name in path.split("/"):
        # Not `name in found` or `found.get`: to see whether a link leads anywhere, both follow it into other files.
        if name in ("", ".") or not isinstance(found, h5py.Group) or not found.id.links.exists(name.encode()):
            return None
        if found.id.links.get_info(name.encode()).type != h5l.TYPE_HARD:
            raise DataError(f"{quoted(path)} is a link to somewhere else; only a file's own arrays are read.")
        found = found[name]
    return found


def subgroup(group: "Group", path: str) -> "Group | None":
    """The group of that path, or None when there is none. Raises DataError for a link to somewhere else."""
    import h5py

    found = member(group, path)
    return found if isinstance(found, h5py.Group) else None


def array_at(group: "Group", path: str, where: str) -> "Dataset":
    """The array of that path, not read yet. Raises DataError, naming `where`, unless it is all there and of floats."""
    import h5py

    found = member(group, path)
    if not isinstance(found, h5py.Dataset) or found.shape is None:
        raise DataError(f"{where} announces {quoted(path)}, and there is no such array; save the weights again.")
    settings = found.id.get_create_plist()
    if settings.get_layout() not in (h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS) or settings.get_external_count():
        raise DataError(
            f"{where} keeps {quoted(path)} in chunks, compressed or in other files, which Keras does not; "
            "load the file in Keras and save it again."
        )
    if found.dtype.kind != "f" or found.dtype.itemsize not in (2, 4, 8):
        raise DataError(f"{where} has {quoted(path)} of type {found.dtype}; weights are floats of 16, 32 or 64 bits.")
    if found.id.get_storage_size() != num_bytes(found):
        raise DataError(
            f"{where} announces {quoted(path)} of shape {found.shape}, and the file does not hold so many numbers; "
            "save the weights again."
        )
    return found


def num_bytes(array: "Dataset") -> int:
    """What the numbers take in the file."""
    return math.prod(array.shape) * array.dtype.itemsize


def read(array: "Dataset") -> np.ndarray:
    """The numbers as float32, infinite where they are too large for it."""
    with np.errstate(over="ignore"):
        return array[()].astype(np.float32)


def strings(group: "Group", name: str) -> list[str] | None:
    """An attribute of one or more strings, or None when there is none. Raises DataError for anything else."""
    import h5py

    if name not in group.attrs:
        return None
    attribute = group.attrs.get_id(name)
    count = math.prod(attribute.shape)
    if count == 0:  # NumPy makes an empty list one of numbers
        return []
    if count > MAX_MEMBERS or attribute.get_storage_size() > MAX_ATTRIBUTE:
        raise DataError(f"attribute {quoted(name)} of group {quoted(group.name)} is longer than Keras writes any.")
    if h5py.check_string_dtype(attribute.dtype) is None:
        raise DataError(f"attribute {quoted(name)} of group {quoted(group.name)} holds {attribute.dtype}, no text.")
    values = np.ravel(group.attrs[name])
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values]


def quoted(name: str | None) -> str:
    """A name from the file, fit for a message: quoted, without control characters, and short."""
    return ascii(name if name is None or len(name) <= 80 else name[:77] + "...")
