"""Checks the files that a folder or an archive announces: names, doubles, sizes and counts."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from gansmith.data.archives.names import MAX_NAME, hidden_top, plain_name, reasons_to_leave_out
from gansmith.errors import DataError

MAX_NAMES = 128 << 20
"""Most characters of names in one archive: they are all held in memory."""
_MAX_LINKS = 40
"""Most links to links that are followed, as on Linux."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """An archive that exceeds `members` or `total_bytes` is refused; a member over `member_bytes` is skipped."""

    members: int = 1_000_000
    member_bytes: int = 128 << 20
    total_bytes: int = 256 << 30


@dataclass(frozen=True, slots=True)
class Member:
    """A file that can be read: its name with '/', its size in bytes, and its place for the reader.

    Bytes of a name that are not UTF-8 are surrogates. A name is no path: nothing is opened by it outside of a folder.
    """

    name: str
    size: int
    place: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is skipped, and the reason."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class FoundEntry:
    """An entry of an archive, not checked yet; `reason` is why its reader cannot read it.

    `link` is the name of the file that it is a link to, seen from the top of the archive.
    """

    name: str
    size: int
    place: tuple[int, ...] = ()
    reason: str | None = None
    link: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """Every file of a folder or an archive, in its order: each is a member or is skipped."""

    members: list[Member]
    skipped: list[Skipped]


def check_members(entries: Iterable[FoundEntry], path: Path, limits: Limits) -> Listing:
    """Sort an archive's entries into members and skipped ones, see `sort_entries`.

    Raises DataError when `limits` or `MAX_NAMES` are passed in total.
    """
    collected: list[FoundEntry] = []
    nameless: list[Skipped] = []
    num_characters, total_bytes = 0, 0
    for entry in entries:
        num_characters += len(entry.name)
        if len(collected) + len(nameless) >= limits.members:
            raise DataError(f"{path} holds more than {limits.members:,} files; split it into several.")
        if num_characters > MAX_NAMES:
            raise DataError(f"{path} holds more than {MAX_NAMES:,} bytes of file names; no set of images does.")
        if name := plain_name(entry.name):
            collected.append(FoundEntry(name, entry.size, entry.place, entry.reason, plain_name(entry.link)))
        else:
            nameless.append(Skipped(entry.name, "it has no name"))
        if entry.reason is None and entry.size <= limits.member_bytes:
            total_bytes += entry.size
            _check_total(total_bytes, path, limits)
    collected = _with_links_followed(collected)
    listing = sort_entries(collected, limits.member_bytes, hidden_top([entry.name for entry in collected]))
    _check_total(sum(member.size for member in listing.members), path, limits)
    listing.skipped.extend(nameless)
    return listing


def _check_total(num_bytes: int, path: Path, limits: Limits) -> None:
    if num_bytes > limits.total_bytes:
        raise DataError(f"{path} announces more than {limits.total_bytes:,} bytes of files; split it into several.")


def _with_links_followed(entries: list[FoundEntry]) -> list[FoundEntry]:
    """Each link to a file of the archive as that file under the link's name, behind it: it is read only once."""
    if not any(entry.link for entry in entries):
        return entries
    files = {entry.name: entry for entry in entries if not entry.link}
    links = {entry.name: entry.link for entry in entries if entry.link}
    found = []
    for entry in entries:
        target, steps = entry.link, 0
        while target in links and target not in files and steps < _MAX_LINKS:
            target, steps = links[target], steps + 1
        file = files.get(target) if entry.link else None
        found.append(replace(file, name=entry.name) if file and file.reason is None else entry)
    return sorted(found, key=lambda entry: entry.place)


def sort_entries(entries: list[FoundEntry], member_bytes: int, num_given: int = 0) -> Listing:
    """Sort entries with plain names into members and skipped ones, for folders and archives alike.

    Skipped are names that are too long, what systems and gansmith put beside images, what the reader cannot
    read, files over `member_bytes`, and files whose name comes again later: unpacked, the last one stays.
    """
    listing = Listing(members=[], skipped=[])
    left_out = reasons_to_leave_out({entry.name for entry in entries}, num_given)
    last: dict[str, int] = {}
    usable: list[tuple[int, FoundEntry]] = []
    for at, entry in enumerate(entries):
        if len(entry.name) > MAX_NAME:
            listing.skipped.append(Skipped(f"{entry.name[:80]}...", f"its name is {len(entry.name):,} letters long"))
        elif reason := left_out.get(entry.name) or entry.reason or too_large(entry.size, member_bytes):
            listing.skipped.append(Skipped(entry.name, reason))
        else:
            last[entry.name] = at
            usable.append((at, entry))
    for at, entry in usable:
        if last[entry.name] == at:
            listing.members.append(Member(entry.name, entry.size, entry.place))
        else:
            listing.skipped.append(Skipped(entry.name, "its name is there again, later on"))
    return listing


def too_large(size: int, most: int) -> str | None:
    """The reason why a file of this size is skipped, if it is."""
    return f"is {size:,} bytes; up to {most:,} are read" if size > most else None
