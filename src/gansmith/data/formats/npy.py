"""The .npy files of NumPy: one array each. Format: numpy.lib.format 1.0 to 3.0."""

import math
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from gansmith.data.archives.inflate import Plain, Reader
from gansmith.errors import DataError

MAX_HEADER = 10_000
"""Longest .npy header that is read, in bytes; a numeric array has about 100."""

MAGIC = b"\x93NUMPY"
"""First bytes of a .npy file."""
_HEADER = re.compile(
    rb"\{'descr': '(?P<type>[^']{1,20})', 'fortran_order': (?P<fortran>False|True), "
    rb"'shape': \((?P<shape>[0-9L, ]{0,200})\),? ?\}[ \n]*"
)
"""The three keys in the order in which NumPy writes them. Its own reader parses any Python literal, and reads a
header of any length before it checks the length; an array of numbers needs neither."""
_NUMBERS = re.compile(r"[|<>=]?(b1|[ui][1248]|f(2|4|8|16)|c(8|16|32))")


@dataclass(frozen=True, slots=True)
class Header:
    """What the header of an array says; `num_bytes` is its own length."""

    num_bytes: int
    type: np.dtype
    shape: tuple[int, ...]
    order: Literal["C", "F"]

    @property
    def array_bytes(self) -> int:
        """Length of the array behind it."""
        return math.prod(self.shape) * self.type.itemsize


def map_npy(path: Path) -> np.ndarray:
    """The array of whole numbers in a .npy file, mapped from the disk, to be read only.

    Raises DataError when the file is missing, damaged or of another kind. Nothing in it is evaluated.
    """
    found = map_numbers(path)
    check_whole_numbers(found.dtype, str(path))
    return found


def map_numbers(path: Path) -> np.ndarray:
    """As `map_npy`, for numbers of any kind."""
    try:
        with path.open("rb") as file:
            header = read_header(Plain(file), str(path))
        held = path.stat().st_size - header.num_bytes
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).") from error
    if header.array_bytes == 0:
        raise DataError(f"{path} holds no images: it is an empty array, of shape {header.shape}.")
    if header.array_bytes != held:
        raise DataError(f"{path} announces {header.array_bytes:,} bytes ({header.shape}) and holds {held:,}.")
    return np.memmap(path, header.type, "r", header.num_bytes, header.shape, header.order)


def check_whole_numbers(kind: np.dtype, name: str) -> None:
    """Raise DataError for an array of anything else."""
    if kind.kind not in "ui":
        raise DataError(f"{name} holds {kind.str!r}; only whole numbers are read, Python objects never.")


def read_header(reader: Reader, name: str) -> Header:
    """The header of an array of numbers. Raises DataError for one that is damaged, or of an array of something else."""
    start = reader.read(8)
    if len(start) < 8 or start[:6] != MAGIC or start[6] not in (1, 2, 3):
        raise DataError(f"{name} is not a NumPy array of version 1 to 3; it starts with {start.hex() or 'nothing'}.")
    digits = struct.Struct("<H" if start[6] == 1 else "<I")
    length = digits.unpack(reader.read(digits.size).ljust(digits.size, b"\0"))[0]
    if length > MAX_HEADER:
        raise DataError(f"{name} announces a header of {length:,} bytes; up to {MAX_HEADER:,} are read.")
    text = bytes(reader.read(length))
    found = _HEADER.fullmatch(text)
    if not found:
        raise DataError(f"{name} has the header {text[:100]!r}; only plain arrays of numbers are read.")
    kind = found["type"].decode("latin-1")
    if not _NUMBERS.fullmatch(kind):
        raise DataError(
            f"{name} holds {kind!r} and no numbers; Python objects are never loaded: save images of one size as "
            "np.stack(list(x)), of uint8."
            if "O" in kind
            else f"{name} holds {kind!r} and no numbers."
        )
    sides = [side.strip(b" L") for side in found["shape"].removesuffix(b",").split(b",")] if found["shape"] else []
    if len(sides) > 8 or not all(side.isdigit() for side in sides):
        raise DataError(f"{name} has the shape {found['shape']!r}; up to 8 whole numbers are read.")
    shape = tuple(int(side) for side in sides)
    try:
        number = np.dtype(kind)
    except TypeError:
        raise DataError(f"{name} holds {kind!r}, numbers of a size that this machine has not.") from None
    return Header(8 + digits.size + length, number, shape, "F" if found["fortran"] == b"True" else "C")
