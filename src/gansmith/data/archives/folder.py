"""The files of a folder, and the reason for each that cannot be read. Links are followed, but never in circles."""

import os
from pathlib import Path

from gansmith.data.archives.kinds import may_be_container
from gansmith.data.archives.members import FoundEntry, Listing, sort_entries, too_large
from gansmith.data.archives.names import SYSTEM, is_snapshot, is_system


def list_folder(folder: Path, member_bytes: int) -> Listing:
    """Every file below a folder, sorted; no folder is read twice.

    Files larger than `member_bytes` are skipped, but for tables and archives, which are not read whole. Bytes of names
    that are not UTF-8 are surrogates.
    """
    entries = _Walk(folder, member_bytes).entries
    entries.sort(key=lambda entry: entry.name.split("/"))
    listing = sort_entries(entries, max((entry.size for entry in entries), default=0))
    listing.skipped.sort(key=lambda skipped: skipped.name)
    return listing


class _Walk:
    """Collects a folder's files. Linked folders come last and no folder twice, so links may go in circles."""

    def __init__(self, root: Path, member_bytes: int):
        self.entries: list[FoundEntry] = []
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
                self._add(name, f"cannot be listed ({error.strerror})")
                continue
            if identity in self._visited:
                self._add(name, "is a link to a folder that is read already or lies above")
                continue
            self._visited.add(identity)
            for item in found:
                self._sort(item, f"{name}/{item.name}" if name else item.name, folders, links)

    def _sort(self, item: os.DirEntry[str], name: str, folders: list[str], links: list[str]) -> None:
        try:
            if item.is_dir():
                if is_snapshot(item.name):
                    self._add(name, SYSTEM)  # it holds everything again, many times
                elif not item.is_symlink():
                    folders.append(name)
                elif any(map(is_system, name.split("/"))):
                    self._add(name, "is a link to a folder")
                else:
                    links.append(name)
            elif not item.is_file():
                self._add(name, "is a broken link" if item.is_symlink() else "is a device or a pipe")
            else:
                size = item.stat().st_size
                self._add(name, None if may_be_container(name) else too_large(size, self._member_bytes), size)
        except OSError as error:  # a link to itself
            self._add(name, f"cannot be read ({error.strerror})")

    def _add(self, name: str, reason: str | None, size: int = 0) -> None:
        self.entries.append(FoundEntry(name, size, reason=reason))


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino
