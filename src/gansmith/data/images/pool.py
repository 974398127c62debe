"""Decoding in worker processes: an image that crashes, hangs or needs too much memory is lost, but not the run.

The processes speak over pipes and share nothing. Not `multiprocessing`: it would run a user's unguarded script again.
"""

import shlex
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from queue import SimpleQueue
from typing import Any, Self

import numpy as np

from gansmith.data.images.budget import BASE, Budget
from gansmith.data.images.decode import DecodedImage, dropped
from gansmith.data.images.levels import Levels, Span
from gansmith.data.images.resize import ImageShape
from gansmith.errors import UsageError
from gansmith.system.machine import num_cores
from gansmith.system.processes import read_frame, start_worker, worker_command, write_frame

TIMEOUT = 30.0
"""Seconds that decoding an image may take."""
_BATCH = 32
"""Largest number of files that a process is given at once."""
_BATCH_BYTES = 1 << 20
"""About the largest number of bytes that a process is given at once."""

_WORKER = "gansmith.data.images.worker"

_DOUBLINGS = 5
"""How often the number of files given at once doubles from 1."""
_START_TIMEOUT = 120.0
"""Seconds that a process may take to start."""
_WATCH_EVERY = 0.05
"""Seconds between two looks at the deadlines."""


@dataclass(frozen=True, slots=True)
class Job:
    """A file to decode: its name and its bytes, or the reason why it has none."""

    name: str
    content: bytes | None
    reason: str = ""


MOST_WORKERS = 1024
"""Decode processes, at most."""


