"""From a name or a path to a packed store in the cache, keyed by content: the one way pictures come in."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from gansmith.data.catalogue import SETS, cache_folder
from gansmith.data.find import find_set, idx_file
from gansmith.data.formats.folder import list_pictures, read_pictures
from gansmith.data.formats.idx import read_idx
from gansmith.data.pack import Pack, read_pack, write_pack
from gansmith.data.published import IDX_FILES
from gansmith.data.transfer import Progress
from gansmith.errors import DataError, unknown

Split = Literal["train", "test"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Decoded:
    """uint8 images (N, C, H, W), labels [N] if there are any, and remarks for the user."""

    images: np.ndarray
    labels: np.ndarray | None = None
    remarks: list[str] = field(default_factory=list)


def open_pictures(
    name: str, split: Split, channels: int, height: int, width: int, *, progress: Progress | None = None
) -> Pack:
    """The pictures of a known set, or of a folder, in the shape asked for; packed on first use.

    A set that is not on this machine is downloaded, which `progress` is told of. A folder that holds the IDX files of
    MNIST's kind is read as such a set. Raises DataError when the set or folder cannot be found or read, or when a
    set's pictures have another shape.
    """
    if name in SETS:
        if all(layout.format != "idx" for layout in SETS[name].layouts):
            raise DataError(f"{name!r} can be found and fetched (gansmith data get {name}), but not be trained on yet.")
        found = find_set(name, split, progress=progress)
        if found.layout.format != "idx":
            raise DataError(f"{found.place} holds {name!r} as {found.layout.format}, which cannot be trained on yet.")
        return _open_set(name, found.place, found.layout.files, split, (channels, height, width))
    folder = Path(name).expanduser()
    if not folder.exists():
        sets = unknown("set", name, SETS)
        raise DataError(f"{sets} A folder of pictures would do too, but {folder.absolute()} does not exist.")
    if not folder.is_dir():
        raise DataError(f"{folder} is a file; give a folder of pictures, or the name of a set: {', '.join(SETS)}.")
    if any(idx_file(folder, stem) for pair in IDX_FILES.values() for stem in pair):
        return _open_set(folder.resolve().name, folder, IDX_FILES, split, (channels, height, width))
    return _open_folder(folder, split, (channels, height, width))


def _open_set(
    name: str, folder: Path, files: Mapping[str, tuple[str, ...]], split: Split, shape: tuple[int, int, int]
) -> Pack:
    if split not in files:
        raise DataError(f"set {name!r} has no {split!r} split, only {', '.join(files)}.")
    images_file, labels_file = (_need(folder, stem) for stem in files[split])

    def decode() -> Decoded:
        images, labels = read_idx(images_file, 3)[:, None], read_idx(labels_file, 1)
        if len(images) != len(labels):
            raise DataError(f"{images_file} holds {len(images):,} pictures, {labels_file} {len(labels):,} labels.")
        if images.shape[1:] != shape:
            raise DataError(f"{images_file} holds {_size(images.shape[1:])} pictures; the recipe needs {_size(shape)}.")
        return Decoded(images=images, labels=labels)

    return _packed([images_file, labels_file], {"name": name, "split": split, "shape": shape}, decode)


def _open_folder(folder: Path, split: Split, shape: tuple[int, int, int]) -> Pack:
    if split != "train":
        raise DataError(f"{folder} is a folder of pictures, which has no {split!r} split; set data.split to 'train'.")
    files = list_pictures(folder)

    def decode() -> Decoded:
        found = read_pictures(files, *shape)
        remarks = [f"skipped, cannot be read: {file}" for file in found.dropped]
        return Decoded(images=found.images, remarks=remarks)

    return _packed(files, {"name": folder.resolve().name, "shape": shape}, decode)


def _packed(files: list[Path], options: dict, decode: Callable[[], Decoded]) -> Pack:
    """The store for the content of these files, under these options; decoded and written when it is not there yet."""
    folder = cache_folder() / "packs" / _content_key(files, options)
    if pack := read_pack(folder):
        return pack
    decoded = decode()
    about = {"name": options["name"], "split": options.get("split"), "remarks": decoded.remarks}
    write_pack(folder, decoded.images, decoded.labels, about)
    pack = read_pack(folder)
    if pack is None:
        raise DataError(f"{folder} was written and cannot be read back; check the disk, then delete that folder.")
    return pack


def _content_key(files: list[Path], options: dict) -> str:
    digest = hashlib.sha256(json.dumps(options).encode())
    for file in files:
        try:
            with file.open("rb") as opened:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
        except OSError as error:
            raise DataError(f"{file} cannot be read ({error.strerror}).") from error
    return f"{options['name'].replace('/', '-')[:40]}-{digest.hexdigest()[:16]}"


def _need(folder: Path, stem: str) -> Path:
    if file := idx_file(folder, stem):
        return file
    raise DataError(f"{folder} has no {stem}.gz (nor {stem}); both picture and label file are needed.")


def _size(shape: tuple[int, ...]) -> str:
    channels, height, width = shape
    return f"{height}x{width} {'grey' if channels == 1 else 'RGB' if channels == 3 else f'{channels}-channel'}"
