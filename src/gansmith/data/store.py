"""A packed dataset: one uint8 memory map (N, C, H, W), its labels, and a JSON index with their hashes."""

from __future__ import annotations

import json
import mmap
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gansmith.data.formats.npy import map_npy
from gansmith.errors import DataError
from gansmith.lazy import LazyModule

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = LazyModule("torch")


FORMAT = 1
NO_LABEL = -1
"""The label of an image without a class."""

READ_AHEAD_FROM = 1 << 30
"""Datasets of so many bytes have the pages of a batch requested before it is read; smaller ones stay in memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """Images ready to train on, or some of them."""

    images: np.ndarray
    """All images of the packed dataset, uint8 (N, C, H, W), mapped from disk."""
    labels: np.ndarray | None
    """The class number of each image in `rows`, -1 for one without a class; None where no image has one."""
    index: dict[str, Any]
    """The content of index.json: name, notes, class names, ..."""
    rows: np.ndarray | None = None
    """Positions in `images` of the images that belong to this dataset; None for all."""

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
        """The images at these positions alone."""
        labels = None if self.labels is None else self.labels[rows]
        return replace(self, labels=labels, rows=rows if self.rows is None else self.rows[rows])


def label_type(num_classes: int, without: bool) -> type[np.integer]:
    """The type of the labels of so many classes; `without` says whether some images have none."""
    return np.uint8 if num_classes <= 256 and not without else np.int64


def _read_ahead(images: np.ndarray, rows: np.ndarray) -> None:
    """Have the disk read all these images at once.

    Otherwise each image is waited for in turn, and the system reads its surroundings too: 128 KiB by default on Linux,
    8 MiB on some virtual machines.
    """
    pages, size = images.base, images[0].nbytes
    if not (isinstance(images, np.memmap) and isinstance(pages, mmap.mmap) and hasattr(mmap, "MADV_WILLNEED")):
        return
    for row in rows.tolist():
        start = images.offset + row * size
        page = start - start % mmap.PAGESIZE
        pages.madvise(mmap.MADV_WILLNEED, page, start + size - page)


def read_dataset(folder: Path) -> Dataset | None:
    """The packed dataset in `folder`; None if there is none of this format. Raises DataError when it is damaged."""
    try:
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(index, dict) or index.get("format") != FORMAT:
        return None
    if "remarks" in index:
        index["notes"] = index.pop("remarks")  # as older versions called them
    file = folder / "labels.npy"
    try:
        images, labels = map_npy(folder / "images.npy"), np.array(map_npy(file)) if file.is_file() else None
        _check(index, images, labels)
    except DataError as error:
        raise DataError(f"{folder} is damaged: {error} Pack the images again; delete that folder first.") from error
    return Dataset(images=images, labels=labels, index=index)


def _check(index: dict[str, Any], images: np.ndarray, labels: np.ndarray | None) -> None:
    """Raise DataError when the index does not describe these arrays, or lacks a required entry."""
    found = {"count": len(images) if images.ndim else 0, "shape": list(images.shape[1:]), "type": images.dtype.name}
    announced = {"count": index.get("count"), "shape": index.get("shape"), "type": "uint8"}
    if announced != found or len(found["shape"]) != 3 or (labels is not None and labels.shape != images.shape[:1]):
        of_labels = "no labels" if labels is None else f"labels of shape {labels.shape}"
        raise DataError(f"index.json announces {announced}, the arrays are {found} with {of_labels}.")
    if not isinstance(index.get("name"), str) or not isinstance(index.get("notes"), list):
        raise DataError("index.json has no name or no list of notes.")
