"""Keeps features and values of real images between calls, under a key made of everything that they depend on.

A file holds its key and the SHA-256 of its content; a damaged file, or one written for another key, is computed again
and overwritten. Nothing is pickled: arrays are safetensors, numbers are JSON.
"""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from gansmith.data.datasets.catalog import cache_folder
from gansmith.errors import DiskError
from gansmith.system.atomic import write_atomically
from gansmith.system.untrusted import read_plain

NUMBERS_VERSION = 1
"""The version of all numbers that `gansmith.features` and `gansmith.metrics` compute.

Raise it by one in every change that changes a number, so that no number computed before is read from a cache;
tests/unit/evaluation/test_evaluation_numbers.py fails as a reminder.
"""
MOST_BYTES = 2**33
"""Largest size in bytes of a cached file that is read."""

Arrays = dict[str, np.ndarray]


def key_of(*dependencies: object) -> str:
    """SHA-256 of what a result depends on, and of `NUMBERS_VERSION`."""
    return hashlib.sha256(json.dumps([NUMBERS_VERSION, *dependencies]).encode()).hexdigest()


def cached_arrays(key: str, make: Callable[[], Arrays]) -> Arrays:
    """The arrays cached under this key; computed by `make` if the file is missing or damaged."""
    return _cached(key, "safetensors", lambda: save(make()), load)


def cached_values(key: str, make: Callable[[], Any]) -> Any:
    """The plain data cached under this key; computed by `make` if the file is missing or damaged."""
    return _cached(key, "json", lambda: json.dumps(make()).encode(), json.loads)


def _cached(key: str, suffix: str, make: Callable[[], bytes], parse: Callable[[bytes], Any]) -> Any:
    """What a cached file holds. A cache that cannot be written is no error: it only saves time."""
    file = cache_folder() / "evaluations" / f"{key[:32]}.{suffix}"
    if (content := _read_intact(file, key)) is not None:
        with suppress(SafetensorError, ValueError):
            return parse(content)
    content = make()
    with suppress(DiskError, OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, _first_line(key, content) + content)
    return parse(content)


def _read_intact(file: Path, key: str) -> bytes | None:
    """The content of a cached file, or None if the file is missing or is not what was written for this key."""
    try:
        data = read_plain(file, MOST_BYTES)
    except (OSError, ValueError):
        return None
    content = data[len(_first_line(key, b"")) :]
    return content if data.startswith(_first_line(key, content)) else None


def _first_line(key: str, content: bytes) -> bytes:
    """The first line of a cached file: the key and the SHA-256 of the content."""
    return f"{key} {hashlib.sha256(content).hexdigest()}\n".encode()
