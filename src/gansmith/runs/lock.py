"""One writer for each run: its `.lock` says who is training it."""

import shlex
from collections.abc import Generator
from contextlib import ExitStack, contextmanager

from gansmith.errors import DiskError, LockedError
from gansmith.runs.run import Run
from gansmith.system.locks import TakenError, hold_lock, is_held


@contextmanager
def only_writer(run: Run) -> Generator[list[str]]:
    """Hold the run's `.lock` while the context lasts; yields a note for the user if the last writer was killed.

    Raises LockedError when another process holds the lock, DiskError when the folder cannot be written, and UsageError
    when a file or folder that the run writes to is a link.
    """
    path = run.path / ".lock"
    run.check_no_links()
    with ExitStack() as held:
        try:
            holder = held.enter_context(hold_lock(path))
        except TakenError as taken:
            otherwise = "" if taken.certain else f", or delete {path} if that process is gone"
            stop = shlex.quote(str(run.control / "stop"))
            raise LockedError(
                f"{run.path} is being trained by {taken}; wait for its end, stop it with: touch {stop}{otherwise}."
            ) from None
        except OSError as error:
            raise DiskError(f"{path} cannot be written: {error.strerror}.") from error
        yield [f"took over the lock of {holder.describe()}, which is gone"] if holder else []


def has_writer(run: Run) -> bool:
    """Whether a process may be writing the run; the lock itself is not tried."""
    return is_held(run.path / ".lock")
