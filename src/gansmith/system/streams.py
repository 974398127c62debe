"""Standard output and error as courtesies: what nobody reads, or a console cannot show, stops no work."""

import codecs
import errno
import io
import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import TextIO

from gansmith.errors import DiskError

NOBODY_LISTENS = {errno.EPIPE, errno.EIO, errno.EBADF, errno.ENXIO, errno.ECONNRESET}
"""Errors of a stream whose reader is gone: a closed pipe, or a terminal that was closed."""
SPELLED = "gansmith.spelled"
"""Name of the error handler that spells characters which an encoding lacks."""

_SPELLINGS = str.maketrans(
    {"–": "-", "—": "-", "×": "x", "≈": "~", "±": "+-", "…": "...", "·": "*", "→": "->", "≤": "<=", "≥": ">="}
    | dict.fromkeys("─━═╸╺╴╶", "-")
    | dict.fromkeys("│┃║", "|")
    | dict.fromkeys("╭╮╰╯┌┐└┘├┤┬┴┼", "+")
    | dict.fromkeys("“”„", '"')
    | dict.fromkeys("‘’", "'")
    | {"\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " ", "²": "2", "³": "3", "é": "e", "γ": "gamma"}
)


def open_streams() -> None:
    """Let standard input, output and error be what a command can always use.

    A stream that was closed when the process began becomes the null device: a file opened later would otherwise take
    its number, and get what is meant for the console. Notes and progress on standard error may be lost; a result that
    somebody waits for on standard output may not: the first write that fails raises DiskError.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - open until the end
    codecs.register_error(SPELLED, _spell)
    sys.stdout, sys.stderr = _courtesy(sys.stdout, NOBODY_LISTENS), _courtesy(sys.stderr, {*errno.errorcode})


def _spell(error: UnicodeError) -> tuple[str, int]:
    """Characters of our own texts in ASCII, and others, such as those of file names, by their numbers."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end].translate(_SPELLINGS)
    return missing.encode("ascii", "backslashreplace").decode("ascii"), error.end


class _Courtesy(io.RawIOBase):
    """Writes to another stream until its first error, and is silent from then on; an error not forgiven is raised."""

    def __init__(self, stream: io.RawIOBase, owner: TextIO, forgiven: Collection[int]):
        super().__init__()
        self._stream, self._gone, self._forgiven = stream, False, forgiven
        self._owner = owner  # which would close the stream if it were forgotten

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return not self._gone and self._stream.isatty()

    def write(self, content: object) -> int:
        size = memoryview(content).nbytes  # type: ignore[arg-type]
        if self._gone:
            return size
        try:
            return self._stream.write(content) or 0  # type: ignore[arg-type]
        except OSError as error:
            self._gone = True
            if error.errno not in self._forgiven:
                raise DiskError(f"standard output cannot be written: {error.strerror}.") from error
            return size


def _courtesy(stream: TextIO, forgiven: Collection[int]) -> TextIO:
    """The stream, silent after one of these errors, with characters that its encoding lacks spelled in others."""
    stream.flush()
    if not isinstance(stream, io.TextIOWrapper):  # somebody else's stream
        return stream
    raw = getattr(stream.buffer, "raw", stream.buffer)  # with python -u the buffer is the raw stream itself
    buffer = io.BufferedWriter(_Courtesy(raw, stream, forgiven))
    by_line = stream.line_buffering or stream.write_through  # the latter of python -u, as containers run it
    return io.TextIOWrapper(buffer, stream.encoding, SPELLED, line_buffering=by_line)
