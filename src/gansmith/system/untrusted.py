"""Reading files that nobody vouches for: plain files only, of a size that was agreed on, and data only."""

import errno
import hashlib
import json
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any, NoReturn

MOST_TEXT = 16 * 2**20
"""Bytes of a text file that are read."""


@contextmanager
def open_plain(path: Path) -> Generator[BufferedReader]:
    """A file opened for reading. Raises OSError, and ValueError for a link, a pipe, a device or a folder."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ValueError("it is a link") from error
        raise
    with os.fdopen(descriptor, "rb") if _is_plain(descriptor) else _refuse(descriptor) as file:
        yield file


def read_plain(path: Path, most: int = MOST_TEXT) -> bytes:
    """A plain file's bytes. Raises OSError, and ValueError for what is no plain file or holds more than `most`."""
    with open_plain(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(f"it holds more than {most:,} bytes")
    return data


def read_json(path: Path) -> Any:
    """What a plain file of JSON holds. Raises OSError, and ValueError for anything else, NaN and infinity included."""
    return parse_json(read_plain(path))


def parse_json(text: str | bytes) -> Any:
    """What JSON text holds. Raises ValueError, also for NaN, infinity, and lists nested without end."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def hash_plain(path: Path) -> str:
    """SHA-256 of a plain file, in hexadecimal. Raises as `open_plain`."""
    with open_plain(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_plain(descriptor: int) -> bool:
    return stat.S_ISREG(os.fstat(descriptor).st_mode)


def _refuse(descriptor: int) -> NoReturn:
    os.close(descriptor)
    raise ValueError("it is no plain file")


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")
