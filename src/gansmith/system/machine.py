"""What a run ran on: written beside every number, because numbers depend on it."""

import os
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from gansmith.version import __version__

_HELD = "/sys/fs/cgroup/memory.stat"

PACKAGES = ("torch", "numpy", "pillow", "safetensors", "pydantic")


def describe_machine() -> dict[str, str | int]:
    """Processor, cores, memory, operating system, Python and the versions of the packages that decide results."""
    facts: dict[str, str | int] = {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": sys.version.split()[0],
    }
    return facts | versions()


def available_memory() -> int:
    """Bytes that can be had without swapping: what the system says, or what is left of a container's limit."""
    known = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    if found := re.search(r"^MemAvailable: +(\d+) kB$", _text("/proc/meminfo"), re.M):
        known.append(int(found[1]) * 1024)
    limit, held = _text("/sys/fs/cgroup/memory.max").strip(), re.search(r"^anon (\d+)$", _text(_HELD), re.M)
    if limit.isdecimal():  # else it is "max", or there is none
        known.append(max(int(limit) - (int(held[1]) if held else 0), 0))
    return min(known)


def _text(file: str) -> str:
    """The file's text; nothing where it is not there, as on other systems than Linux."""
    try:
        return Path(file).read_text()
    except OSError:
        return ""


def versions() -> dict[str, str]:
    """Of gansmith and of the packages that decide results."""
    found = {"gansmith": __version__}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    return found


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
