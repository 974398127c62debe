"""The packed store: one uint8 memory map (N, C, H, W), its labels, and a JSON index with their hashes."""

from __future__ import annotations

import hashlib
import json
import mmap
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gansmith.data.formats.npz import map_npy
from gansmith.errors import DataError, DiskError
from gansmith.lazy import LazyModule

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = LazyModule("torch")


FORMAT = 1

READ_AHEAD_FROM = 1 << 30
"""Bytes of a store from which on a batch is asked for before it is read: a smaller one soon is in memory whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """Images ready to train on: `images` uint8 (N, C, H, W), mapped from disk, and what the index says of them."""

    images: np.ndarray
    labels: np.ndarray | None
    index: dict[str, Any]
    rows: np.ndarray | None = None
    """Positions in `images` of the images that are meant; None for all. `labels` are of those."""

    def __len__(self) -> int:
        """Number of images."""
        return len(self.images if self.rows is None else self.rows)

    def batch(self, indices: Tensor) -> Tensor:
        """uint8 [len(indices), C, H, W]."""
        rows = indices.numpy() if self.rows is None else self.rows[indices.numpy()]
        if self.images.nbytes >= READ_AHEAD_FROM:
            _read_ahead(self.images, rows)
        return torch.from_numpy(self.images[rows])

    def labels_at(self, indices: Tensor) -> Tensor | None:
        """int64 [len(indices)], or None where there are no labels."""
        return None if self.labels is None else torch.from_numpy(self.labels[indices.numpy()].astype(np.int64))

    def only(self, rows: np.ndarray) -> Dataset:
        """The same store, of which only the images at these positions are meant."""
        labels = None if self.labels is None else self.labels[rows]
        return replace(self, labels=labels, rows=rows if self.rows is None else self.rows[rows])


def _read_ahead(images: np.ndarray, rows: np.ndarray) -> None:
    """Have the disk read all these images at once.

    Otherwise they are waited for one after the other, and with each the system reads what lies around it: 128 KiB as
    Linux comes, 8 MiB on some virtual machines.
    """
    pages, size = images.base, images[0].nbytes
    if not (isinstance(images, np.memmap) and isinstance(pages, mmap.mmap) and hasattr(mmap, "MADV_WILLNEED")):
        return
    for row in rows.tolist():
        start = images.offset + row * size
        page = start - start % mmap.PAGESIZE
        pages.madvise(mmap.MADV_WILLNEED, page, start + size - page)


def write_dataset(folder: Path, images: np.ndarray, labels: np.ndarray | None, about: dict[str, Any]) -> None:
    """Write a store to `folder`, all of it or nothing. Raises DiskError when the place cannot hold it."""
    arrays = {"images": np.ascontiguousarray(images)} | ({} if labels is None else {"labels": labels})
    index = {
        "format": FORMAT,
        "count": len(images),
        "shape": list(images.shape[1:]),
        "sha256": {name: hashlib.sha256(array.data).hexdigest() for name, array in arrays.items()},
        **about,
    }
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder.parent))
        try:
            for name, array in arrays.items():
                np.save(unfinished / f"{name}.npy", array)
            (unfinished / "index.json").write_text(json.dumps(index, indent=1) + "\n")
            publish(unfinished, folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    except OSError as error:
        needed = sum(array.nbytes for array in arrays.values())
        raise DiskError(
            f"the packed images ({needed:,} bytes) cannot be written to {folder}: {error.strerror}; "
            "set GANSMITH_CACHE to a place with room."
        ) from error


def read_dataset(folder: Path) -> Dataset | None:
    """The store in `folder`, or None when there is none of this format. Raises DataError when it is damaged."""
    try:
        index = json.loads((folder / "index.json").read_text())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(index, dict) or index.get("format") != FORMAT:
        return None
    file = folder / "labels.npy"
    try:
        images, labels = map_npy(folder / "images.npy"), np.array(map_npy(file)) if file.is_file() else None
        _check(index, images, labels)
    except DataError as error:
        raise DataError(f"{folder} is damaged: {error} Pack the images again; delete that folder first.") from error
    return Dataset(images=images, labels=labels, index=index)


def _check(index: dict[str, Any], images: np.ndarray, labels: np.ndarray | None) -> None:
    """Raise DataError when the index is not that of these arrays, or lacks what every store says."""
    found = {"count": len(images) if images.ndim else 0, "shape": list(images.shape[1:]), "type": images.dtype.name}
    said = {"count": index.get("count"), "shape": index.get("shape"), "type": "uint8"}
    if said != found or len(found["shape"]) != 3 or (labels is not None and labels.shape != images.shape[:1]):
        of_labels = "no labels" if labels is None else f"labels of shape {labels.shape}"
        raise DataError(f"index.json says {said}, the arrays are {found} with {of_labels}.")
    if not isinstance(index.get("name"), str) or not isinstance(index.get("notes"), list):
        raise DataError("index.json says no name or no list of remarks.")


def publish(unfinished: Path, folder: Path) -> None:
    """Rename into place; another process that packed the same content first has done the same work."""
    try:
        unfinished.rename(folder)
    except OSError:
        if read_dataset(folder) is None:
            shutil.rmtree(folder, ignore_errors=True)
            unfinished.rename(folder)
