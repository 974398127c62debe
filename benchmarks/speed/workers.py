"""Processes that do a few steps when asked to and sleep in between, so that several ways can take turns."""

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
PEERS = ROOT / "benchmarks" / "peers"
THREAD_SETTINGS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
"""Left out of the workers' environment: each framework takes all cores, as it does for its users."""
TICKS = os.sysconf("SC_CLK_TCK")


class WorkerError(Exception):
    """A worker died or did not answer in time; the text has the end of what it wrote."""


class Worker:
    """A script of `peers/` with its arguments, in a process of its own."""

    def __init__(
        self, script: str, arguments: Sequence[str], python: Path | str = sys.executable, timeout: float = 900
    ):
        self.name, self.timeout = " ".join([script, *arguments]), timeout
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        environment = {name: value for name, value in os.environ.items() if name not in THREAD_SETTINGS}
        self._process = subprocess.Popen(
            [python, PEERS / script, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment | {"PYTHONPATH": str(ROOT)},
        )
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._process.stdout, selectors.EVENT_READ)
        self._unread = b""

    def hello(self) -> dict:
        """What the worker says of itself once it is ready; to be read first."""
        return self._answer()

    def run(self, steps: int) -> dict:
        """Seconds of so many steps, and the process's largest resident memory so far."""
        try:
            self._process.stdin.write(b"%d\n" % steps)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._failure("died") from None
        return self._answer()

    def processor_seconds(self) -> float:
        """Processor time that the process has used so far, over all its threads."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def stop(self) -> None:
        """End the process."""
        self._selector.close()
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def _answer(self) -> dict:
        deadline = time.monotonic() + self.timeout
        while b"\n" not in self._unread:
            if not self._selector.select(max(deadline - time.monotonic(), 0)):
                raise self._failure(f"did not answer within {self.timeout:.0f} s")
            chunk = os.read(self._process.stdout.fileno(), 1 << 16)
            if not chunk:
                raise self._failure("died")
            self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        return json.loads(line)

    def _failure(self, what: str) -> WorkerError:
        self._process.kill()
        self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace")
        return WorkerError(f"{self.name} {what}; the end of what it wrote:\n{said[-3000:]}")
