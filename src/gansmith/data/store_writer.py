"""Writes a store image by image, so that a set of any size fits and a killed process can continue.

Until it is published under its name, the store for OUT is `.unfinished-OUT` beside it: `images.npy` and `files.jsonl`
grow, and `progress.json` says how much of both is certain to be on the disk.
"""

import fcntl
import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np

from gansmith.data.store import FORMAT, publish
from gansmith.errors import DataError, DiskError

_EVERY = 512
"""Files between two notes of the progress."""

_CHUNK = 1 << 22


class DatasetWriter:
    """The unfinished store for `folder`, continued when it was begun with the same `key`.

    `done` files have been added, `kept` of them with pixels of `shape` (C, H, W). Raises DataError when another process
    is writing it, DiskError when there is no room for `most` images.
    """

    def __init__(self, folder: Path, key: str, shape: tuple[int, int, int], most: int):
        self._folder, self._key, self._shape = folder.absolute(), key, shape
        self._place = self._folder.parent / f".unfinished-{folder.name}"
        self._most, self._size = most, int(np.prod(shape))
        self.done = self.kept = 0
        try:
            self._open()
        except OSError as error:
            raise self._disk_error(error) from error

    def add(self, facts: dict[str, Any], pixels: np.ndarray | None) -> None:
        """Add the report on the next file and, unless it was dropped, its pixels."""
        try:
            if pixels is not None:
                assert pixels.shape == self._shape
                assert pixels.dtype == np.uint8
                data = pixels.tobytes()
                self._images.write(data)
                self._hash.update(data)
                self.kept += 1
            self._files.write(json.dumps(facts).encode() + b"\n")
            self.done += 1
            if self.done % _EVERY == 0:
                self._note_progress()
        except OSError as error:
            raise self._disk_error(error) from error

    def reports(self) -> Iterator[dict[str, Any]]:
        """What was added about each file so far, in order."""
        self._files.flush()
        with (self._place / "files.jsonl").open("rb") as lines:
            for line in lines:
                yield json.loads(line)

    def finish(self, labels: np.ndarray | None, about: dict[str, Any]) -> None:
        """Publish the store under its name, with `about` in its index."""
        try:
            self._note_progress()
            hashes = {"images": self._hash.hexdigest(), "files": _sha256(self._place / "files.jsonl")}
            if labels is not None:
                assert len(labels) == self.kept
                np.save(self._place / "labels.npy", labels)
                hashes["labels"] = hashlib.sha256(labels.tobytes()).hexdigest()
            self._images.seek(0)
            self._images.write(_header(self.kept, self._shape))
            index = {"format": FORMAT, "count": self.kept, "shape": list(self._shape), "sha256": hashes, **about}
            (self._place / "index.json").write_text(json.dumps(index, indent=1) + "\n")
            self._close()
            for file in ("progress.json", "lock"):
                (self._place / file).unlink()
            for file in self._place.iterdir():
                _sync(file)
            publish(self._place, self._folder)
            _sync(self._folder.parent)
        except OSError as error:
            raise self._disk_error(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if not self._images.closed:
                self._note_progress()
        except OSError:  # the error that led here says it, or the disk is full and the last note stands
            pass
        self._close()

    def _open(self) -> None:
        self._place.mkdir(parents=True, exist_ok=True)
        self._lock = (self._place / "lock").open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise DataError(f"{self._folder} is being written by another process; wait for it or stop it.") from None
        self._hash = hashlib.sha256()
        progress = self._read_progress()
        header = len(_header(0, self._shape))
        needed = (self._most - progress["kept"]) * self._size
        if shutil.disk_usage(self._place).free < needed:
            raise DiskError(f"{self._folder} needs {needed:,} bytes, more than its disk has free; make room first.")
        self._images = _open_at(self._place / "images.npy", header + progress["kept"] * self._size)
        self._files = _open_at(self._place / "files.jsonl", progress["files_bytes"])
        self.done, self.kept = progress["done"], progress["kept"]
        if not self.kept:
            self._images.seek(0)
            self._images.write(_header(0, self._shape))
        self._images.seek(header)
        while chunk := self._images.read(_CHUNK):
            self._hash.update(chunk)

    def _read_progress(self) -> dict[str, Any]:
        """Where to continue; from the start when the note is of another source or shape, or of more than is there."""
        start = {"done": 0, "kept": 0, "files_bytes": 0}
        try:
            progress = json.loads((self._place / "progress.json").read_text())
            images, files = ((self._place / name).stat().st_size for name in ("images.npy", "files.jsonl"))
            enough = images >= len(_header(0, self._shape)) + progress["kept"] * self._size
            if progress["key"] == self._key and enough and files >= progress["files_bytes"]:
                return progress
        except (OSError, ValueError, KeyError, TypeError):
            pass
        for stale in ("labels.npy", "index.json", "progress.json"):
            (self._place / stale).unlink(missing_ok=True)
        return start

    def _note_progress(self) -> None:
        """Images first, then the note: what it says is there after a power cut, too."""
        for file in (self._images, self._files):
            file.flush()
            os.fsync(file.fileno())
        note = {"key": self._key, "done": self.done, "kept": self.kept, "files_bytes": self._files.tell()}
        unfinished = self._place / "progress.tmp"
        unfinished.write_text(json.dumps(note))
        unfinished.replace(self._place / "progress.json")

    def _close(self) -> None:
        for file in (self._images, self._files, self._lock):
            file.close()

    def _disk_error(self, error: OSError) -> DiskError:
        return DiskError(
            f"the packed images ({self._most * self._size:,} bytes) cannot be written to {self._folder}: "
            f"{error.strerror}; make room or give another place, and the same command continues."
        )


def _open_at(file: Path, size: int) -> BinaryIO:
    """The file, created if need be, cut to `size`, to be read and written from its end."""
    opened = os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666), "r+b")
    opened.truncate(size)
    opened.seek(size)
    return opened


def _header(count: int, shape: tuple[int, int, int]) -> bytes:
    """The head of a .npy file of so many images; NumPy leaves room, so its length does not depend on the count."""
    buffer = io.BytesIO()
    facts = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
    np.lib.format.write_array_header_1_0(buffer, facts)
    return buffer.getvalue()


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
