"""Files that are complete or absent, even after a crash: written, brought to disk, and only then named.

A file or folder gets its name when all of it is on disk (fsync), and then the folder that holds the name is synced as
well. What is being written is called `.unfinished-...`; a kill leaves such a leftover and nothing else.
"""

import errno
import os
import secrets
import shutil
import sys
from pathlib import Path

from gansmith.errors import DiskError
from gansmith.system.untrusted import open_no_link

UNFINISHED = ".unfinished-"
"""The beginning of the names of unfinished files and folders."""
COMMITTED = "COMMITTED"
"""Name of the marker in a folder that could not be renamed."""
NOT_YET = b"not\n"
"""The marker while files are copied or removed."""
YES = b"yes\n"
"""The marker while the folder is complete; as long as `NOT_YET`, so that one is written over the other at once."""
REFUSED = (errno.EXDEV, errno.EPERM, errno.ENOSYS, errno.ENOTSUP)
"""The errors of file systems that cannot rename."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_BINARY = getattr(os, "O_BINARY", 0)
"""The flag that keeps Windows from changing line ends; 0 elsewhere."""
_NO_SYNC = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)
"""The errors of file systems that cannot sync a folder; they are ignored."""


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader sees the old content or the new one, never half of either; power cuts included.

    The mode is the old file's, or the usual one. Where the file system cannot rename, the new content is written over
    the old once all of it is on disk beside it. Raises DiskError; the old file then stays.
    """
    data = content.encode() if isinstance(content, str) else content
    unfinished = unfinished_name(path)
    try:
        try:
            write_new(unfinished, data, mode=path.lstat().st_mode & 0o777 if path.is_file() else None)
            try:
                unfinished.replace(path)
            except OSError as error:
                if error.errno not in REFUSED:
                    raise
                _write_over(path, data)
        finally:
            unfinished.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(str(path), path.parent, len(data), error) from error


def write_new(path: Path, data: bytes, mode: int | None = None) -> None:
    """Write a new file and bring it to disk. Raises OSError, also if it exists."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
    try:
        if mode is not None and hasattr(os, "fchmod"):
            os.fchmod(descriptor, mode)
        _write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Bring the content of a file to disk, if it exists. Raises OSError."""
    if path.is_file():
        _sync(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)


def sync_folder(path: Path) -> None:
    """Bring the names in a folder to disk. Raises OSError."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows, which opens no folders
        return
    try:
        _sync(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


def move_folder(source: Path, target: Path) -> None:
    """Give a folder of files, all on disk, another name in its parent, where `target` is not there. Raises OSError.

    Where the file system cannot rename, the files are copied under the marker COMMITTED, and the source is removed
    under that marker last: one of the two is whole at every moment, and nothing half is taken for whole.
    """
    try:
        source.rename(target)
    except OSError as error:
        if error.errno not in REFUSED:
            raise
        try:
            _copy_folder(source, target)
        except OSError:
            shutil.rmtree(target, ignore_errors=True)
            raise
        _remove_in_place(source)
    sync_folder(target.parent)


def remove_folder(folder: Path) -> None:
    """Rename a folder, then remove it: a kill leaves a leftover, but no half folder. Raises OSError."""
    if folder.is_symlink():
        folder.unlink()
        return
    doomed = unfinished_name(folder)
    try:
        folder.rename(doomed)
    except OSError as error:
        if error.errno not in REFUSED:
            raise
        _remove_in_place(folder)
    else:
        shutil.rmtree(doomed)


def remove_leftovers(folder: Path) -> None:
    """Remove unfinished files that a kill left in a folder. Only the folder's writer may call this. Raises OSError."""
    for leftover in folder.glob(f"{UNFINISHED}*") if folder.is_dir() else ():
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()


def unfinished_name(path: Path) -> Path:
    """A new name beside `path`, for a file or folder until it is complete."""
    return path.with_name(f"{UNFINISHED}{secrets.token_hex(4)}-{path.name}"[:255])


def cannot_write(what: str, place: Path, needed: int, error: OSError) -> DiskError:
    """The error for a failed write: the reason, and on a full disk the needed and the free bytes."""
    why = f"{what} cannot be written: {error.strerror or error}"
    if error.errno not in _NO_ROOM:
        return DiskError(f"{why}.")
    try:
        free = f"{shutil.disk_usage(place).free:,} are free there"
    except OSError:
        free = "the free space there is unknown"
    return DiskError(f"{why}; it needs {needed:,} bytes, {free}.")


def _copy_folder(source: Path, target: Path) -> None:
    target.mkdir()
    write_new(target / COMMITTED, NOT_YET)
    sync_folder(target)
    for file in sorted(source.iterdir()):
        if file.is_file() and not file.is_symlink() and file.name != COMMITTED:
            write_new(target / file.name, file.read_bytes())
    sync_folder(target)
    _write_over(target / COMMITTED, YES)


def _remove_in_place(folder: Path) -> None:
    """Remove a folder that cannot be renamed; its marker is NOT_YET from the first moment to the last."""
    marker = folder / COMMITTED
    _write_over(marker, NOT_YET)
    sync_folder(folder)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path != marker:
            path.unlink()
    shutil.rmtree(folder)


def _write_over(path: Path, data: bytes) -> None:
    """Write over a file in place; the rest of the old content is cut off last."""
    descriptor = open_no_link(path, os.O_WRONLY | os.O_CREAT)
    try:
        _write_all(descriptor, data)
        os.ftruncate(descriptor, len(data))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
