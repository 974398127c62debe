"""Ctrl-C and SIGTERM set a flag that the loop reads between steps; a second one leaves at once."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class StopRequest:
    """Which signal asked the run to stop, if any."""

    signum: int | None = None


@contextmanager
def stop_on_signals() -> Generator[StopRequest]:
    """Catch SIGINT and SIGTERM while the context lasts. Outside the main thread nothing can be caught."""
    request = StopRequest()

    def ask(signum: int, _frame: FrameType | None) -> None:
        if request.signum is not None:
            signal.signal(signum, signal.SIG_DFL)
            signal.raise_signal(signum)
        request.signum = signum

    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {signum: signal.signal(signum, ask) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
