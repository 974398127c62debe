"""How processes of our own are started, and what those need that read files nobody vouches for."""

import os
import sys
from pathlib import Path


def worker_command(module: str, *arguments: str) -> list[str]:
    """What runs one of our modules. -P: it imports none from the current folder, where anybody's files may lie."""
    return [sys.executable, "-P", "-m", module, *arguments]


def worker_environment(threads: int = 1) -> dict[str, str]:
    """This process's, with gansmith found where it was found here, and so many threads: processes share the cores."""
    source = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join([source, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}


def limit_memory(most: int) -> None:
    """Let this process have `most` bytes of address space and leave no core file; does nothing on Windows."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
