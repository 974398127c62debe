"""Checks the files that an archive announces: names, doubles, sizes and counts."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gansmith.errors import DataError

MAX_NAME = 4096
"""Longest name in bytes, Linux's longest path."""
MAX_NAMES = 128 << 20
"""Most bytes of names in one archive: they are all held in memory."""
SYSTEM = "is a hidden file or an operating system's own"
"""The reason why hidden and system files are skipped; they do not count as lost images."""

_JUNK = {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "icon\r"}
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """An archive that exceeds `members` or `total_bytes` is refused; a member over `member_bytes` is skipped."""

    members: int = 1_000_000
    member_bytes: int = 128 << 20
    total_bytes: int = 256 << 30


@dataclass(frozen=True, slots=True)
class Member:
    """A file that can be read: its path with '/', its size in bytes, and its place for the reader."""

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
    """An entry of an archive, not checked yet; `reason` is why its reader cannot read it."""

    name: bytes
    size: int
    place: tuple[int, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """Every file of an archive, in its order: each is a member or is skipped."""

    members: list[Member]
    skipped: list[Skipped]


def is_system(name: str) -> bool:
    """Whether a file or folder of this name is hidden or an operating system's own."""
    return name.startswith(".") or name.lower() in _JUNK


def check_members(entries: Iterable[FoundEntry], path: Path, limits: Limits) -> Listing:
    """Sort entries into members and skipped ones.

    Skipped are names that could lead out of a folder, that are not UTF-8, hidden, an operating system's own, taken
    already (also when only upper and lower case differ), and files over `limits.member_bytes`. Raises DataError when
    `limits` or `MAX_NAMES` are passed in total.
    """
    listing = Listing(members=[], skipped=[])
    taken: dict[str, str] = {}
    num_entries, name_bytes, total_bytes = 0, 0, 0
    for entry in entries:
        num_entries += 1
        name_bytes += len(entry.name)
        if num_entries > limits.members:
            raise DataError(f"{path} holds more than {limits.members:,} files; split it into several.")
        if name_bytes > MAX_NAMES:
            raise DataError(f"{path} holds more than {MAX_NAMES:,} bytes of file names; no set of images does.")
        name, reason = _name_of(entry.name)
        reason = reason or entry.reason
        if reason is None and entry.size > limits.member_bytes:
            reason = f"is {entry.size:,} bytes; up to {limits.member_bytes:,} are read"
        if reason is None:
            other = taken.setdefault(name.casefold(), name)
            if other is not name:
                reason = "its name is there already" if other == name else f"its name clashes with {other}"
        if reason is not None:
            listing.skipped.append(Skipped(name, reason))
            continue
        total_bytes += entry.size
        if total_bytes > limits.total_bytes:
            raise DataError(f"{path} announces more than {limits.total_bytes:,} bytes of files; split it into several.")
        listing.members.append(Member(name, entry.size, entry.place))
    return listing


def _name_of(raw: bytes) -> tuple[str, str | None]:
    """The name in printable form, and the reason why it cannot be used."""
    if len(raw) > MAX_NAME:
        return raw[:80].decode("utf-8", "backslashreplace") + "...", f"its name is {len(raw):,} bytes long"
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        return _escaped(raw.decode("utf-8", "backslashreplace")), "its name is not UTF-8"
    if _CONTROL.search(name):
        return _escaped(name), "its name holds control characters"
    if "\\" in name:
        return name, "its name holds a backslash"
    if name.startswith("/") or _DRIVE.match(name):
        return name, "its name is an absolute path"
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if not parts or ".." in parts:
        return name, "its name leads out of the archive" if parts else "it has no name"
    if is_system(parts[-1]) or "__MACOSX" in parts:
        return name, SYSTEM
    return "/".join(parts), None


def _escaped(name: str) -> str:
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", name)
