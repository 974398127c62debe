"""Decoding in processes of their own: one that crashes, hangs or wants too much memory loses one image, not the run.

The processes speak over pipes and share nothing. Not `multiprocessing`: it would run a user's unguarded script again.
"""

import shlex
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self

import numpy as np

from gansmith.data.images.decode import DecodedImage, dropped
from gansmith.data.images.resize import ImageShape
from gansmith.system.machine import num_cores
from gansmith.system.processes import read_frame, start_worker, worker_command, write_frame

TIMEOUT = 30.0
"""Seconds an image may take."""

_BATCH, _BATCH_BYTES = 32, 1 << 20
"""Files, and about how many bytes of them, that a process is given at once."""

_WORKER = "gansmith.data.images.worker"

_DOUBLINGS = 5
_START_TIMEOUT = 120.0
_WATCH_EVERY = 0.05


@dataclass(frozen=True, slots=True)
class Job:
    """A file to decode: its name and its bytes, or the reason why there are none."""

    name: str
    content: bytes | None
    reason: str = ""


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

    def decode(self, jobs: Iterable[Job], wanted: ImageShape | None = None) -> Iterator[DecodedImage]:
        """What became of each file, in the order of `jobs`, whatever the number of processes.

        `jobs` is read in the caller's thread, a few files ahead.
        """
        ahead: deque[Future[list[DecodedImage]]] = deque()
        try:
            for batch in self._batches(jobs, wanted):
                ahead.append(self._threads.submit(self._decode_batch, batch, wanted))
                if len(ahead) > 2 * self._num:
                    yield from ahead.popleft().result()
            while ahead:
                yield from ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()

    def _batches(self, jobs: Iterable[Job], wanted: ImageShape | None) -> Iterator[list[Job]]:
        """One file at first, so that every process has work soon, then twice as many each time.

        Asking costs more than a small file.
        """
        most = max(1, min(_BATCH, _BATCH_BYTES // (wanted.bytes_per_image if wanted else 1)))
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

    def _decode_batch(self, batch: list[Job], wanted: ImageShape | None) -> list[DecodedImage]:
        """Files that were lost together are tried one by one, so that only the culprit is lost."""
        files = [(job.name, job.content) for job in batch if job.content]
        process = self._free.get()
        try:
            try:
                found = process.decode(files, wanted) if files else []
            except _LostError as lost:
                found = [process.decode_one(file, wanted) for file in files] if files[1:] else [dropped(str(lost))]
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

    def decode(self, files: list[tuple[str, bytes]], wanted: ImageShape | None) -> list[DecodedImage]:
        """Ask the process. Raises _LostError, with the reason, when it did not answer."""
        request = {
            "files": [(name, len(content)) for name, content in files],
            "wanted": asdict(wanted) if wanted else None,
            "seconds": 2 * self._timeout + 1,
        }
        most = len(files) * wanted.bytes_per_image if wanted else 0
        process = self._started()
        self._set_deadline(self._timeout)
        try:
            write_frame(process.stdin, request, b"".join(content for _, content in files))  # pyrefly: ignore[bad-argument-type]
            answer = read_frame(process.stdout, max_content=most)  # pyrefly: ignore[bad-argument-type]
            images = None if answer is None else _images(*answer, len(files), wanted)
        except (OSError, ValueError):  # the process is gone, or the pipe was closed under us
            images = None
        late = self._set_deadline(None)
        if images is None or late:
            self._end()
            raise _LostError("decoder hung" if late else "decoder crashed")
        return images

    def decode_one(self, file: tuple[str, bytes], wanted: ImageShape | None) -> DecodedImage:
        """The image, dropped when it is what the process was lost to."""
        try:
            return self.decode([file], wanted)[0]
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


class _LostError(Exception):
    """The process ended, or had to be ended."""


def _images(answer: dict[str, Any], content: bytes, num: int, wanted: ImageShape | None) -> list[DecodedImage]:
    """The answer as images. Raises ValueError when it is none: the process may have been taken over by a file."""
    images, start = [], 0
    try:
        for facts in answer["images"]:
            known: dict[str, Any] = {**facts, "reasons": tuple(facts["reasons"]), "pixels": None}
            if wanted and facts["outcome"] != "dropped":
                end = start + wanted.bytes_per_image
                shape = (wanted.channels, wanted.height, wanted.width)
                known["pixels"] = np.frombuffer(content[start:end], np.uint8).reshape(shape)
                start = end
            images.append(DecodedImage(**known))
    except (TypeError, KeyError) as error:
        raise ValueError("the answer holds no images") from error
    if len(images) != num or start != len(content):
        raise ValueError(f"the answer holds {len(images)} images and not {num}, or pixels of others")
    return images
