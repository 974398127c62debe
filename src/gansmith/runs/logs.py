"""The lines of events.jsonl and metrics.jsonl: written whole, and read up to one that a crash cut short."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gansmith.errors import UsageError
from gansmith.system.atomic import cannot_write
from gansmith.system.untrusted import open_no_link, open_plain, parse_json, read_plain

MOST_LOG = 2**32
"""Bytes of a log that are read."""
END_OF_LOG = 2**16
"""Bytes at the end of a log that are read for its last line, which has a few hundred."""


def append_line(file: Path, line: str) -> None:
    """Add a line to a text file, which is no link; one that a crash cut short is ended first. Raises DiskError."""
    try:
        descriptor = open_no_link(file, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        with os.fdopen(descriptor, "ab+") as opened:
            if opened.seek(0, os.SEEK_END) and opened.seek(-1, os.SEEK_END) >= 0 and opened.read(1) != b"\n":
                opened.write(b"\n")
            opened.write(f"{line}\n".encode())
    except OSError as error:
        raise cannot_write(str(file), file.parent, len(line.encode()), error) from error


def read_lines(file: Path) -> list[dict[str, Any]]:
    """The lines of a log before the first one that is no event. Raises UsageError when the file cannot be read."""
    text = b""
    with _missing_is_empty(file):
        text = read_plain(file, MOST_LOG)
    lines = []
    for row in text.splitlines():
        line = _parse_line(row)
        if line is None:
            break
        lines.append(line)
    return lines


def read_last_line(file: Path) -> dict[str, Any]:
    """The last whole line of a log, read from its end; an empty one when there is none. Raises UsageError."""
    text = b""
    with _missing_is_empty(file), open_plain(file) as opened:
        opened.seek(max(0, opened.seek(0, os.SEEK_END) - END_OF_LOG))
        text = opened.read(END_OF_LOG)
    return next(filter(None, map(_parse_line, reversed(text.splitlines()))), {})


def _parse_line(text: bytes) -> dict[str, Any] | None:
    """The content of a line; None for one that was cut short or has no step."""
    try:
        line = parse_json(text)
    except ValueError:
        return None
    is_line = isinstance(line, dict) and type(line.get("step")) is int and type(line.get("seen")) is int
    return line if is_line else None


@contextmanager
def _missing_is_empty(file: Path) -> Generator[None]:
    """Pass over a log that does not exist yet. Raises UsageError for one that cannot be read."""
    try:
        yield
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {error}.") from error
