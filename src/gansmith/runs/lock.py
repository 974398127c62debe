"""One writer for each run: a lock that the system releases when its holder dies, and that says who holds it."""

import errno
import fcntl
import json
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from gansmith.errors import DiskError, LockedError
from gansmith.runs.run import Run, utc_now
from gansmith.system.untrusted import parse_json, read_plain

_MOST_PID = 2**31
_TAKEN = (errno.EWOULDBLOCK, errno.EACCES)


@contextmanager
def only_writer(run: Run) -> Generator[list[str]]:
    """Hold the run's `.lock` while the context lasts; what the user should know of a lock that was left behind.

    The file is locked with flock, which ends with the process, and holds pid, host and start of its holder. Where the
    file system has no flock, the process that the file names counts as the holder while it lives; one on another host
    counts as alive. Raises LockedError when another process holds the lock, and
    UsageError when a file or folder that the run writes to is a link.
    """
    path = run.path / ".lock"
    run.check_no_links()
    try:
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise DiskError(f"{path} cannot be written: {error.strerror}.") from error
    with file:
        locked = _flock(file)
        file.seek(0)
        holder = _holder(file.read())
        if locked is False or (locked is None and holder and _may_live(holder)):
            raise LockedError(_sentence(run, path, holder, sure=locked is False))
        _write(file, json.dumps(_me()))
        try:
            yield [f"took over the lock of {_named(holder)}, which is gone"] if holder else []
        finally:
            _write(file, "")


def has_writer(run: Run) -> bool:
    """Whether the process that a run's lock names may be at work; it is not looked for with a lock of one's own.

    The lock of a run that ended is empty, and that of a run that was killed names a process that is gone.
    """
    try:
        holder = _holder(read_plain(run.path / ".lock"))
    except (OSError, ValueError):
        return False
    return holder is not None and _may_live(holder)


def _flock(file: TextIO) -> bool | None:
    """Whether the lock is ours now; None where the file system has none."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in _TAKEN else None
    return True


def _me() -> dict[str, Any]:
    pid = os.getpid()
    return {"pid": pid, "host": socket.gethostname(), "started": _started(pid), "since": utc_now()}


def _started(pid: int) -> int | None:
    """When the process started, in the kernel's ticks: tells it from a later one with its number. None if unknown."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def _may_live(holder: dict[str, Any]) -> bool:
    if holder["host"] != socket.gethostname():
        return True
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        pass
    return holder["started"] == _started(holder["pid"])


def _holder(text: str | bytes) -> dict[str, Any] | None:
    """Who holds the lock or held it last; None when the file is empty or was cut short."""
    try:
        holder = parse_json(text)
    except ValueError:
        return None
    known = isinstance(holder, dict) and isinstance(holder.get("pid"), int) and 0 < holder["pid"] < _MOST_PID
    return {"host": "", "started": None, "since": "", **holder} if known else None


def _write(file: TextIO, content: str) -> None:
    file.truncate(0)
    file.write(content)
    file.flush()


def _named(holder: dict[str, Any]) -> str:
    return f"process {holder['pid']} on {holder['host']}, at work since {holder['since']}"


def _sentence(run: Run, path: Path, holder: dict[str, Any] | None, *, sure: bool) -> str:
    who = _named(holder) if holder else "another process"
    otherwise = "" if sure else f", or delete {path} if that process is gone"
    stop = run.control / "stop"
    return f"{run.path} is being trained by {who}; wait for its end, stop it with: touch {stop}{otherwise}."
