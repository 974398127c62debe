"""MATLAB v5 files of plain numeric arrays, as SVHN is published. Format: MathWorks, "MAT-File Format", chapter 1."""

import math
import struct
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from gansmith.data.archives.inflate import Inflated, Plain, Reader
from gansmith.data.archives.kinds import check_no_pointer
from gansmith.data.formats.arrays import LabelledImages
from gansmith.data.formats.idx import MAX_BYTES
from gansmith.errors import DataError

MAX_VARIABLES = 1000
"""Most arrays that are read; SVHN has two, X and y."""

_MATRIX, _COMPRESSED, _UINT32, _INT32, _INT8 = 14, 15, 6, 5, 1
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""NumPy types of stored elements; a numeric array is often stored in a smaller type than its class."""

_OTHERS = {
    1: "a cell array", 2: "a struct", 3: "an object", 4: "text", 5: "a sparse array", 16: "a function handle",
    17: "an opaque object", 18: "an object",
}  # fmt: skip
_NUMERIC = range(6, 16)
_COMPLEX = 0x0800


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a matrix is read from, the file's byte order ('<' or '>'), and its path for messages."""

    reader: Reader
    order: str
    path: Path

    def refuse(self, what: str) -> DataError:
        return DataError(f"{self.path} {what}; only plain numeric arrays of MATLAB v5 are read.")


@dataclass(frozen=True, slots=True)
class _Element:
    kind: int
    size: int
    small: bytes | None


def read_svhn(path: Path) -> LabelledImages:
    """The images of SVHN's train_32x32.mat and its like: X, bytes H×W×3×N, and y, N×1, with 10 for the digit 0.

    Images are (N, 3, H, W), a view of the file's column order (each image lies column by column); labels are uint8,
    0 to 9. Raises DataError as `read_mat` does, or when X and y are not of that kind.
    """
    arrays = read_mat(path)
    if missing := [name for name in ("X", "y") if name not in arrays]:
        raise DataError(f"{path} has no {' and no '.join(missing)}; it holds {', '.join(arrays) or 'nothing'}.")
    pixels, labels = arrays["X"], arrays["y"]
    if pixels.ndim == 3:  # MATLAB drops a last axis of 1
        pixels = pixels[..., None]
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[2] != 3 or not pixels.size:
        raise DataError(f"{path}: X is {pixels.dtype} of shape {pixels.shape}; expected uint8 (H, W, 3, N).")
    if labels.shape != (pixels.shape[3], 1):
        raise DataError(f"{path}: X holds {pixels.shape[3]:,} images, y has the shape {labels.shape}.")
    if not (np.isin(labels, np.arange(11))).all():
        raise DataError(f"{path}: y holds other labels than 1 to 10 (10 for the digit 0); fetch it again.")
    return LabelledImages(
        images=pixels.transpose(3, 2, 0, 1),
        labels=(labels.reshape(-1) % 10).astype(np.uint8),
        class_names=tuple("0123456789"),
    )


def read_mat(path: Path) -> dict[str, np.ndarray]:
    """Every array of a MATLAB v5 file by name, in column order, of the type it is stored in.

    Raises DataError when the file is missing, damaged, of another version, or holds anything but real numeric arrays.
    No more is read or inflated than an array's sides announce, at most `idx.MAX_BYTES`.
    """
    arrays: dict[str, np.ndarray] = {}
    num_bytes = 0
    try:
        with path.open("rb") as file:
            order = _read_file_header(file, path)
            while tag := file.read(8):
                if len(tag) < 8:
                    raise DataError(f"{path} ends inside a tag; fetch it again.")
                kind, size = struct.unpack(f"{order}2I", tag)
                start = file.tell()
                name, array = _read_variable(file, path, order, kind, size)
                arrays[name], num_bytes = array, num_bytes + array.nbytes
                if len(arrays) > MAX_VARIABLES or num_bytes > MAX_BYTES:
                    raise DataError(f"{path} holds {num_bytes:,} bytes in {len(arrays):,} variables; SVHN has two.")
                file.seek(start + size)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).") from error
    return arrays


def _read_file_header(file: BufferedIOBase, path: Path) -> str:
    header = file.read(128)
    if header.startswith(b"MATLAB 7.3") or header[:8] == b"\x89HDF\r\n\x1a\n":
        raise DataError(f"{path} is a MATLAB v7.3 file (HDF5), which is not read; save it again with '-v7'.")
    order = {b"IM": "<", b"MI": ">"}.get(header[126:128])
    if order is None or struct.unpack(f"{order}H", header[124:126]) != (0x0100,):
        check_no_pointer(path, header)
        raise DataError(f"{path} is not a MATLAB v5 file; fetch it again.")
    return order