class Decoders:
    """Decode processes, one for each core by default, for as long as the `with` statement lasts."""

    def __init__(self, num: int | None = None, timeout: float = TIMEOUT):
        if num is not None and not 1 <= num <= MOST_WORKERS:
            raise UsageError(f"workers {num} must be 1 to {MOST_WORKERS}.")
        self._num, self._timeout = num or num_cores(), timeout
        self._processes = [_Process(timeout) for _ in range(self._num)]
        self._free: SimpleQueue[_Process] = SimpleQueue()
        for process in self._processes:
            self._free.put(process)
        self._threads = ThreadPoolExecutor(self._num, thread_name_prefix="decode")
        self._stopping = threading.Event()
        self._watchdog = threading.Thread(target=self._watch, daemon=True)

    def decode(
        self,
        jobs: Iterable[Job],
        shape: ImageShape | None = None,
        levels: Levels | None = None,
        budget: Budget | None = None,
    ) -> Iterator[DecodedImage]:
        """The decoded images in the order of `jobs`, for any number of processes.

        `jobs` is read in the caller's thread, a few files ahead. Images that cost more than is left of the `budget`
        are not decoded; the caller spends it.
        """

        def request() -> dict[str, Any]:
            return _request(shape, levels, budget.left if budget else BASE)

        return self._in_order(jobs, shape, request)

    def measure(self, jobs: Iterable[Job], budget: Budget) -> Iterator[DecodedImage]:
        """An outcome for each job, with the span of images of more than 8 bits; the caller spends the budget."""
        return self._in_order(jobs, None, lambda: _request(most_excess=budget.left, measure=True))

    def _in_order(
        self, jobs: Iterable[Job], shape: ImageShape | None, request: Callable[[], dict[str, Any]]
    ) -> Iterator[DecodedImage]:
        ahead: deque[Future[list[DecodedImage]]] = deque()
        try:
            for batch in self._batches(jobs, shape):
                ahead.append(self._threads.submit(self._decode_batch, batch, shape, request()))
                if len(ahead) > 2 * self._num:
                    yield from ahead.popleft().result()
            while ahead:
                yield from ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()

    def _batches(self, jobs: Iterable[Job], shape: ImageShape | None) -> Iterator[list[Job]]:
        """One file at first, so that every process has work soon, then twice as many each time.

        A request costs more than a small file.
        """
        most = max(1, min(_BATCH, _BATCH_BYTES // (shape.bytes_per_image if shape else 1)))
        batch: list[Job] = []
        size, number = 0, 0
        for job in jobs:
            batch.append(job)
            size += len(job.content or b"")
            if len(batch) >= min(most, 1 << min(number // self._num, _DOUBLINGS)) or size >= _BATCH_BYTES:
                yield batch
                batch, size, number = [], 0, number + 1
        if batch:
            yield batch

    def _decode_batch(self, batch: list[Job], shape: ImageShape | None, request: dict[str, Any]) -> list[DecodedImage]:
        """Files of a lost request are decoded one by one, so that only the culprit is lost."""
        files = [(job.name, job.content) for job in batch if job.content]
        process = self._free.get()
        try:
            try:
                found = process.decode(files, shape, request) if files else []
            except _LostError as lost:
                one_by_one = [process.decode_one(file, shape, request) for file in files] if files[1:] else []
                found = one_by_one or [dropped(str(lost))]
        finally:
            self._free.put(process)
        decoded = iter(found)
        return [next(decoded) if job.content else dropped(job.reason or "zero bytes") for job in batch]

    def _watch(self) -> None:
        while not self._stopping.wait(_WATCH_EVERY):
            for process in self._processes:
                process.kill_if_late()

    def __enter__(self) -> Self:
        self._watchdog.start()
        return self

    def __exit__(self, *_: object) -> None:
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

    def decode(
        self, files: list[tuple[str, bytes]], shape: ImageShape | None, request: dict[str, Any]
    ) -> list[DecodedImage]:
        """Decode in the process. Raises _LostError, with the reason, if it does not answer."""
        header = {
            **request,
            "files": [(name, len(content)) for name, content in files],
            "seconds": 2 * self._timeout + 1,
        }
        most = len(files) * shape.bytes_per_image if shape else 0
        process = self._started()
        self._set_deadline(self._timeout)
        try:
            write_frame(process.stdin, header, b"".join(content for _, content in files))  # pyrefly: ignore[bad-argument-type]
            answer = read_frame(process.stdout, max_content=most)  # pyrefly: ignore[bad-argument-type]
            images = None if answer is None else _parse_answer(*answer, len(files), shape)
        except (OSError, ValueError):  # the process is gone, or the pipe was closed under us
            images = None
        late = self._set_deadline(None)
        if images is None or late:
            self._end()
            raise _LostError("decoder hung" if late else "decoder crashed")
        return images

    def decode_one(self, file: tuple[str, bytes], shape: ImageShape | None, request: dict[str, Any]) -> DecodedImage:
        """The image; dropped if it is the one that the process was lost to."""
        try:
            return self.decode([file], shape, request)[0]
        except _LostError as lost:
            return dropped(str(lost))

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
            process = self._process = start_worker(_WORKER)
        self._set_deadline(_START_TIMEOUT)
        ready = read_frame(process.stdout)  # pyrefly: ignore[bad-argument-type]
        late = self._set_deadline(None)
        if ready is None or late:
            self._end()
            raise RuntimeError(f"a decode process does not start; try: {shlex.join(worker_command(_WORKER))}")
        return process

    def _set_deadline(self, seconds: float | None) -> bool:
        """Set or lift the deadline; returns whether the last one was missed."""
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


class _LostError(Exception):
    """The process ended, or had to be ended."""


def _request(
    shape: ImageShape | None = None, levels: Levels | None = None, most_excess: int = BASE, *, measure: bool = False
) -> dict[str, Any]:
    """What a process is asked to do with files: decode them, or measure them only."""
    return {
        "shape": asdict(shape) if shape else None,
        "levels": asdict(levels) if levels else None,
        "most_excess": most_excess,
        "measure": measure,
    }


def _parse_answer(answer: dict[str, Any], content: bytes, num: int, shape: ImageShape | None) -> list[DecodedImage]:
    """The images in an answer. Raises ValueError for anything else: a file may have taken over the process."""
    images, start = [], 0
    try:
        for sent in answer["images"]:
            known: dict[str, Any] = {**sent, "reasons": tuple(sent["reasons"]), "pixels": None}
            known["span"] = Span(**sent["span"]) if sent.get("span") else None
            if shape and sent["outcome"] != "dropped":
                end = start + shape.bytes_per_image
                pixels = np.frombuffer(content[start:end], np.uint8)
                known["pixels"] = pixels.reshape(shape.channels, shape.height, shape.width)
                start = end
            images.append(DecodedImage(**known))
    except (TypeError, KeyError) as error:
        raise ValueError("the answer holds no images") from error
    if len(images) != num or start != len(content):
        raise ValueError(f"the answer holds {len(images)} images and not {num}, or pixels of others")
    return images
