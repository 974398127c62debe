"""SHA-256 of files, remembered so that unchanged files are not read again."""

import hashlib
import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from gansmith.data.datasets.catalog import cache_folder
from gansmith.errors import DiskError
from gansmith.system.atomic import write_atomically

_SETTLED = 2.0
"""Age in seconds from which a file's time of change is trusted: the clocks of file systems are coarse."""
_Memo = dict[str, tuple[int, int, str]]
"""Size, time of change in nanoseconds, and SHA-256 of each file by name."""


def file_hash(file: Path) -> str:
    """The SHA-256 of one file, see `file_hashes`."""
    return file_hashes(file, [""])[0]


def file_hashes(root: Path, names: Sequence[str]) -> list[str]:
    """The SHA-256 of each file below the folder `root`; '' for one that cannot be read.

    A file whose size and time of change are those of the last call is not read. One memo in the cache for each `root`;
    where it cannot be written, nothing is remembered.
    """
    memo = cache_folder() / "memos" / f"{hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:32]}.json"
    known, now = _read_memo(memo), time.time_ns()
    hashes, remembered = [], {}
    for name in names:
        size, changed = _size_and_time(root / name)
        *before, digest = known.get(name, (None, None, ""))
        if before != [size, changed]:
            digest = _sha256(root / name)
        if digest and now - changed > _SETTLED * 1e9:
            remembered[name] = (size, changed, digest)
        hashes.append(digest)
    if remembered != known:
        _write_memo(memo, remembered)
    return hashes


def _size_and_time(file: Path) -> tuple[int, int]:
    try:
        status = file.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _sha256(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return ""


def _read_memo(memo: Path) -> _Memo:
    """The memo of the last call; empty if it is damaged, since it only saves time."""
    try:
        content = json.loads(memo.read_bytes())
        return {name: (int(size), int(changed), str(digest)) for name, (size, changed, digest) in content.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _write_memo(memo: Path, remembered: _Memo) -> None:
    """Write the memo whole or not at all; two processes may do so at once."""
    with suppress(OSError, DiskError):
        memo.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(memo, json.dumps(remembered))
