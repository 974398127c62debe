"""Numbers and names as people read them: the only place that turns one into words."""

import re
import shlex
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence


def readable_size(num_bytes: float) -> str:
    """A number of bytes, such as 29 kB, 8.5 MB, 170 MB or 1.4 GB."""
    for unit, limit in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if num_bytes >= limit:
            return f"{num_bytes / limit:.{1 if num_bytes < 10 * limit else 0}f} {unit}"
    return f"{num_bytes} bytes"


def describe_size(channels: int, height: int, width: int) -> str:
    """The shape of an image, such as "28x28 grey"."""
    return f"{height}x{width} {'grey' if channels == 1 else 'RGB' if channels == 3 else 'RGBA'}"


def duration(seconds: float) -> str:
    """1:05 for a minute and five seconds, 2:03:04 with hours."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def describe_epochs(images: int, count: int) -> str:
    """How many epochs over `count` images it takes to see `images`, such as "0.5" or "1,953"."""
    number = images / count
    return f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"


def columns(rows: Sequence[Sequence[str]], right_aligned: Collection[int] = ()) -> Iterator[str]:
    """The lines of a table whose columns are as wide as their widest cell; cells are made `printable`."""
    rows = [[printable(cell) for cell in row] for row in rows]
    sides = [">" if number in right_aligned else "<" for number in range(len(rows[0]))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True))
        yield "  ".join(cells).rstrip()


def printable(name: str) -> str:
    """A name fit for a terminal, JSON and HTML: bytes that are not UTF-8 and control characters are escaped."""
    if name.isprintable():
        return name
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def first_line(error: Exception) -> str:
    """The first line of what an error says; its class where it says nothing."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def command(*words: object) -> str:
    """The `gansmith` command of these words, quoted for the shell of this system."""
    given = [printable(str(word)) for word in words]
    return "gansmith " + (subprocess.list2cmdline(given) if sys.platform == "win32" else shlex.join(given))


def why_no_path(name: str) -> str:
    """The sentence for an address such as https://… where a path is expected; '' for any other name."""
    if not (found := re.match(r"([A-Za-z][A-Za-z0-9+.-]+):/", name)):
        return ""
    if found[1].lower() == "file":
        return f"{name} is an address; give the path alone: /{name[found.end() :].lstrip('/')}."
    return f"{name} is an address, and images are read from this machine only; download it first, and give its path."
