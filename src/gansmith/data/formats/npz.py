"""NPZ archives as Keras publishes its sets: x_train, y_train, x_test, y_test. Format: numpy.lib.format 1.0 to 3.0."""

import math
import re
import struct
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Literal

import numpy as np

from gansmith.data.archives.inflate import Plain, Reader
from gansmith.data.archives.kinds import START, check_no_pointer
from gansmith.data.archives.members import Limits, Member, check_members
from gansmith.data.archives.zip import MAGICS, open_zip_member, read_zip_member, zip_entries
from gansmith.data.formats.arrays import LabelledImages
from gansmith.data.formats.idx import MAX_BYTES
from gansmith.errors import DataError

MAX_HEADER = 10_000
"""Longest .npy header that is read, in bytes; a numeric array has about 100."""

_MAGIC = b"\x93NUMPY"
_HEADER = re.compile(
    rb"\{'descr': '(?P<type>[^']{1,20})', 'fortran_order': (?P<fortran>False|True), "
    rb"'shape': \((?P<shape>[0-9L, ]{0,200})\),? ?\}[ \n]*"
)
"""The three keys in the order in which NumPy writes them. Its own reader parses any Python literal, and reads a
header of any length before it checks the length; an array of numbers needs neither."""
_INTEGER = re.compile(r"[|<>=]?[ui][1248]")
_LIMITS = Limits(members=1000, member_bytes=MAX_BYTES + MAX_HEADER, total_bytes=1 << 50)


@dataclass(frozen=True, slots=True)
class _Header:
    num_bytes: int
    type: np.dtype
    shape: tuple[int, ...]
    order: Literal["C", "F"]


def read_npz(path: Path, split: Literal["train", "test"]) -> LabelledImages:
    """The images and labels of one split of an archive like Keras's mnist.npz.

    `x_<split>` is uint8, (N, H, W) or (N, H, W, C) with 1, 3 or 4 channels; `y_<split>` holds integers, [N] or (N, 1).
    Raises DataError when the archive is missing, damaged or of another kind, or when its arrays are. No more is
    inflated than each array's header and the archive's directory agree on, and nothing in it is evaluated.
    """
    try:
        with path.open("rb") as file:
            if not (start := file.read(START)).startswith(MAGICS):
                check_no_pointer(path, start)
                raise DataError(f"{path} is not an NPZ archive, which is a zip file; fetch it again.")
            listing = check_members(zip_entries(file, path, _LIMITS.members), path, _LIMITS)
            found = {member.name: member for member in listing.members}
            for name in (f"x_{split}.npy", f"y_{split}.npy"):
                if name not in found:
                    reason = next((f" that can be read (it {s.reason})" for s in listing.skipped if s.name == name), "")
                    held = ", ".join(sorted(found)[:10]) or "nothing"
                    raise DataError(f"{path} has no {name}{reason}; it holds {held}.")
            images = _read_array(file, path, found[f"x_{split}.npy"])
            labels = _read_array(file, path, found[f"y_{split}.npy"])
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).") from error
    return _checked(path, split, images, labels)


def _checked(path: Path, split: str, images: np.ndarray, labels: np.ndarray) -> LabelledImages:
    shape = images.shape
    if images.dtype != np.uint8 or not (len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3, 4))):
        raise DataError(
            f"{path}: x_{split} is {images.dtype} of shape {shape}; expected uint8 (N, H, W) or (N, H, W, C)."
        )
    if labels.shape not in [shape[:1], (shape[0], 1)]:
        raise DataError(f"{path}: x_{split} holds {shape[0]:,} images, y_{split} labels of shape {labels.shape}.")
    planes = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
    labels = labels.reshape(-1)
    if labels.min() < 0:
        raise DataError(f"{path}: y_{split} holds the label {labels.min()}; labels count from 0.")
    return LabelledImages(images=planes, labels=labels if labels.dtype == np.uint8 else labels.astype(np.int64))


def map_npy(path: Path) -> np.ndarray:
    """The array of whole numbers in a .npy file, mapped from the disk, to be read only.

    Raises DataError when the file is missing, damaged or of another kind. Nothing in it is evaluated.
    """
    try:
        with path.open("rb") as file:
            header = _read_header(Plain(file), str(path))
        found = path.stat().st_size - header.num_bytes
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).") from error
    num_bytes = math.prod(header.shape) * header.type.itemsize
    if num_bytes == 0:
        raise DataError(f"{path} holds no images: it is an empty array, of shape {header.shape}.")
    if num_bytes != found:
        raise DataError(f"{path} announces {num_bytes:,} bytes ({header.shape}) and holds {found:,}.")
    return np.memmap(path, header.type, "r", header.num_bytes, header.shape, header.order)


def _read_array(file: BufferedIOBase, path: Path, member: Member) -> np.ndarray:
    name = f"{path}: {member.name}"
    header = _read_header(open_zip_member(file, path, member), name)
    num_bytes = math.prod(header.shape) * header.type.itemsize
    if header.num_bytes + num_bytes != member.size or num_bytes == 0:
        raise DataError(
            f"{name} announces {num_bytes:,} bytes ({header.shape}) and holds {member.size - header.num_bytes:,}; "
            "fetch it again."
        )
    content = read_zip_member(file, path, member)
    array = np.frombuffer(content, header.type, offset=header.num_bytes)
    return array.reshape(header.shape, order=header.order)


def _read_header(reader: Reader, name: str) -> _Header:
    start = reader.read(8)
    if len(start) < 8 or start[:6] != _MAGIC or start[6] not in (1, 2, 3):
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
    if not _INTEGER.fullmatch(kind):
        raise DataError(f"{name} holds {kind!r}; only whole numbers are read, Python objects never.")
    sides = [side.strip(b" L") for side in found["shape"].removesuffix(b",").split(b",")] if found["shape"] else []
    if len(sides) > 8 or not all(side.isdigit() for side in sides):
        raise DataError(f"{name} has the shape {found['shape']!r}; up to 8 whole numbers are read.")
    shape = tuple(int(side) for side in sides)
    return _Header(8 + digits.size + length, np.dtype(kind), shape, "F" if found["fortran"] == b"True" else "C")
