"""The entries of a tar file (v7, ustar, GNU and pax headers), read forwards. Format: POSIX.1-2024, pax, "ustar".

Not the standard library's tarfile: it reads a long name or a pax header whole, whatever size it announces, calls itself
once for each that follows another, and searches them with patterns that take quadratic time (CVE-2024-6232).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gansmith.data.archives.inflate import Reader
from gansmith.data.archives.members import FoundEntry
from gansmith.data.archives.names import decoded
from gansmith.errors import DataError

MAX_HEADER = 64 << 10
"""Longest GNU long name or pax header that is read, in bytes."""
MIN_FILE = 50
"""Fewest bytes that a file takes in a tar of over 10,000: empty ones gzipped take 5, the smallest images 100."""

_BLOCK = 512
_OCTAL = re.compile(rb"[ \0]*([0-7]*)[ \0]*")
_DECIMAL = re.compile(rb"[0-9]{1,19}")
_FILES = b"0\x007"
_WITHOUT_CONTENT = {
    b"1": "is a hard link",
    b"2": "is a symbolic link",
    b"3": "is a device",
    b"4": "is a device",
    b"5": "is a folder",
    b"6": "is a pipe",
}


@dataclass(slots=True)
class _Extension:
    """The name and size that headers before a file's own give it."""

    name: bytes | None = None
    link: bytes | None = None
    size: int | None = None
    sparse: bool = False


def is_tar(block: bytes | bytearray) -> bool:
    """Whether the block is a tar header with a right checksum, or the end of an empty tar file."""
    return len(block) >= _BLOCK and (_checksum_holds(block[:_BLOCK]) or not any(block[:_BLOCK]))


def tar_entries(reader: Reader, path: Path, max_headers: int) -> Iterator[FoundEntry]:
    """Each file of a tar file, in order; `place` is the offset of its content, also for links. Folders are left out.

    Raises DataError for a damaged header, a cut-off end, more than `max_headers` headers, or files that are too many
    for the bytes they take.
    """
    extension, num_headers = _Extension(), 0
    while any(block := _header(reader, path)):
        num_headers += 1
        if num_headers > max_headers:
            raise DataError(f"{path} holds more than {max_headers:,} files; split it into several.")
        if num_headers > 10_000 + reader.consumed // MIN_FILE:
            raise DataError(f"{path} holds {num_headers:,} files in its first {reader.consumed:,} bytes: a bomb.")
        kind, size = bytes(block[156:157]), _number(block[124:136], path, reader)
        if kind in b"LxKg":
            _extend(extension, kind, size, reader, path)
            continue
        size = size if extension.size is None else extension.size
        name = _name(block) if extension.name is None else extension.name
        start, reason = reader.position, _reason(kind, extension)
        folder = kind == b"5" or (kind in _FILES and name.endswith(b"/"))
        if not folder:
            link = decoded(_link(block) if extension.link is None else extension.link)
            if kind == b"2" and link:
                link = "" if link.startswith("/") else f"{decoded(name)}/../{link}"
            yield FoundEntry(decoded(name), size, (start,), reason, link if kind in b"12" else "")
        _skip_content(reader, 0 if kind in _WITHOUT_CONTENT else size, name, path)
        extension = _Extension()


def _reason(kind: bytes, extension: _Extension) -> str | None:
    if extension.sparse or kind == b"S":
        return "is a sparse file"
    return _WITHOUT_CONTENT.get(kind, None if kind in _FILES else f"is of the unknown kind {kind!r}")


def _header(reader: Reader, path: Path) -> bytearray:
    """The next header; zeros, or nothing, at the end."""
    start = reader.position
    block = reader.read(_BLOCK)
    if not any(block):
        return block
    if len(block) < _BLOCK:
        raise DataError(f"{path} ends inside a header at byte {start:,}; fetch it again.")
    if not _checksum_holds(block):
        raise DataError(f"{path} has a damaged header at byte {start:,}; fetch it again.")
    return block


def _checksum_holds(block: bytes | bytearray) -> bool:
    found = _OCTAL.fullmatch(block[148:156])
    if not found or not found[1]:
        return False
    return sum(block[:148], 8 * ord(" ")) + sum(block[156:]) == int(found[1], 8)


def _number(field: bytearray, path: Path, reader: Reader) -> int:
    if field[0] == 0x80:  # GNU: too large for octal digits
        return int.from_bytes(field[1:], "big")
    found = _OCTAL.fullmatch(field)
    if not found:
        raise DataError(f"{path} gives the size {bytes(field)!r} at byte {reader.position:,}, which is no number.")
    return int(found[1] or b"0", 8)


def _name(block: bytearray) -> bytes:
    name = bytes(block[:100]).partition(b"\0")[0]
    if block[257:263] == b"ustar\0" and block[345]:
        name = bytes(block[345:500]).partition(b"\0")[0] + b"/" + name
    return name


def _link(block: bytearray) -> bytes:
    return bytes(block[157:257]).partition(b"\0")[0]


def _extend(extension: _Extension, kind: bytes, size: int, reader: Reader, path: Path) -> None:
    """Read a GNU long name (L) or link name (K), or a pax header (x); pass over global headers (g)."""
    start = reader.position
    if size > MAX_HEADER:
        raise DataError(f"{path} announces a name of {size:,} bytes at byte {start:,}; up to {MAX_HEADER:,} are read.")
    content = bytes(reader.read(size))
    if kind == b"L":
        extension.name = content.partition(b"\0")[0]
    elif kind == b"K":
        extension.link = content.partition(b"\0")[0]
    elif kind == b"x":
        _read_pax(extension, content, path, start)
    _skip_content(reader, size, b"", path, start)


def _read_pax(extension: _Extension, content: bytes, path: Path, start: int) -> None:
    """Records of "LENGTH KEY=VALUE" and a line feed, LENGTH in bytes with itself."""
    at = 0
    while at < len(content):
        digits = content[at : at + 20].partition(b" ")[0]
        length = int(digits) if _DECIMAL.fullmatch(digits) else 0
        record = content[at : at + length]
        key, equals, value = record[len(digits) + 1 : -1].partition(b"=")
        if len(record) != length or not equals or not record.endswith(b"\n"):
            raise DataError(f"{path} has a damaged pax header at byte {start + at:,}; fetch it again.")
        if key == b"path":
            extension.name = value
        elif key == b"linkpath":
            extension.link = value
        elif key == b"size" and _DECIMAL.fullmatch(value):
            extension.size = int(value)
        elif key.startswith(b"GNU.sparse."):
            extension.sparse = True
        at += length


def _skip_content(reader: Reader, size: int, name: bytes, path: Path, start: int | None = None) -> None:
    """Go to the header after a content of `size` bytes that begins at `start`, or here."""
    end = (reader.position if start is None else start) + -(-size // _BLOCK) * _BLOCK
    reader.skip(end - reader.position)
    if reader.position < end - (-size % _BLOCK):  # the last file's padding may be missing
        shown = name[-80:].decode("utf-8", "backslashreplace")
        raise DataError(f"{path} ends inside {shown or 'a header'!r}; fetch it again.")
