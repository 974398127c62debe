"""Forward-only readers of plain and compressed files that never inflate far ahead of what is read.

The standard library's readers check less than hostile files need: a bzip2 or xz member of a zip is inflated 4 KiB of
input at a time whatever comes out of it, and an xz file's memory cannot be limited.
"""

import bz2
import io
import lzma
import zlib
from collections.abc import Callable
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from gansmith.errors import DataError

MAX_RATIO = 100
"""Most bytes that one byte may inflate to: images reach 20, a bomb of zeros 1,000 (deflate) or more."""
RATIO_SLACK = 16 << 20
"""Inflated bytes up to which the ratio does not matter, so that a small file of blank images passes."""
MAX_STREAMS = 10_000
"""Most gzip, bzip2 or xz streams in a file: each costs a new decoder, even an empty one."""
MAX_XZ_MEMORY = 128 << 20
"""Most memory that an xz header may ask for, in bytes: `xz -9` needs 65 MiB."""

_CHUNK = 256 << 10
_FEED = 64 << 10


class Plain:
    """A file from its current position. `read` takes no more memory than the file has bytes.

    `position` is the number of bytes read or skipped, `consumed` a lower bound on the bytes of the file that they took.
    """

    def __init__(self, file: BufferedIOBase):
        self._file = file
        self.position = self.consumed = file.tell()
        self._size = file.seek(0, io.SEEK_END)
        file.seek(self.position)

    def read(self, size: int) -> bytearray:
        """The next `size` bytes; fewer at the end only."""
        data = bytearray(max(0, min(size, self._size - self.position)))
        found = self._file.readinto(data)
        self.position = self.consumed = self.position + found
        return data[:found] if found < len(data) else data

    def skip(self, size: int) -> None:
        """Pass over `size` bytes, or up to the end."""
        self.position = self.consumed = self._file.seek(min(self.position + size, self._size))


class Inflated:
    """A compressed file from where it stands, `num_bytes` of it or all, inflated as it is read.

    `kind` is one of `KINDS`; the last three are files, which may hold several streams one after the other. `start` are
    bytes that come before those of the file. Raises DataError, naming `name`, for damage, a cut-off end, or more than
    `MAX_RATIO` times the compressed bytes.
    """

    def __init__(
        self, file: BufferedIOBase, kind: str, name: str | Path, num_bytes: int | None = None, start: bytes = b""
    ):
        self.position = self.consumed = 0
        self._file, self._kind, self._name, self._left = file, kind, name, num_bytes
        self._decoder, self._num_streams = KINDS[kind](), 1
        self._feed = start
        self._chunk, self._at = b"", 0
        self._inflated = 0

    def read(self, size: int) -> bytearray:
        """The next `size` bytes; fewer at the end only."""
        data = bytearray()
        while len(data) < size and (part := self._part(size - len(data))):
            data += part
        return data

    def skip(self, size: int) -> None:
        """Pass over `size` bytes, or up to the end."""
        while size > 0 and (part := self._part(size)):
            size -= len(part)

    def _part(self, size: int) -> bytes:
        if self._at == len(self._chunk):
            self._chunk, self._at = self._inflate(), 0
        part = self._chunk[self._at : self._at + size]
        self._at += len(part)
        self.position += len(part)
        return part

    def _inflate(self) -> bytes:
        """The next few bytes, at most `_CHUNK`; none at the end."""
        while not self._decoder.eof or self._next_stream():
            try:
                chunk = self._decoder.decompress(self._feed, _CHUNK)
            except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
                raise DataError(f"{self._name} is damaged {self._kind} data ({error}); fetch it again.") from error
            self._feed = getattr(self._decoder, "unconsumed_tail", b"")  # bz2 and lzma keep what they have not used yet
            if chunk:
                self._count(len(chunk))
                return chunk
            if not self._decoder.eof:
                if not (more := self._more()):
                    raise DataError(f"{self._name} ends inside its {self._kind} data; fetch it again.")
                self._feed += more
        return b""

    def _more(self) -> bytes:
        feed = self._file.read(_FEED if self._left is None else min(_FEED, self._left))
        self.consumed += len(feed)
        if self._left is not None:
            self._left -= len(feed)
        return feed

    def _count(self, num_bytes: int) -> None:
        self._inflated += num_bytes
        if self._inflated > RATIO_SLACK and self._inflated > MAX_RATIO * self.consumed:
            raise DataError(
                f"{self._name} inflates {self.consumed:,} bytes to more than {self._inflated:,}, over {MAX_RATIO} "
                "times as many; images never do, a bomb does."
            )

    def _next_stream(self) -> bool:
        if self._kind not in FILE_KINDS:
            return False
        rest = self._decoder.unused_data.lstrip(b"\0")  # files may be padded with zeros
        while not rest:
            if not (rest := self._more()):
                return False
            rest = rest.lstrip(b"\0")
        self._num_streams += 1
        if self._num_streams > MAX_STREAMS:
            raise DataError(f"{self._name} holds over {MAX_STREAMS:,} {self._kind} streams; repack it as one.")
        self._decoder, self._feed = KINDS[self._kind](), rest
        return True


Reader = Plain | Inflated

KINDS: dict[str, Callable[[], Any]] = {
    "deflate": lambda: zlib.decompressobj(-zlib.MAX_WBITS),
    "zlib": lambda: zlib.decompressobj(zlib.MAX_WBITS),
    "LZMA": lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=MAX_XZ_MEMORY),
    "gzip": lambda: zlib.decompressobj(16 + zlib.MAX_WBITS),
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_XZ_MEMORY),
}

FILE_KINDS = {"gzip": b"\x1f\x8b", "bzip2": b"BZh", "xz": b"\xfd7zXZ\0"}
"""Compressed files by their first bytes."""


def open_reader(file: BufferedIOBase, name: str | Path) -> Reader:
    """A reader of `file` from its start, inflating it if its first bytes are those of gzip, bzip2 or xz."""
    file.seek(0)
    start = file.read(6)
    file.seek(0)
    for kind, magic in FILE_KINDS.items():
        if start.startswith(magic):
            return Inflated(file, kind, name)
    return Plain(file)
