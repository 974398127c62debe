"""Decoding in processes of their own: one that crashes, hangs or wants too much memory loses one picture, not the run.

The processes speak over pipes and share nothing. Not `multiprocessing`: it would run a user's unguarded script again.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self

import numpy as np

from gansmith.data.decode import Picture, dropped
from gansmith.data.decode_worker import read_frame, write_frame
from gansmith.data.fit import Wanted

TIMEOUT = 30.0
"""Seconds a picture may take."""

_START_TIMEOUT = 120.0
_WATCH_EVERY = 0.05


@dataclass(frozen=True, slots=True)
class Job:
    """A file to decode: its name and its bytes, or the reason why there are none."""

    name: str
    content: bytes | None
    reason: str = ""


def num_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Decoders:
    """A number of decode processes, for as long as its `with` statement lasts."""

    def __init__(self, num: int | None = None, timeout: float = TIMEOUT):
        self._num, self._timeout = max(1, num or num_cores()), timeout
        self._processes = [_Process(timeout) for _ in range(self._num)]
        self._free: SimpleQueue[_Process] = SimpleQueue()
        for process in self._processes:
            self._free.put(process)
        self._threads = ThreadPoolExecutor(self._num, thread_name_prefix="decode")
        self._stopping = threading.Event()
        self._watchdog = threading.Thread(target=self._watch, daemon=True)

    def decode(self, jobs: Iterable[Job], wanted: Wanted | None = None) -> Iterator[Picture]:
        """What became of each file, in the order of `jobs`, whatever the number of processes.

        `jobs` is read in the caller's thread, a few files ahead.
        """
        ahead: deque[Future[Picture]] = deque()
        try:
            for job in jobs:
                ahead.append(self._threads.submit(self._decode_one, job, wanted))
                if len(ahead) > 2 * self._num:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()

    def _decode_one(self, job: Job, wanted: Wanted | None) -> Picture:
        if job.content is None:
            return dropped(job.reason)
        if not job.content:
            return dropped("zero bytes")
        process = self._free.get()
        try:
            return process.decode(job.name, job.content, wanted)
        finally:
            self._free.put(process)

    def _watch(self) -> None:
        while not self._stopping.wait(_WATCH_EVERY):
            for process in self._processes:
                process.kill_if_late()

    def __enter__(self) -> Self:
        self._watchdog.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.stop()
        self._threads.shutdown(cancel_futures=True)
        self._stopping.set()
        self._watchdog.join()


class _Process:
    """One decode process, started when first needed and again after it was lost."""

    def __init__(self, timeout: float):
        self._timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._deadline: float | None = None
        self._late = self._stopped = False
        self._lock = threading.Lock()

    def decode(self, name: str, content: bytes, wanted: Wanted | None) -> Picture:
        """Ask the process; whatever goes wrong with it costs this picture only."""
        request = {"name": name, "wanted": asdict(wanted) if wanted else None, "seconds": 2 * self._timeout + 1}
        most = wanted.bytes_per_picture if wanted else 0
        process = self._started()
        self._set_deadline(self._timeout)
        try:
            write_frame(process.stdin, request, content)  # pyrefly: ignore[bad-argument-type]
            answer = read_frame(process.stdout, max_content=most)  # pyrefly: ignore[bad-argument-type]
            picture = None if answer is None else _picture(*answer, wanted)
        except (OSError, ValueError):  # the process is gone, or the pipe was closed under us
            picture = None
        late = self._set_deadline(None)
        if picture is None or late:
            self._end()
            return dropped("decoder hung" if late else "decoder crashed")
        return picture

    def kill_if_late(self) -> None:
        """Called by the watchdog."""
        with self._lock:
            if self._process and self._deadline is not None and time.monotonic() > self._deadline:
                self._late, self._deadline = True, None
                self._process.kill()

    def stop(self) -> None:
        """End the process for good."""
        with self._lock:
            self._stopped = True
            if self._process:
                self._process.kill()
        self._end()

    def _started(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._stopped:
                raise RuntimeError("the decode processes have been stopped.")
            if self._process is not None:
                return self._process
            process = self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "gansmith.data.decode_worker"],  # -P: no module from the current folder
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # libtiff writes its warnings there
                env=_environment(),
                start_new_session=True,  # Ctrl-C goes to the parent only, which ends the process in order
            )
        self._set_deadline(_START_TIMEOUT)
        ready = read_frame(process.stdout)  # pyrefly: ignore[bad-argument-type]
        late = self._set_deadline(None)
        if ready is None or late:
            self._end()
            raise RuntimeError(f"a decode process does not start; try: {sys.executable} -m gansmith.data.decode_worker")
        return process

    def _set_deadline(self, seconds: float | None) -> bool:
        """Set or lift the deadline; says whether the last one was passed."""
        with self._lock:
            late, self._late = self._late, False
            self._deadline = None if seconds is None else time.monotonic() + seconds
            return late

    def _end(self) -> None:
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            try:
                if pipe:
                    pipe.close()
            except OSError:  # bytes that were not sent yet have nowhere to go
                pass


def _picture(facts: dict[str, Any], content: bytes, wanted: Wanted | None) -> Picture:
    """The answer as a picture. Raises ValueError when it is not one: the process may have been taken over."""
    pixels = None
    if content and wanted:
        pixels = np.frombuffer(content, np.uint8).reshape(wanted.channels, wanted.height, wanted.width)
    try:
        known: dict[str, Any] = {**facts, "reasons": tuple(facts["reasons"]), "pixels": pixels}
        picture = Picture(**known)
    except (TypeError, KeyError) as error:
        raise ValueError(f"no picture: {json.dumps(facts)[:200]}") from error
    if wanted and pixels is None and picture.outcome != "dropped":
        raise ValueError("a picture without pixels")
    return picture


def _environment() -> dict[str, str]:
    """This process's, with gansmith found where it was found here, and one thread: the processes share the cores."""
    source = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join([source, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
