"""The machine and the versions that a run used: written beside every number, because numbers depend on them."""

import os
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from gansmith.version import __version__

PACKAGES = ("torch", "numpy", "pillow", "safetensors", "pydantic")


def describe_machine() -> dict[str, str | int]:
    """Processor, cores, memory, operating system, Python and the versions of the packages that decide results."""
    facts: dict[str, str | int] = {
        "processor": _processor(),
        "cores": num_cores(),
        "memory_gib": round((total_memory() or 0) / 2**30),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": sys.version.split()[0],
    }
    return facts | versions()


def num_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def total_memory() -> int | None:
    """Bytes of memory of the machine; None where the system does not tell, as on Windows."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else None


def available_memory() -> int:
    """Bytes that can be used without swapping, or that a container's limit leaves; without end where none is known."""
    known = [total_memory() or sys.maxsize]
    if found := re.search(r"^MemAvailable: +(\d+) kB$", _read_text("/proc/meminfo"), re.M):
        known.append(int(found[1]) * 1024)
    limit = _read_text("/sys/fs/cgroup/memory.max").strip()
    held = re.search(r"^anon (\d+)$", _read_text("/sys/fs/cgroup/memory.stat"), re.M)
    if limit.isdecimal():  # else it is "max", or there is none
        known.append(max(int(limit) - (int(held[1]) if held else 0), 0))
    return min(known)


def _read_text(file: str) -> str:
    """The text of a file; empty if it does not exist, as on systems other than Linux."""
    try:
        return Path(file).read_text(encoding="utf-8")
    except OSError:
        return ""


def versions() -> dict[str, str]:
    """The versions of gansmith and of the packages that decide results."""
    found = {"gansmith": __version__}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    return found


def _processor() -> str:
    named = re.search(r"^model name[^:\n]*:(.*)$", _read_text("/proc/cpuinfo"), re.M)
    return named[1].strip() if named else platform.processor() or platform.machine()
