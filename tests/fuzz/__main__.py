"""Fuzz the readers: `python -m tests.fuzz [TARGET ...] [--seconds 300]`, needs atheris.

Each target runs in a process of its own for so many seconds of processor time. A finding is any exception but the
documented one, more than a second of processor time for one input, more than 300 MB taken at once, or the end of the
process. Its input is kept in .fuzz/TARGET/findings/ and the corpus in .fuzz/TARGET/corpus/, from which the next run
goes on. Writes fuzz.json into benchmarks/results/.
"""

import argparse
import hashlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
KEPT = ROOT / ".fuzz"

MAX_SECONDS = 1.0
"""For one input; processor time, so that a busy machine is no finding."""

MAX_BYTES = 300 << 20
ADDRESS_SPACE = 1 << 30
"""Beyond what the process has when it begins: a size believed from a header is found even when never touched."""

_PAGE = resource.getpagesize()


def main() -> None:
    parser = argparse.ArgumentParser(prog="fuzz")
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        fuzz(options.targets[0], options.seconds)
    else:
        fuzz_all(options.targets, options.seconds)


def fuzz_all(names: list[str], seconds: int) -> None:
    """Each target in turn; the file of results keeps what it says of others."""
    from gansmith.system.machine import describe_machine
    from tests.fuzz.targets import TARGETS

    file = RESULTS / "fuzz.json"
    found = []
    for name in names or TARGETS:
        result = fuzz_apart(name, seconds)
        found += result["findings"]
        sys.stdout.write(f"{name:<14} {json.dumps(result)}\n")
        sys.stdout.flush()
        results = (json.loads(file.read_text())["targets"] if file.is_file() else {}) | {name: result}
        whole = {
            "machine": describe_machine(),
            "atheris": version("atheris"),
            "limits": {"processor_seconds": MAX_SECONDS, "bytes_taken_at_once": MAX_BYTES},
            "targets": {known: results[known] for known in TARGETS if known in results},
        }
        file.write_text(json.dumps(whole, indent=1) + "\n")
    if found:
        sys.exit(f"the inputs of the findings are in {KEPT}")


def fuzz_apart(name: str, seconds: int) -> dict[str, Any]:
    """One target in a process of its own, and what came of it."""
    findings = KEPT / name / "findings"
    findings.mkdir(parents=True, exist_ok=True)
    before = set(findings.glob("*.txt"))
    command = [sys.executable, "-m", "tests.fuzz", name, "--seconds", str(seconds), "--inside"]
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=memory if memory.is_dir() else None) as place:
        ended = subprocess.run(
            command, cwd=place, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, errors="replace"
        )
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - used
    (KEPT / name / "log.txt").write_text(ended.stdout + ended.stderr)
    found = [file.read_text().splitlines()[-1] for file in sorted(set(findings.glob("*.txt")) - before)]
    if ended.returncode:
        found.append(f"the process ended with {ended.returncode}, see .fuzz/{name}/log.txt")
    covered = re.findall(r"cov: (\d+) ft: (\d+)", ended.stderr)
    executions = re.search(r"number_of_executed_units: (\d+)", ended.stderr)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor_seconds": round(used),
        "executions": int(executions[1]) if executions else None,
        "edges": int(covered[-1][0]) if covered else None,
        "features": int(covered[-1][1]) if covered else None,
        "findings": found,
    }


def fuzz(name: str, seconds: int) -> None:
    """Runs inside the process, in a folder of its own, and never returns, as libFuzzer ends it."""
    import atheris

    with atheris.instrument_imports(include=["gansmith", "tomllib", "PIL"]):
        from tests.fuzz.targets import MAX_SEED, TARGETS
    target = TARGETS[name]
    corpus, findings = KEPT / name / "corpus", KEPT / name / "findings"
    corpus.mkdir(parents=True, exist_ok=True)
    checked = watch(target.read, target.refusal, findings)
    end = time.process_time() + seconds

    def until_the_end(content: bytes) -> None:
        checked(content)
        if time.process_time() > end:
            os.kill(os.getpid(), signal.SIGUSR1)  # libFuzzer's sign to say what it did and leave

    for seed in target.begin():
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
        checked(seed)  # once outside, so that what is loaded late is there
    limit = pages("size") + ADDRESS_SPACE
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    flags = ["-timeout=60", "-rss_limit_mb=0", "-print_final_stats=1", "-len_control=20", f"-max_len={MAX_SEED}"]
    atheris.Setup([sys.argv[0], str(corpus), *flags, f"-artifact_prefix={findings}/"], until_the_end)
    atheris.Fuzz()


def watch(read: Callable[[bytes], object], refusal: type[Exception], findings: Path) -> Callable[[bytes], None]:
    """`read` within its limits. The first input of each kind of finding is kept with its traceback."""
    kinds: set[str] = set()

    def keep(kind: str, content: bytes, text: str) -> None:
        if kind not in kinds:
            kinds.add(kind)
            place = findings / hashlib.sha256(content).hexdigest()[:16]
            place.write_bytes(content)
            place.with_suffix(".txt").write_text(text)

    def checked(content: bytes) -> None:
        resident, peak, began = pages("resident"), peak_bytes(), time.process_time()
        try:
            read(content)
        except refusal:
            pass
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            keep(f"{type(error).__name__} {last.filename}:{last.lineno}", content, traceback.format_exc().rstrip())
        if (seconds := time.process_time() - began) > MAX_SECONDS:
            keep("slow", content, f"took {seconds:.1f} s")
        if peak_bytes() > peak and (taken := peak_bytes() - resident) > MAX_BYTES:
            keep("large", content, f"took {taken:,} bytes")

    return checked


def pages(what: str) -> int:
    """Bytes of this process, from Linux's /proc."""
    return int(Path("/proc/self/statm").read_text().split()[("size", "resident").index(what)]) * _PAGE


def peak_bytes() -> int:
    """The most that has ever been resident."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


if __name__ == "__main__":
    main()
