"""Reading files from unknown hands: plain files only, up to a given size, and data only."""

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
"""Largest text file that is read, in bytes."""
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
"""The flag that makes opening a link fail; 0 on Windows."""


def open_no_link(path: Path, flags: int) -> int:
    """A descriptor of a file that is no link, as `os.open` gives it. Raises OSError, ELOOP for a link."""
    if not _NO_LINK and path.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return os.open(path, flags | _NO_LINK | getattr(os, "O_BINARY", 0), 0o666)


@contextmanager
def open_plain(path: Path) -> Generator[BufferedReader]:
    """A file opened for reading. Raises OSError, and ValueError for a link, a pipe, a device or a folder."""
    try:
        descriptor = open_no_link(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ValueError("it is a link") from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError("it is no plain file")
    with os.fdopen(descriptor, "rb") as file:
        yield file


def read_plain(path: Path, most: int = MOST_TEXT) -> bytes:
    """The bytes of a plain file. Raises OSError, and ValueError for anything else or more than `most` bytes."""
    with open_plain(path) as file:
        data = file.read(min(os.fstat(file.fileno()).st_size, most) + 1)  # read() takes memory for all it may return
    if len(data) > most:
        raise ValueError(f"it holds more than {most:,} bytes")
    return data


def read_json(path: Path) -> Any:
    """The content of a plain file of JSON. Raises OSError, and ValueError as `parse_json`."""
    return parse_json(read_plain(path))


def parse_json(text: str | bytes) -> Any:
    """The value of JSON text. Raises ValueError, also for NaN, infinity and lists nested too deeply."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def hash_plain(path: Path) -> str:
    """SHA-256 of a plain file, in hexadecimal. Raises as `open_plain`."""
    with open_plain(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")
