"""Processes of our own: how they are started, spoken to and limited, and which processes are alive.

A worker reads frames on stdin and writes frames to stdout. A frame is two big-endian 32-bit lengths, a JSON header and
raw bytes.
"""

import json
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, BinaryIO

Frame = tuple[dict[str, Any], bytes]
"""A JSON header, and bytes."""
SAVE_SIGNAL: signal.Signals | None = getattr(signal, "SIGUSR1", None)
"""The signal that asks a training to save; None on Windows, which has none to spare."""
HANGUP_SIGNAL: signal.Signals | None = getattr(signal, "SIGHUP", None)
"""The signal that the terminal of a process is gone; None on Windows."""

_LENGTHS = struct.Struct(">II")


def worker_command(module: str, *arguments: str) -> list[str]:
    """The command that runs one of our modules. With -P it imports nothing from the current folder."""
    return [sys.executable, "-P", "-m", module, *arguments]


def worker_environment(threads: int = 1) -> dict[str, str]:
    """This process's environment for a worker that imports this gansmith and uses so many threads."""
    source = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join([source, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}


def start_worker(module: str) -> subprocess.Popen[bytes]:
    """A worker that answers frames until its stdin is closed. Ctrl-C does not reach it: whoever started it ends it."""
    return subprocess.Popen(  # noqa: S603 - our own module
        worker_command(module),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # libtiff writes its warnings there
        env=worker_environment(),
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )


def call_worker(
    module: str, *arguments: str, content: bytes | IO[bytes], timeout: float, threads: int = 1
) -> subprocess.CompletedProcess[bytes]:
    """Run one of our modules with this content, or this file, as its stdin; its stdout and stderr are kept.

    Raises subprocess.TimeoutExpired.
    """
    given: dict[str, Any] = {"input": content} if isinstance(content, bytes) else {"stdin": content}
    return subprocess.run(  # noqa: S603 - our own module
        worker_command(module, *arguments),
        **given,
        capture_output=True,
        timeout=timeout,
        env=worker_environment(threads),
        check=False,
    )


def watch_worker(
    module: str, *arguments: str, content: bytes, timeout: float, threads: int, on_line: Callable[[bytes], None]
) -> subprocess.CompletedProcess[bytes]:
    """As `call_worker`, but `on_line` is given each line of stdout as it comes.

    Raises subprocess.TimeoutExpired.
    """
    command, is_late = worker_command(module, *arguments), threading.Event()
    process = subprocess.Popen(  # noqa: S603 - our own module
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=worker_environment(threads),
    )
    assert process.stdin
    assert process.stdout
    assert process.stderr

    def end() -> None:
        is_late.set()
        process.kill()

    # Threads, for a pipe holds 64 KiB: a worker that waits to be read from, or for more, must not wait for us.
    timer, lines = threading.Timer(timeout, end), []
    with process, ThreadPoolExecutor(2) as both:
        timer.start()
        try:
            both.submit(_give, process.stdin, content)
            errors = both.submit(process.stderr.read)
            for line in process.stdout:
                lines.append(line)
                on_line(line)
            process.wait()
        finally:  # whatever interrupts us ends the worker too
            timer.cancel()
            process.kill()
    if is_late.is_set():
        raise subprocess.TimeoutExpired(command, timeout)
    return subprocess.CompletedProcess(command, process.returncode, b"".join(lines), errors.result())


def _give(file: IO[bytes], content: bytes) -> None:
    with suppress(BrokenPipeError), file:  # a worker that died says why on stderr
        file.write(content)


def write_frame(file: BinaryIO, header: dict[str, Any], content: bytes) -> None:
    """Send one frame."""
    encoded = json.dumps(header).encode()
    file.write(_LENGTHS.pack(len(encoded), len(content)) + encoded)
    file.write(content)
    file.flush()


def read_frame(file: BinaryIO, max_header: int = 1 << 20, max_content: int = 1 << 30) -> Frame | None:
    """The next frame; None when the other side is gone or announces more bytes than may be read."""
    lengths = file.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    header_length, content_length = _LENGTHS.unpack(lengths)
    if header_length > max_header or content_length > max_content:
        return None
    header, content = file.read(header_length), file.read(content_length)
    if len(header) < header_length or len(content) < content_length:
        return None
    return json.loads(header), content


def limit_memory(most: int) -> None:
    """Limit this process to `most` bytes of address space, without a core file; does nothing on Windows."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit_time(seconds: float) -> None:
    """End this process after so many seconds, even inside C code; 0 lifts the limit. Does nothing on Windows."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def peak_process_memory() -> int:
    """The most bytes that this process held at any moment, libraries included; 0 on Windows, which is not asked."""
    try:
        import resource
    except ImportError:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def is_alive(pid: int) -> bool:
    """Whether a process has this number; on Windows True, since asking would end it."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's process
        pass
    return True


def start_time(pid: int) -> int | None:
    """When a process started, in the kernel's ticks; None where there is no /proc."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None
