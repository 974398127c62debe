"""The files of a folder, and the reason for each that cannot be read. Links are followed, but never in circles."""

import os
from pathlib import Path

from gansmith.data.archives.members import SYSTEM, Listing, Member, Skipped, is_system
from gansmith.data.formats.parquet import SUFFIX as TABLE_SUFFIX


def list_folder(folder: Path, member_bytes: int) -> Listing:
    """Every file below a folder, sorted; no folder is read twice.

    Files larger than `member_bytes` are skipped, but for tables, which are not read whole. Bytes of names that are not
    UTF-8 are surrogates.
    """
    walk = _Walk(folder, member_bytes)
    walk.listing.members.sort(key=lambda member: member.name.split("/"))
    walk.listing.skipped.sort(key=lambda skipped: skipped.name)
    return walk.listing


class _Walk:
    """Collects a folder's files. Linked folders come last and no folder twice, so links may go in circles."""

    def __init__(self, root: Path, member_bytes: int):
        self.listing = Listing(members=[], skipped=[])
        self._root, self._member_bytes = root, member_bytes
        self._visited = {_identity(place) for place in root.resolve().parents}
        waiting = [""]
        while waiting:
            links: list[str] = []
            for start in waiting:
                self._walk(start, links)
            waiting = sorted(links)

    def _walk(self, start: str, links: list[str]) -> None:
        """Everything below the folder `start`; links to folders are added to `links`."""
        folders = [start]
        while folders:
            name = folders.pop()
            try:
                identity = _identity(self._root / name)
                found = sorted(os.scandir(self._root / name), key=lambda item: item.name)
            except OSError as error:
                self._skip(name, f"cannot be listed ({error.strerror})")
                continue
            if identity in self._visited:
                self._skip(name, "is a link to a folder that is read already or lies above")
                continue
            self._visited.add(identity)
            for item in found:
                self._sort(item, f"{name}/{item.name}" if name else item.name, folders, links)

    def _sort(self, item: os.DirEntry[str], name: str, folders: list[str], links: list[str]) -> None:
        try:
            if is_system(item.name):
                self._skip(name, SYSTEM)
            elif item.is_dir():
                (links if item.is_symlink() else folders).append(name)
            elif not item.is_file():
                self._skip(name, "is a broken link" if item.is_symlink() else "is a device or a pipe")
            elif (size := item.stat().st_size) > self._member_bytes and not name.endswith(TABLE_SUFFIX):
                self._skip(name, f"is {size:,} bytes; up to {self._member_bytes:,} are read")
            else:
                self.listing.members.append(Member(name, size))
        except OSError as error:  # a link to itself
            self._skip(name, f"cannot be read ({error.strerror})")

    def _skip(self, name: str, reason: str) -> None:
        self.listing.skipped.append(Skipped(name, reason))


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino
