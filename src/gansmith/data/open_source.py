"""A source of images while it is open: the entries of a folder, an archive or a table, which can be read one by one."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gansmith.data.archives.kinds import START, reason_not_read
from gansmith.data.archives.names import LEFT_OUT
from gansmith.data.images.pool import Job
from gansmith.errors import DataError
from gansmith.text import command, printable


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a row that can be read. Bytes of its name that are not UTF-8 are surrogates."""

    name: str
    size: int
    row: bool = False
    """Whether it is a row of an array or a table: then it is an image for certain, and its name has no suffix."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenSource:
    """The files of a folder or an archive, or the rows of a table or an array, for as long as it is open.

    Every file is in `entries`, or in `passed` with the reason why it cannot be read.
    """

    path: Path
    entries: tuple[Entry, ...]
    passed: tuple[tuple[str, str], ...]
    read: Callable[[Entry], bytes]
    hashes: Callable[[], Sequence[str]] = tuple
    """The SHA-256 of the files that hold the images; computed once."""
    labels: Mapping[str, str] | None = None
    """The label of each entry by its name, if the source itself has labels."""
    labels_from: str = ""
    """Where those labels come from."""
    classes: tuple[str, ...] = ()
    """The classes that were asked for; if there are any, an image without a class is lost."""
    layout: tuple[str, ...] = ()
    """Notes on the parts of the set, such as train/ and test/."""
    name: str = ""
    """What these images are called; if empty, the last part of the path."""
    given: tuple[str, ...] = ()
    """The command-line words that name these images; if empty, the path."""
    notes: Callable[[], Sequence[str]] = tuple
    """Notes for the user on the source as a whole; they may take reading its files."""

    def job(self, entry: Entry) -> Job:
        """The bytes of an entry for the decoders, or the reason why they cannot be read."""
        try:
            content = self.read(entry)
        except DataError as error:
            cause = error.__cause__
            why = (isinstance(cause, OSError) and cause.strerror) or "damaged, or changed meanwhile"
            return Job(entry.name, None, f"cannot be read ({why})")
        if reason := reason_not_read(entry.name, content[:START]):
            return Job(entry.name, None, reason)
        return Job("" if entry.row else entry.name, content)

    def jobs(self, start: int = 0) -> Iterator[Job]:
        """Those of all entries from a position on."""
        return (self.job(entry) for entry in self.entries[start:])

    def key(self) -> str:
        """SHA-256 of the content and of the names below the path: the same for a copy that lies elsewhere.

        What systems and gansmith put beside the images may come and go.
        """
        labels = sorted(self.labels.items()) if self.labels is not None else None
        lost = [passed for passed in self.passed if passed[1] not in LEFT_OUT]
        facts = [list(self.hashes()), [entry.name for entry in self.entries], lost, labels]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def packing_command(given: Sequence[str], options: Sequence[str]) -> str:
    """The command that packs the images that the words `given` name into a folder OUT."""
    name, *more = given
    return command("data", "prepare", name, "OUT", *more, *options)


def no_usable_image(source: OpenSource) -> DataError:
    """The error for a source without an image that can be used."""
    check = command("data", "check", *(source.given or (source.path,)))
    return DataError(f"{printable(str(source.path))} holds no image that can be used; see: {check}")
