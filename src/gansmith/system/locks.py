"""Locks between processes: the system releases one when its holder dies, and the lock file says who holds it.

The file is locked with flock, on Windows with LockFileEx. Where the file system has no such lock, the process that the
file names counts as the holder while it lives; a process on another host counts as alive.
"""

import json
import os
import socket
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Self

from gansmith.system.processes import is_alive, start_time
from gansmith.system.untrusted import open_no_link, parse_json, read_plain

_LARGEST_PID = 2**31


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """The process that a lock file names."""

    pid: int
    host: str = ""
    started: int | None = None
    """When the process started, see `processes.start_time`; tells it from a later process with its number."""
    since: str = ""
    """When it took the lock, in UTC, ISO 8601."""

    @classmethod
    def this_process(cls) -> Self:
        """The holder that this process is, from now on."""
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return cls(pid=os.getpid(), host=socket.gethostname(), started=start_time(os.getpid()), since=since)

    def describe(self) -> str:
        """Such as "process 12 on myhost, at work since 2026-11-29T11:55:49Z"."""
        return f"process {self.pid} on {self.host}, at work since {self.since}"

    def may_live(self) -> bool:
        """Whether the process may still run."""
        if self.host != socket.gethostname():
            return True
        return is_alive(self.pid) and self.started == start_time(self.pid)


class TakenError(Exception):
    """Another process holds the lock: `holder`, if the file names it. Not `certain` where only the file says so."""

    def __init__(self, holder: Holder | None, *, certain: bool):
        super().__init__(holder.describe() if holder else "another process")
        self.holder, self.certain = holder, certain


@contextmanager
def hold_lock(path: Path) -> Generator[Holder | None]:
    """Hold the lock on the file `path` while the context lasts; yields its last holder if that one was killed.

    The file stays, empty. Raises TakenError, and OSError when the file cannot be written.
    """
    with os.fdopen(open_no_link(path, os.O_RDWR | os.O_CREAT), "r+", encoding="utf-8", errors="replace") as file:
        locked = lock_file(file)
        holder = None if locked is False and sys.platform == "win32" else _parse_holder(file.read())
        if locked is False or (locked is None and holder and holder.may_live()):
            raise TakenError(holder, certain=locked is False)
        _write_text(file, json.dumps(asdict(Holder.this_process())))
        try:
            yield holder
        finally:
            _write_text(file, "")


def lock_file(file: IO, *, wait: bool = False) -> bool | None:
    """Lock an open file until it is closed: True if the lock is ours, False if another process holds it.

    None where the file system or Python has no such lock. With `wait`, another process is waited for.
    """
    from filelock import lock_descriptor

    try:
        return lock_descriptor(file.fileno(), blocking=wait)
    except OSError:
        return None


def is_held(path: Path) -> bool:
    """Whether the process that a lock file names may be at work; the lock itself is not tried.

    The file of a lock that was released is empty; that of a killed process names a process that is gone.
    """
    try:
        holder = _parse_holder(read_plain(path))
    except PermissionError:
        return sys.platform == "win32"  # where a locked file cannot be read
    except (OSError, ValueError):
        return False
    return holder is not None and holder.may_live()


def _parse_holder(text: str | bytes) -> Holder | None:
    """Who holds the lock or held it last; None when the file is empty, was cut short or holds anything else."""
    try:
        holder = Holder(**parse_json(text))
    except (ValueError, TypeError):
        return None
    return holder if type(holder.pid) is int and 0 < holder.pid < _LARGEST_PID else None


def _write_text(file: IO[str], text: str) -> None:
    file.seek(0)
    file.truncate()
    file.write(text)
    file.flush()
