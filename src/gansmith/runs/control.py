"""Requests to a running training, by signals and by files; the loop obeys them between two steps.

SIGINT, SIGTERM, SIGHUP or the file control/stop in the run folder save and stop; a second SIGINT or SIGTERM stops at
once. SIGHUP says that the terminal is gone: it may come twice, and under nohup it is ignored. SIGUSR1 or control/save
saves and goes on; control/sample draws a grid of samples.

Ctrl-C: the handler here notes STOP; the loop (training/loop.py) saves a checkpoint before its next step and returns;
the session marks the run as stopped, writes its report and raises Interrupted; the command exits with 130.
"""

import signal
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from gansmith.system.processes import HANGUP_SIGNAL, SAVE_SIGNAL

STOP = "stop"
"""Request to save and stop."""
SAVE = "save"
"""Request to save and go on."""
SAMPLE = "sample"
"""Request to draw a grid of samples."""
LOOK_EVERY = 0.25
"""Seconds between two looks at the folder, which is slow on a network."""


@dataclass(slots=True)
class Requests:
    """The requests that the loop has not taken yet."""

    control: Path
    """The folder of the request files."""
    exit_code: int = 128 + signal.SIGTERM
    """Exit code of the process after a stop."""
    _pending: set[str] = field(default_factory=set)
    _last_look: float = float("-inf")

    def ask(self, request: str) -> None:
        """Add a request; a signal handler may do so at any moment."""
        self._pending.add(request)

    def take(self) -> set[str]:
        """The requests since the last call."""
        if time.monotonic() - self._last_look >= LOOK_EVERY:
            self._last_look = time.monotonic()
            self._pending |= {request for request in (STOP, SAVE, SAMPLE) if _remove_if_there(self.control / request)}
        # A signal handler may run between any two lines: it then adds to the set that is about to be returned.
        # A stop is never taken back: a loop that begins again after a roll-back stops at once.
        taken, self._pending = self._pending, self._pending & {STOP}
        return taken


@contextmanager
def listening(control: Path) -> Generator[Requests]:
    """Catch the signals while the context lasts; requests from before it are forgotten.

    Signals cannot be caught outside the main thread; request files work in every thread.
    """
    control.mkdir(exist_ok=True)
    for request in (STOP, SAVE, SAMPLE):
        _remove_if_there(control / request)
    requests, stopping = Requests(control), False

    def stop(signum: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        if stopping and signum != HANGUP_SIGNAL:
            signal.signal(signum, signal.SIG_DFL)
            signal.raise_signal(signum)
        if not stopping:
            stopping, requests.exit_code = True, 128 + signum
        requests.ask(STOP)

    def save(_signum: int, _frame: FrameType | None) -> None:
        requests.ask(SAVE)

    if threading.current_thread() is not threading.main_thread():
        yield requests
        return
    handlers = {signal.SIGINT: stop, signal.SIGTERM: stop} | ({SAVE_SIGNAL: save} if SAVE_SIGNAL else {})
    if HANGUP_SIGNAL and signal.getsignal(HANGUP_SIGNAL) is not signal.SIG_IGN:
        handlers[HANGUP_SIGNAL] = stop
    before = {signum: signal.signal(signum, handler) for signum, handler in handlers.items()}
    try:
        yield requests
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _remove_if_there(file: Path) -> bool:
    """Whether there was such a file, which is removed."""
    try:
        file.unlink()
    except OSError:  # usually because there is none
        return False
    return True
