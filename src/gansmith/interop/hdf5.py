"""Reads HDF5 files that may be hostile: only whole arrays of floats inside the file, reached by hard links.

All other features of HDF5 raise an error before they are used: soft and external links, external and virtual arrays,
chunks and filters. HDF5's inflate grows its buffer without limit, and Keras uses none of these features.
"""

import math
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from gansmith.errors import DataError
from gansmith.lazy import LazyModule

if TYPE_CHECKING:
    import h5py
    from h5py import Dataset, File, Group
else:
    h5py = LazyModule("h5py")

MAGIC = b"\x89HDF\r\n\x1a\n"
"""The first bytes of an HDF5 file."""
MAX_MEMBERS = 1000
"""Largest number of members of a group, and of strings in an attribute."""
MAX_ATTRIBUTE = 1 << 20
"""Largest size of an attribute in bytes."""
_DAMAGE = (OSError, RuntimeError, ValueError, TypeError, KeyError, AttributeError, OverflowError, MemoryError)
"""The exceptions of h5py for a damaged file."""


@contextmanager
def open_hdf5(file: BinaryIO) -> Generator["File"]:
    """The root group of an HDF5 file; h5py's errors inside the `with` become DataErrors."""
    try:
        with h5py.File(file, "r") as opened:
            yield opened
    except _DAMAGE as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].strip("'\"")
        raise DataError(f"it is damaged ({reason}); save the weights again, or fetch the file again.") from error


def member_names(group: "Group") -> list[str]:
    """The names of a group's members. Raises DataError when there are more than `MAX_MEMBERS`."""
    if (count := len(group)) > MAX_MEMBERS:
        raise DataError(
            f"group {quoted(group.name)} has {count:,} members, more than the {MAX_MEMBERS:,} that are read."
        )
    return list(group)


def find_member(group: "Group", path: str) -> "Group | Dataset | None":
    """The group or array at `path` below a group, or None. Raises DataError for a soft or external link."""
    hard = h5py.h5l.TYPE_HARD  # pyrefly: ignore[missing-attribute]
    found: Group | Dataset = group
    for name in path.split("/"):
        # `name in found` and `found.get` would follow a link into other files to see whether it is valid.
        if name in ("", ".") or not isinstance(found, h5py.Group) or not found.id.links.exists(name.encode()):
            return None
        if found.id.links.get_info(name.encode()).type != hard:
            raise DataError(f"{quoted(path)} is a soft or external link; only hard links within the file are followed.")
        found = found[name]
    return found


def subgroup(group: "Group", path: str) -> "Group | None":
    """The group at `path`, or None if there is none. Raises DataError for a soft or external link."""
    found = find_member(group, path)
    return found if isinstance(found, h5py.Group) else None


def array_at(group: "Group", path: str, where: str) -> "Dataset":
    """The array at `path`, not read yet. Raises DataError, naming `where`, if it is incomplete or not of floats."""
    found = find_member(group, path)
    if not isinstance(found, h5py.Dataset) or found.shape is None:
        raise DataError(f"{where} lists the array {quoted(path)}, which does not exist; save the weights again.")
    settings = found.id.get_create_plist()
    if settings.get_layout() not in (h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS) or settings.get_external_count():
        raise DataError(
            f"{where} stores {quoted(path)} in chunks, compressed or in other files, which Keras never does; "
            "load the file in Keras and save it again."
        )
    if found.dtype.kind != "f" or found.dtype.itemsize not in (2, 4, 8):
        kind = f"{quoted(path)} of type {found.dtype}"
        raise DataError(f"{where} has {kind}; weights must be floats of 16, 32 or 64 bits.")
    if found.id.get_storage_size() != num_bytes(found):
        raise DataError(
            f"{where} lists {quoted(path)} with shape {found.shape}, but the file does not contain that many numbers; "
            "save the weights again."
        )
    return found


def num_bytes(array: "Dataset") -> int:
    """The size of an array's numbers in bytes."""
    return math.prod(array.shape) * array.dtype.itemsize


def read_float32(array: "Dataset") -> np.ndarray:
    """The numbers of an array as float32; infinite where they are too large for float32."""
    with np.errstate(over="ignore"):
        return array[()].astype(np.float32)


def string_attribute(group: "Group", name: str) -> list[str] | None:
    """The strings of an attribute, or None if there is no such attribute. Raises DataError for any other type."""
    if name not in group.attrs:
        return None
    attribute, where = group.attrs.get_id(name), f"attribute {quoted(name)} of group {quoted(group.name)}"
    count = math.prod(attribute.shape)
    if count == 0:  # NumPy stores an empty list as numbers
        return []
    if count > MAX_MEMBERS or attribute.get_storage_size() > MAX_ATTRIBUTE:
        raise DataError(f"{where} is longer than any that Keras writes.")
    if h5py.check_string_dtype(attribute.dtype) is None:
        raise DataError(f"{where} holds {attribute.dtype} instead of text.")
    values = np.ravel(group.attrs[name])
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values]


def quoted(name: str | None) -> str:
    """A name from the file for a message: quoted, without control characters, and at most 80 characters."""
    return ascii(name if name is None or len(name) <= 80 else name[:77] + "...")
