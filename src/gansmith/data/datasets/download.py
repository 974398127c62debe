"""Downloads: a file appears only when it is complete and its checksum matches."""

import logging
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from gansmith.data.datasets.files import RemoteFile
from gansmith.data.datasets.http import PATIENCE, Continuing, FailedError, Patience, Progress, WrongError, content_md5
from gansmith.errors import DataError, DiskError
from gansmith.system.locks import TakenError, hold_lock
from gansmith.text import readable_size


def is_offline(offline: bool = False) -> bool:
    """Whether the network must not be used: `offline`, or $GANSMITH_OFFLINE is set to anything but 0."""
    return offline or os.environ.get("GANSMITH_OFFLINE", "0") not in ("", "0")


def fetch_file(
    remote: RemoteFile,
    folder: Path,
    *,
    offline: bool = False,
    progress: Progress | None = None,
    patience: Patience = PATIENCE,
) -> Path:
    """The path of `remote` in `folder`, downloaded from the first mirror that delivers it unless it is there already.

    A broken download stays as `<name>.part` and is continued the next time. Raises DataError when the file is missing
    and no mirror delivers it, or the network must not be used; DiskError when the folder cannot hold it.
    """
    target, part = folder / remote.name, folder / f"{remote.name}.part"
    if target.exists():
        if is_published(remote, target):
            return target
        raise DataError(
            f"{target} is not the published file (it has {target.stat().st_size:,} bytes, the published one "
            f"{remote.size:,}, or its checksum differs); move it away to download that one."
        )
    what = f"{remote.name} ({readable_size(remote.size)})"
    remedy = f"fetch it by other means and put it into {folder}"
    if is_offline(offline):
        raise DataError(f"{what} is not in {folder}, and the network is off (--offline or GANSMITH_OFFLINE); {remedy}.")
    if not remote.urls:
        raise DataError(f"{what} is not in {folder} and cannot be downloaded without a browser; {remedy}.")
    failures = []
    with _alone(part):
        needed, free = remote.size - part.stat().st_size, shutil.disk_usage(folder).free
        if free < needed:
            raise DiskError(f"{remote.name} needs {needed:,} more bytes, and {free:,} are free in {folder}.")
        for url in remote.urls:
            try:
                return _retrieve(url, target, Continuing(remote, part, patience, progress))
            except FailedError as failure:
                failures.append(f"{url} {failure}")
    kept = part.stat().st_size if part.exists() else 0
    again = f"repeat the command to continue after {readable_size(kept)}" if kept else "repeat the command later"
    raise DataError(f"{what} could not be downloaded: {'; '.join(failures)}. Either {again}, or {remedy}.")


def is_published(remote: RemoteFile, path: Path) -> bool:
    """Whether `path` is the published file, by its size and checksum."""
    import pooch

    if path.stat().st_size != remote.size:
        return False
    if remote.hash is None:
        return content_md5(path) is not None
    algorithm, _, digest = remote.hash.rpartition(":")
    return pooch.file_hash(str(path), algorithm or "sha256") == digest


def _retrieve(url: str, target: Path, downloader: Continuing) -> Path:
    """One mirror's file under its final name; once more from the start, when what was continued turns out wrong."""
    import pooch

    while True:
        try:
            with _quiet(pooch.get_logger()):
                pooch.retrieve(
                    url,
                    known_hash=downloader.remote.hash,
                    fname=target.name,
                    path=target.parent,
                    downloader=downloader,  # pyrefly: ignore[bad-argument-type]  its annotation misnames the arguments
                )
            return target
        except (WrongError, ValueError) as error:  # ValueError: pooch found another checksum, and removed the file
            if downloader.part.exists():
                os.truncate(downloader.part, 0)
            if not downloader.continued:
                raise WrongError(
                    str(error) if isinstance(error, WrongError) else "sent a file with a wrong checksum"
                ) from error


@contextmanager
def _alone(part: Path) -> Generator[None]:
    """With `part` written by this process alone; an empty one is removed in the end. An OSError becomes DiskError."""
    lock = part.with_name(f".{part.name}.lock")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        with hold_lock(lock):
            part.open("ab").close()
            try:
                yield
            finally:
                with suppress(OSError):
                    if not part.stat().st_size:
                        part.unlink()
                with suppress(OSError):  # Windows removes no file that is open
                    lock.unlink()
    except TakenError as taken:
        raise DataError(f"{part.stem} is being downloaded by another gansmith, {taken}; wait for it.") from None
    except OSError as error:
        raise DiskError(f"{part.parent} cannot be written ({error.strerror or error}).") from error


@contextmanager
def _quiet(logger: logging.Logger) -> Generator[None]:
    """Keep pooch from telling of every download on stderr; our own progress does that."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
