"""Folders, zip and tar files, read in place: which files they hold, and each one's bytes. Nothing is ever unpacked."""

from collections.abc import Callable
from contextlib import ExitStack
from io import BufferedIOBase
from pathlib import Path
from types import TracebackType
from typing import Self

from gansmith.data.archives.folder import list_folder
from gansmith.data.archives.inflate import Reader, open_reader
from gansmith.data.archives.members import Limits, Listing, Member, Skipped, check_members
from gansmith.data.archives.tar import is_tar, tar_entries
from gansmith.data.archives.zip import MAGICS, read_zip_member, zip_entries
from gansmith.data.images.types import SUFFIXES, begins_as_image
from gansmith.errors import DataError

_OTHERS = {b"7z\xbc\xaf\x27\x1c": "7-Zip", b"Rar!\x1a\x07": "RAR", b"\x28\xb5\x2f\xfd": "Zstandard"}


class Archive:
    """What a folder, a zip file or a tar file holds, for as long as its `with` statement lasts.

    `members` can be read, in the archive's order (a folder's: sorted); `skipped` cannot, each with the reason. Together
    they are every file there is.
    """

    def __init__(self, path: Path, listing: Listing, read: Callable[[Member], bytes], files: ExitStack):
        self.path = path
        self.members: list[Member] = listing.members
        self.skipped: list[Skipped] = listing.skipped
        self._read, self._files = read, files

    def read(self, member: Member) -> bytes:
        """The `member.size` bytes of one of `members`.

        Raises DataError, naming it, when it is damaged or no longer what it was. In a compressed tar, reading in order
        inflates the file once; going back starts it again.
        """
        try:
            return self._read(member)
        except OSError as error:
            raise DataError(f"{self.path}: {member.name} cannot be read ({error.strerror}).") from error

    def close(self) -> None:
        """Close the file; no member can be read any more."""
        self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_archive(path: Path, limits: Limits | None = None) -> Archive:
    """List a folder, a .zip or a .tar (.gz, .bz2, .xz), recognised by its content; nothing is written.

    Names that lead elsewhere, links, devices, encrypted or hidden files, doubles and files of over
    `limits.member_bytes` are skipped one by one; in a folder, links are followed. Raises DataError when the whole is
    missing, damaged, of another kind, past the other `limits`, or a bomb (more than `inflate.MAX_RATIO` times its
    size).
    """
    limits = limits or Limits()
    try:
        if path.is_dir():
            return _open_folder(path, limits)
        with ExitStack() as files:
            file = files.enter_context(path.open("rb"))
            start = file.read(12)
            if not start.startswith(MAGICS):
                return _open_tar(file, path, limits, start, files.pop_all())
            listing = check_members(zip_entries(file, path, limits.members), path, limits)
            return Archive(path, listing, lambda member: read_zip_member(file, path, member), files.pop_all())
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).") from error


def _open_tar(file: BufferedIOBase, path: Path, limits: Limits, start: bytes, files: ExitStack) -> Archive:
    with files:
        if not is_tar(open_reader(file, path).read(512)):
            if begins_as_image(start) or path.suffix.lower() in SUFFIXES:
                raise DataError(f"{path} is one image; give the folder that holds it.")
            other = next((name for magic, name in _OTHERS.items() if start.startswith(magic)), None)
            first = start[:6].hex() or "nothing"
            what = f"a {other} file" if other else f"no known archive (it starts with {first})"
            raise DataError(f"{path} is {what}; give a folder, a .zip, a .tar (.gz, .bz2, .xz) or a .parquet file.")
        entries = tar_entries(open_reader(file, path), path, 3 * limits.members)
        listing = check_members(entries, path, limits)
        return Archive(path, listing, _TarContent(file, path).read, files.pop_all())


class _TarContent:
    """The bytes of a tar's members; it goes forward as long as it can."""

    def __init__(self, file: BufferedIOBase, path: Path):
        self._file, self._path = file, path
        self._reader: Reader = open_reader(file, path)

    def read(self, member: Member) -> bytes:
        (start,) = member.place
        if start < self._reader.position:
            self._reader = open_reader(self._file, self._path)
        self._reader.skip(start - self._reader.position)
        content = bytes(self._reader.read(member.size))
        if len(content) < member.size:
            raise DataError(f"{self._path} ends inside {member.name}; it has changed since it was listed.")
        return content


def _open_folder(folder: Path, limits: Limits) -> Archive:
    def read(member: Member) -> bytes:
        with (folder / member.name).open("rb") as file:
            content = file.read(member.size + 1)
        if len(content) != member.size:
            raise DataError(f"{folder / member.name} is no longer {member.size:,} bytes; start again.")
        return content

    return Archive(folder, list_folder(folder, limits.member_bytes), read, ExitStack())
