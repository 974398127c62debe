"""What a running training is asked for, by signals and by files; the loop obeys between two steps.

SIGINT and SIGTERM, or the file control/stop in the run folder, make it save and leave; a second of these signals leaves
at once. SIGUSR1 or control/save make it save and go on, control/sample draws a grid.
"""

import signal
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

STOP, SAVE, SAMPLE = "stop", "save", "sample"

LOOK_EVERY = 0.25
"""Seconds between two looks at the folder: on a network it may be slow."""


@dataclass(slots=True)
class Requests:
    """What was asked for and has not been handed to the loop yet."""

    control: Path
    """The folder of the files that ask."""
    exit_code: int = 128 + signal.SIGTERM
    """What the process leaves with after a stop."""
    _asked: set[str] = field(default_factory=set)
    _looked: float = float("-inf")

    def ask(self, what: str) -> None:
        """Ask for "stop", "save" or "sample"; a signal handler may do so at any moment."""
        self._asked.add(what)

    def take(self) -> set[str]:
        """What was asked for since the last call."""
        if time.monotonic() - self._looked >= LOOK_EVERY:
            self._looked = time.monotonic()
            self._asked |= {what for what in (STOP, SAVE, SAMPLE) if _removed(self.control / what)}
        # One signal handler may run between any two lines: it then adds to the set that is about to be returned.
        # A stop is never taken back: a loop that begins again after a roll-back stops at once.
        asked, self._asked = self._asked, self._asked & {STOP}
        return asked


@contextmanager
def listening(control: Path) -> Generator[Requests]:
    """Catch the signals while the context lasts, and forget what the folder asked for before.

    Outside the main thread no signal can be caught; the files work there too.
    """
    control.mkdir(exist_ok=True)
    for what in (STOP, SAVE, SAMPLE):
        _removed(control / what)
    requests, stopping = Requests(control), False

    def stop(signum: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        if stopping:
            signal.signal(signum, signal.SIG_DFL)
            signal.raise_signal(signum)
        stopping, requests.exit_code = True, 128 + signum
        requests.ask(STOP)

    def save(_signum: int, _frame: FrameType | None) -> None:
        requests.ask(SAVE)

    if threading.current_thread() is not threading.main_thread():
        yield requests
        return
    handlers = {signal.SIGINT: stop, signal.SIGTERM: stop, signal.SIGUSR1: save}
    before = {signum: signal.signal(signum, handler) for signum, handler in handlers.items()}
    try:
        yield requests
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _removed(file: Path) -> bool:
    """Whether the file was there; it is not any more."""
    try:
        file.unlink()
    except OSError:  # mostly: there is none
        return False
    return True
