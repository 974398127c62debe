"""Writes a packed dataset image by image, so that any number of images fits and a killed process can continue.

Until it is complete, the dataset OUT is the folder `.unfinished-OUT` beside it: `images.npy` and `files.jsonl` grow,
and `progress.json` says how much of both is on the disk for certain.
"""

import hashlib
import io
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np

from gansmith.data.store import FORMAT, Dataset, read_dataset
from gansmith.errors import DataError, DiskError
from gansmith.system.atomic import UNFINISHED, sync_file, sync_folder, unfinished_name
from gansmith.system.locks import TakenError, hold_lock
from gansmith.system.untrusted import hash_plain, open_no_link

_EVERY = 512
"""Number of files after which the progress is noted."""
_CHUNK = 1 << 22
"""Bytes that are hashed at a time."""


def write_dataset(folder: Path, images: np.ndarray, labels: np.ndarray | None, about: dict[str, Any]) -> Dataset:
    """Write images uint8 (N, C, H, W) as a packed dataset to `folder`, whole or not at all; returns it.

    `labels` has a class number for each image; `about` goes into the index. Raises DiskError when there is no room.
    """
    with DatasetWriter(folder, None, images.shape[1:], len(images)) as writer:
        for image in images:
            writer.add(None, image)
        return writer.finish(labels, about)