def _read_variable(file: BufferedIOBase, path: Path, order: str, kind: int, size: int) -> tuple[str, np.ndarray]:
    if kind == _MATRIX:
        return _read_matrix(_Source(Plain(file), order, path), size)
    if kind != _COMPRESSED:
        raise DataError(f"{path} holds an element of type {kind} where a variable should be; fetch it again.")
    source = _Source(Inflated(file, "zlib", path, size), order, path)
    inner = _read_tag(source)
    if inner.kind != _MATRIX or inner.small is not None:
        raise source.refuse(f"holds a compressed element of type {inner.kind}")
    variable = _read_matrix(source, inner.size)
    if source.reader.read(1):  # the end, where zlib has its checksum
        raise source.refuse("holds a compressed variable with more in it than it announces")
    return variable


def _read_matrix(source: _Source, size: int) -> tuple[str, np.ndarray]:
    start = source.reader.position
    flags = _read_numbers(source, _UINT32, 2, "flags")
    matrix_class = flags[0] & 0xFF
    sides = _read_numbers(source, _INT32, 8, "sides") if matrix_class in _NUMERIC else ()
    if matrix_class not in _NUMERIC:
        raise source.refuse(f"holds {_OTHERS.get(matrix_class, f'a variable of class {matrix_class}')}")
    name = bytes(side & 0xFF for side in _read_numbers(source, _INT8, 64, "name")).decode("ascii", "backslashreplace")
    if flags[0] & _COMPLEX:
        raise source.refuse(f"holds {name}, an array of complex numbers")
    if len(sides) < 2 or min(sides) < 0:
        raise source.refuse(f"holds {name} with the sides {sides}")
    array = _read_values(source, name, sides)
    if not 0 <= size - (source.reader.position - start) < 8:
        raise source.refuse(f"announces {size:,} bytes for {name} and holds {source.reader.position - start:,}")
    return name, array


def _read_values(source: _Source, name: str, sides: tuple[int, ...]) -> np.ndarray:
    element = _read_tag(source)
    if element.kind not in _STORED:
        raise source.refuse(f"holds {name} stored as the unknown type {element.kind}")
    dtype = np.dtype(source.order + _STORED[element.kind])
    num_bytes = math.prod(sides) * dtype.itemsize
    most = math.prod(max(1, side) for side in sides) * dtype.itemsize  # NumPy counts so, too
    if num_bytes != element.size or most > MAX_BYTES:
        raise DataError(
            f"{source.path} announces {num_bytes:,} bytes ({sides}) for {name} and holds {element.size:,}; up to "
            f"{MAX_BYTES:,} can be read."
        )
    content = _read_content(source, element)
    return np.frombuffer(content, dtype).reshape(sides, order="F")


def _read_numbers(source: _Source, kind: int, most: int, what: str) -> tuple[int, ...]:
    """A short element of whole numbers: the flags, sides or name of an array."""
    element = _read_tag(source)
    dtype = np.dtype(source.order + _STORED[kind])
    if element.kind != kind or element.size > most * dtype.itemsize or element.size % dtype.itemsize:
        raise source.refuse(f"holds a variable whose {what} are {element.size:,} bytes of type {element.kind}")
    numbers = np.frombuffer(_read_content(source, element), dtype)
    if what == "flags" and len(numbers) != 2:
        raise source.refuse("holds a variable without its flags")
    return tuple(int(number) for number in numbers)


def _read_tag(source: _Source) -> _Element:
    """An element's type and size; up to four bytes of content may stand in the tag itself."""
    tag = bytes(source.reader.read(8))
    if len(tag) < 8:
        raise DataError(f"{source.path} ends inside a variable; fetch it again.")
    kind, size = struct.unpack(f"{source.order}2I", tag)
    if kind >> 16 == 0:
        return _Element(kind, size, None)
    if kind >> 16 > 4:
        raise source.refuse(f"holds a small element of {kind >> 16:,} bytes")
    return _Element(kind & 0xFFFF, kind >> 16, tag[4 : 4 + (kind >> 16)])


def _read_content(source: _Source, element: _Element) -> bytes | bytearray:
    if element.small is not None:
        return element.small
    content = source.reader.read(element.size)
    if len(content) < element.size:
        raise DataError(f"{source.path} ends inside a variable; fetch it again.")
    source.reader.skip(-element.size % 8)
    return content
