"""What is known already of real images: kept in the cache by everything it depends on, and computed again if damaged.

A file is found by its key, and holds key and SHA-256 of its content besides: what a disk, an editor or another version
changed is computed anew and written over. Never pickle: arrays are safetensors, numbers JSON.
"""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from gansmith import metrics
from gansmith.data.datasets.catalog import cache_folder
from gansmith.errors import DiskError
from gansmith.system.atomic import write_atomically
from gansmith.system.untrusted import read_plain

MOST_BYTES = 2**33
"""Bytes of a kept file that are read."""

Arrays = dict[str, np.ndarray]


def key_of(*facts: object) -> str:
    """SHA-256 of what a result depends on, this code's own measures and feature networks included."""
    return hashlib.sha256(json.dumps([_code(), *facts]).encode()).hexdigest()


def kept_arrays(key: str, make: Callable[[], Arrays]) -> Arrays:
    """The arrays of this key, computed if they are not there, or not as they were written."""
    return load(_kept(key, "safetensors", lambda: save(make()), _is_safetensors))


def kept_values(key: str, make: Callable[[], Any]) -> Any:
    """The plain data of this key, likewise."""
    return json.loads(_kept(key, "json", lambda: json.dumps(make()).encode(), lambda content: True))


def _kept(key: str, suffix: str, make: Callable[[], bytes], fits: Callable[[bytes], bool]) -> bytes:
    """Where the cache cannot be written, nothing is kept: it only saves time."""
    file = cache_folder() / "evaluations" / f"{key[:32]}.{suffix}"
    content = _read(file, key)
    if content is None or not fits(content):
        content = make()
        with suppress(DiskError, OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(file, _seal(key, content) + content)
    return content


def _read(file: Path, key: str) -> bytes | None:
    """None for what is not there or is not what was written."""
    try:
        data = read_plain(file, MOST_BYTES)
    except (OSError, ValueError):
        return None
    content = data[len(_seal(key, b"")) :]
    return content if data.startswith(_seal(key, content)) else None


def _seal(key: str, content: bytes) -> bytes:
    """The first line of a kept file."""
    return f"{key} {hashlib.sha256(content).hexdigest()}\n".encode()


def _is_safetensors(content: bytes) -> bool:
    try:
        load(content)
    except SafetensorError:
        return False
    return True


@cache
def _code() -> str:
    """SHA-256 of the files of `gansmith.metrics`: a changed measure meets no value of the old one."""
    digest = hashlib.sha256()
    for file in sorted(Path(metrics.__path__[0]).glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()