class DatasetWriter:
    """The unfinished packed dataset for `folder`; one that was begun with the same `key` is continued.

    `done` files have been added, `kept` of them with pixels of `shape` (C, H, W). Without a key nothing is continued,
    and a stopped one is removed. Raises DataError when another process is writing it, DiskError when there is no room
    for `most` images.
    """

    def __init__(self, folder: Path, key: str | None, shape: tuple[int, ...], most: int):
        self._folder, self._key, self._shape = folder.absolute(), key, shape
        own = self._folder.with_name(f"{UNFINISHED}{folder.name}")
        self._place = own if key else unfinished_name(self._folder)
        self._most, self._size = most, int(np.prod(shape))
        self.done = self.kept = 0
        with ExitStack() as opened:
            try:
                self._open(opened)
            except OSError as error:
                raise self._disk_error(error) from error
            self._opened = opened.pop_all()

    def add(self, report: dict[str, Any] | None, pixels: np.ndarray | None) -> None:
        """Add the report on the next file, if there are reports, and its pixels, unless it was dropped."""
        try:
            if pixels is not None:
                if pixels.shape != self._shape or pixels.dtype != np.uint8:
                    raise ValueError(f"uint8 {self._shape} is written, got {pixels.dtype} {pixels.shape}")
                data = pixels.tobytes()
                self._images.write(data)
                self._hash.update(data)
                self.kept += 1
            if report is not None:
                self._files.write(json.dumps(report).encode() + b"\n")
            self.done += 1
            if self._key and self.done % _EVERY == 0:
                self._note_progress()
        except OSError as error:
            raise self._disk_error(error) from error

    def reports(self) -> Iterator[dict[str, Any]]:
        """The report on each file added so far, in order."""
        self._files.flush()
        with (self._place / "files.jsonl").open("rb") as lines:
            for line in lines:
                yield json.loads(line)

    def finish(self, labels: np.ndarray | None, about: dict[str, Any]) -> Dataset:
        """Give the dataset its name, with `about` in its index; returns it."""
        try:
            self._note_progress()
            hashes = {"images": self._hash.hexdigest()}
            if self._files.tell():
                hashes["files"] = hash_plain(self._place / "files.jsonl")
            if labels is not None:
                if len(labels) != self.kept:
                    raise ValueError(f"{len(labels):,} labels for {self.kept:,} images")
                np.save(self._place / "labels.npy", labels)
                hashes["labels"] = hashlib.sha256(labels.tobytes()).hexdigest()
            self._images.seek(0)
            self._images.write(_header(self.kept, self._shape))
            index = {"format": FORMAT, "count": self.kept, "shape": list(self._shape), "sha256": hashes, **about}
            (self._place / "index.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
            for file in (self._images, self._files):
                file.close()
            for file in ("progress.json", "lock", *(["files.jsonl"] * ("files" not in hashes))):
                if sys.platform != "win32" or file != "lock":  # Windows removes no file that is open
                    (self._place / file).unlink()
            for file in self._place.iterdir():
                sync_file(file)
            self._opened.close()
            self._publish()
            sync_folder(self._folder.parent)
        except OSError as error:
            raise self._disk_error(error) from error
        dataset = read_dataset(self._folder)
        if dataset is None:
            raise DataError(f"{self._folder} was written but cannot be read; check the disk, then delete that folder.")
        return dataset

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if not self._images.closed:
                self._note_progress()
        except OSError:  # the error that led here says it, or the disk is full and the last note stands
            pass
        self._opened.close()
        if not self._key:
            shutil.rmtree(self._place, ignore_errors=True)

    def _open(self, opened: ExitStack) -> None:
        self._place.mkdir(parents=True, exist_ok=True)
        try:
            opened.enter_context(hold_lock(self._place / "lock"))
        except TakenError as taken:
            who = f" ({taken.holder.describe()})" if taken.holder else ""
            raise DataError(
                f"{self._folder} is being written by another process{who}; wait for it or stop it."
            ) from None
        self._hash = hashlib.sha256()
        progress = self._read_progress()
        header = len(_header(0, self._shape))
        needed = (self._most - progress["kept"]) * self._size
        if shutil.disk_usage(self._place).free < needed:
            raise DiskError(f"{self._folder} needs {needed:,} bytes, more than its disk has free; make room first.")
        images_bytes = header + progress["kept"] * self._size
        self._images = opened.enter_context(_open_at(self._place / "images.npy", images_bytes))
        self._files = opened.enter_context(_open_at(self._place / "files.jsonl", progress["files_bytes"]))
        self.done, self.kept = progress["done"], progress["kept"]
        if not self.kept:
            self._images.seek(0)
            self._images.write(_header(0, self._shape))
        self._images.seek(header)
        while chunk := self._images.read(_CHUNK):
            self._hash.update(chunk)

    def _read_progress(self) -> dict[str, Any]:
        """Where to continue; at the start if the note has another key, or counts more than the files hold."""
        try:
            progress = json.loads((self._place / "progress.json").read_text(encoding="utf-8"))
            images, files = ((self._place / name).stat().st_size for name in ("images.npy", "files.jsonl"))
            enough = images >= len(_header(0, self._shape)) + progress["kept"] * self._size
            if progress["key"] == self._key and enough and files >= progress["files_bytes"]:
                return progress
        except (OSError, ValueError, KeyError, TypeError):
            pass
        for stale in ("labels.npy", "index.json", "progress.json"):
            (self._place / stale).unlink(missing_ok=True)
        return {"done": 0, "kept": 0, "files_bytes": 0}

    def _note_progress(self) -> None:
        """Images first, then the note: what it counts survives a power cut."""
        for file in (self._images, self._files):
            file.flush()
            os.fsync(file.fileno())
        note = {"key": self._key, "done": self.done, "kept": self.kept, "files_bytes": self._files.tell()}
        unfinished = self._place / "progress.tmp"
        unfinished.write_text(json.dumps(note), encoding="utf-8")
        unfinished.replace(self._place / "progress.json")

    def _publish(self) -> None:
        """Rename into place. If another process packed the same images first, its dataset stays."""
        try:
            self._place.rename(self._folder)
        except OSError:
            if read_dataset(self._folder) is None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._place.rename(self._folder)

    def _disk_error(self, error: OSError) -> DiskError:
        return DiskError(
            f"the packed images ({self._most * self._size:,} bytes) cannot be written to {self._folder}: "
            f"{error.strerror}; make room, or give another place (for the cache: GANSMITH_CACHE), and repeat this."
        )


def _open_at(file: Path, size: int) -> BinaryIO:
    """The file, created if need be, cut to `size`, to be read and written from its end."""
    opened = os.fdopen(open_no_link(file, os.O_RDWR | os.O_CREAT), "r+b")
    opened.truncate(size)
    opened.seek(size)
    return opened


def _header(count: int, shape: tuple[int, ...]) -> bytes:
    """The head of a .npy file of so many images; NumPy leaves room, so its length does not depend on the count."""
    buffer = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
    np.lib.format.write_array_header_1_0(buffer, header)
    return buffer.getvalue()
