"""From a name or a path to a packed store in the cache, keyed by content: the one way images come in."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from gansmith.data.check.report import Progress as Packing
from gansmith.data.datasets.catalog import cache_folder
from gansmith.data.datasets.http import Progress as Downloading
from gansmith.data.hashes import file_hash
from gansmith.data.images.resize import ImageShape, resize
from gansmith.data.locate import Located, Split, locate
from gansmith.data.prepare import prepare_source, source_key
from gansmith.data.selection import parse_name, rows_of
from gansmith.data.sources import Source, open_source, shown
from gansmith.data.store import Dataset, read_dataset, write_dataset
from gansmith.errors import DataError


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """Which images, in which shape: `name` is a known set or a path, with classes in brackets if not all."""

    name: str
    split: Split
    shape: ImageShape
    skip: int = 0
    limit: int = 0
    """0 for all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """How images may be had, and who is told while they come."""

    offline: bool = False
    """Never touch the network."""
    allow_dropped: bool = False
    """Go on when more than 1 % of the images cannot be used."""
    downloading: Downloading | None = None
    packing: Packing | None = None


def open_dataset(request: Request, access: Access = Access(), source: Source | None = None) -> Dataset:
    """The images asked for, in the shape asked for; downloaded and packed on first use.

    A `source` that lists all files of that name and split is taken as it is, and no file is listed or hashed again.

    Raises DataError when the set or path cannot be found or read, or when nothing is left of it.
    """
    selection = parse_name(request.name)
    dataset = _open_whole(selection.name, request, access, source)
    if selection.classes:
        names, why = dataset.index["classes"], dataset.index.get("no_classes", "")
        dataset = dataset.only(rows_of(selection.classes, dataset.labels, names, selection.name, why))
    end = request.skip + request.limit if request.limit else len(dataset)
    left = dataset.only(np.arange(request.skip, min(end, len(dataset))))
    if not len(left):
        raise DataError(
            f"data.skip={request.skip} leaves nothing of the {len(dataset):,} images of {request.name!r}; to use all: "
            "--set data.skip=0."
        )
    return left


def _open_whole(name: str, request: Request, access: Access, source: Source | None) -> Dataset:
    located = locate(name, request.split, offline=access.offline, progress=access.downloading)
    if located.arrays:
        return _packed_arrays(located, request)
    if dataset := read_dataset(located.path):
        return _prepared(located.path, dataset, request)
    return _packed_files(located, request, access, source)


def _prepared(path: Path, dataset: Dataset, request: Request) -> Dataset:
    """A store that `gansmith data prepare` made, as it is. Raises DataError when it has another shape."""
    shape, native = request.shape, tuple(dataset.index["shape"])
    if shape.box and list(shape.box) != dataset.index.get("wanted", {}).get("box"):
        raise DataError(f"{path} was prepared without data.box={list(shape.box)}; give the images it was made from.")
    if native != (shape.channels, shape.height, shape.width):
        channels, height, width = native
        raise DataError(
            f"{path} was prepared as {describe_size(*native)}; set data.channels={channels}, data.height={height} and "
            f"data.width={width}."
        )
    return dataset


def _packed_files(located: Located, request: Request, access: Access, listed: Source | None) -> Dataset:
    """The store for a folder or archive of image files, by their content and their names below the path."""
    with nullcontext(listed) if listed else open_source(located.path, located.parts) as source:
        folder = _store(located.name, source_key(source, request.shape))
        if not folder.exists():  # they are kept with the store, and to find them takes reading the files
            source = replace(source, name="", notes=tuple(located.notes()))
        dataset = prepare_source(
            source, folder, request.shape, allow_dropped=access.allow_dropped, progress=access.packing
        )
    return replace(dataset, index={**dataset.index, "name": shown(located.name)})


def _packed_arrays(located: Located, request: Request) -> Dataset:
    """The store for arrays in this shape, by their files' content; decoded and written when it is not there yet."""
    options = {"name": located.name, "split": request.split, **asdict(request.shape)}
    folder = _store(located.name, _content_key(located.files, options))
    if dataset := read_dataset(folder):
        return dataset
    decoded = located.read_arrays()
    images, changes = _in_shape(decoded.images, request.shape, located.name)
    about = {"name": located.name, "split": request.split, "classes": list(decoded.class_names)}
    about["notes"] = [*located.notes(), *changes]
    write_dataset(folder, images, decoded.labels, about)
    dataset = read_dataset(folder)
    if dataset is None:
        raise DataError(f"{folder} was written and cannot be read back; check the disk, then delete that folder.")
    return dataset


def _in_shape(images: np.ndarray, shape: ImageShape, name: str) -> tuple[np.ndarray, list[str]]:
    """The images (N, C, H, W) fitted to the shape, and what was done to them."""
    native, asked = images.shape[1:], (shape.channels, shape.height, shape.width)
    if not shape.box_lies_inside(*native[1:]):
        raise DataError(
            f"data.box={list(shape.box)} does not lie inside the {describe_size(*native)} images of {name}."
        )
    if native == asked and not shape.box:
        return images, []
    fitted = np.empty((len(images), *asked), np.uint8)
    for number, image in enumerate(images):
        pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
        fitted[number] = resize(Image.fromarray(pixels), shape).pixels
    box = f", their box {list(shape.box)}" if shape.box else ""
    return fitted, [f"{describe_size(*native)} images{box} fitted to {describe_size(*asked)}"]


def _content_key(files: Sequence[Path], options: dict) -> str:
    facts = json.dumps([options, [file_hash(file) for file in files]])
    return hashlib.sha256(facts.encode()).hexdigest()


def _store(name: str, key: str) -> Path:
    """Where the store of this key lies in the cache, or will; a copy may have come there under another name."""
    datasets, short = cache_folder() / "packs", key[:16]
    there = (folder for folder in datasets.glob(f"*-{short}") if not folder.name.startswith("."))
    return next(there, datasets / f"{name.replace('/', '-')[:40]}-{short}")


def describe_size(channels: int, height: int, width: int) -> str:
    """Such as "28x28 grey"."""
    return f"{height}x{width} {'grey' if channels == 1 else 'RGB' if channels == 3 else 'RGBA'}"
