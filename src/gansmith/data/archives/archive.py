"""Folders, zip and tar files, read in place: which files they hold, and each one's bytes. Nothing is ever unpacked."""

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from io import BufferedIOBase
from pathlib import Path

from gansmith.data.archives.folder import list_folder
from gansmith.data.archives.inflate import Reader, open_reader
from gansmith.data.archives.kinds import START, no_archive
from gansmith.data.archives.members import Limits, Listing, Member, Skipped, check_members
from gansmith.data.archives.tar import is_tar, tar_entries
from gansmith.data.archives.zip import MAGICS, read_zip_member, zip_entries
from gansmith.errors import DataError
from gansmith.text import printable


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """What a folder, a zip file or a tar file holds; can be read while the `with` statement of `open_archive` lasts.

    `members` can be read, in the archive's order (a folder's: sorted); `skipped` cannot, each with the reason. Together
    they are every file there is.
    """

    path: Path
    members: list[Member]
    skipped: list[Skipped]
    read_member: Callable[[Member], bytes]

    def read(self, member: Member) -> bytes:
        """The `member.size` bytes of one of `members`.

        Raises DataError, naming it, when it is damaged or no longer what it was. In a compressed tar, reading in order
        inflates the file once; going back starts it again.
        """
        try:
            return self.read_member(member)
        except OSError as error:
            raise DataError(f"{self.path}: {printable(member.name)} cannot be read ({error.strerror}).") from error


@contextmanager
def open_archive(path: Path, limits: Limits | None = None, listing: Listing | None = None) -> Generator[Archive]:
    """List a folder, a .zip or a .tar (.gz, .bz2, .xz), recognised by its content; nothing is written.

    `listing` is that of an earlier call. Links that lead out of a tar, devices, encrypted or hidden files, doubles and
    files of over `limits.member_bytes` are skipped one by one; in a folder, links are followed. Raises DataError when
    the whole is missing, damaged, of another kind, past the other `limits`, or a bomb (more than `inflate.MAX_RATIO`
    times its size).
    """
    limits = limits or Limits()
    with ExitStack() as files:
        try:
            if path.is_dir():
                listing, read = listing or list_folder(path, limits.member_bytes), partial(_read_file, path)
            else:
                file = files.enter_context(path.open("rb"))
                start = file.read(START)
                if start.startswith(MAGICS):
                    listing = listing or check_members(zip_entries(file, path, limits.members), path, limits)
                    read = partial(read_zip_member, file, path)
                else:
                    if not is_tar(open_reader(file, path).read(512)):
                        raise no_archive(path, start)
                    listing = listing or _list_tar(file, path, limits)
                    read = _TarContent(file, path).read
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror}).") from error
        yield Archive(path=path, members=listing.members, skipped=listing.skipped, read_member=read)


def is_archive(path: Path) -> bool:
    """Whether a file is a zip or a tar file, by its content; a compressed file that is damaged may be one."""
    try:
        with path.open("rb") as file:
            start = file.read(START)
            return start.startswith(MAGICS) or is_tar(open_reader(file, path).read(512))
    except OSError:
        return False
    except DataError:
        return True


def _list_tar(file: BufferedIOBase, path: Path, limits: Limits) -> Listing:
    entries = tar_entries(open_reader(file, path), path, 3 * limits.members)
    return check_members(entries, path, limits)


def _read_file(folder: Path, member: Member) -> bytes:
    with (folder / member.name).open("rb") as file:
        content = file.read(member.size + 1)
    if len(content) != member.size:
        raise DataError(f"{folder / member.name} is no longer {member.size:,} bytes; start again.")
    return content


class _TarContent:
    """The bytes of a tar's members; it goes forward as long as it can, and keeps the last for links to it."""

    def __init__(self, file: BufferedIOBase, path: Path):
        self._file, self._path = file, path
        self._reader: Reader = open_reader(file, path)
        self._last: tuple[tuple[int, ...], bytes] | None = None

    def read(self, member: Member) -> bytes:
        if self._last and self._last[0] == member.place:
            return self._last[1]
        (start,) = member.place
        if start < self._reader.position:
            self._reader = open_reader(self._file, self._path)
        self._reader.skip(start - self._reader.position)
        content = bytes(self._reader.read(member.size))
        if len(content) < member.size:
            raise DataError(f"{self._path} ends inside {printable(member.name)}; it has changed since it was listed.")
        self._last = member.place, content
        return content
