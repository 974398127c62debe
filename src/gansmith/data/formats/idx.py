"""The IDX files of MNIST and its relatives, plain or gzipped. Format: yann.lecun.com/exdb/mnist."""

import gzip
import math
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from gansmith.data.archives.kinds import START, check_no_pointer
from gansmith.errors import DataError

MAX_BYTES = 4 << 30
"""Largest array that is read, in bytes: a header that announces more is damaged or hostile."""

_CHUNK = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_UINT8 = 0x08


def read_idx(path: Path, num_dims: int) -> np.ndarray:
    """The uint8 array of `num_dims` axes in an IDX file.

    Raises DataError when the file is missing, damaged, not IDX, of another type or number of axes, or when its header
    and its length disagree. No more is inflated than the header announces, and no more memory taken than there is.
    """
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == _GZIP_MAGIC
            raw.seek(0)
            if not zipped:
                return _read_array(raw, path, num_dims)
            with gzip.open(raw) as inflated:
                return _read_array(cast(BinaryIO, inflated), path, num_dims)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is a damaged gzip file ({error}); fetch it again.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).") from error


def _read_array(file: BinaryIO, path: Path, num_dims: int) -> np.ndarray:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        check_no_pointer(path, magic + file.read(START))
        raise DataError(f"{path} is not an IDX file: it starts with {magic.hex() or 'nothing'}, not 0000.")
    if magic[2] != _UINT8 or magic[3] != num_dims:
        raise DataError(
            f"{path} holds type 0x{magic[2]:02x} with {magic[3]} axes; expected unsigned bytes (0x08) with {num_dims}."
        )
    header = file.read(4 * num_dims)
    if len(header) < 4 * num_dims:
        raise DataError(f"{path} ends inside its header; fetch it again.")
    shape = tuple(int(side) for side in np.frombuffer(header, ">u4"))
    num_bytes = math.prod(shape)
    if not 0 < num_bytes <= MAX_BYTES:
        raise DataError(f"{path} announces {num_bytes:,} bytes ({shape}); 1 to {MAX_BYTES:,} can be read.")
    body = _read_up_to(file, num_bytes + 1)
    if len(body) != num_bytes:
        found = f"only {len(body):,}" if len(body) < num_bytes else "more"
        raise DataError(f"{path} announces {num_bytes:,} bytes and holds {found}; fetch it again.")
    return np.frombuffer(body, np.uint8).reshape(shape)


def _read_up_to(file: BinaryIO, num_bytes: int) -> bytearray:
    """Reads chunks: one large read would take memory for all announced bytes, even those that are missing."""
    body = bytearray()
    while part := file.read(min(_CHUNK, num_bytes - len(body))):
        body += part
    return body
