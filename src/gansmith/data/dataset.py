"""`open_dataset`: from a name or a path to a packed dataset in the cache, keyed by content."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gansmith.data.check.left_over import left_over_notes
from gansmith.data.check.report import Progress as Packing
from gansmith.data.classes import only_labelled
from gansmith.data.datasets.catalog import Split, cache_folder
from gansmith.data.datasets.http import Progress as Downloading
from gansmith.data.hashes import file_hash
from gansmith.data.images.resize import ImageShape, arrays_with_hidden_white, resize
from gansmith.data.open_source import OpenSource
from gansmith.data.paths import open_path
from gansmith.data.prepare import earlier_key, prepare_source, source_key
from gansmith.data.selection import parse_name, rows_of
from gansmith.data.sources import Source, find_source
from gansmith.data.store import Dataset, read_dataset
from gansmith.data.store_writer import write_dataset
from gansmith.errors import DataError
from gansmith.system.names import portable_name
from gansmith.text import describe_size, printable


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """Which images, in which shape: `name` is a known set or a path, with classes in brackets if not all."""

    name: str
    split: Split
    shape: ImageShape
    skip: int = 0
    """Number of images left out at the beginning."""
    limit: int = 0
    """Number of images after those skipped; 0 for all."""
    labelled: bool = False
    """Whether classes are asked for: images that have none are left out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """Whether images may be downloaded and lost, and who is told of the progress."""

    offline: bool = False
    """Never use the network."""
    allow_dropped: bool = False
    """Go on when more than 1 % of the images cannot be used."""
    packed_as: str = ""
    """The key of the packed dataset that a run was trained on: while its files are the same, it stays with that."""
    downloading: Downloading | None = None
    packing: Packing | None = None


def open_dataset(request: Request, access: Access = Access(), listed: OpenSource | None = None) -> Dataset:
    """The requested images in the requested shape, uint8 (N, C, H, W); downloaded and packed on first use.

    `listed` are all files of that name and split, if they are listed already: then none is listed or hashed again.
    Raises DataError when the set or path cannot be found or read, or when no image is left of it.
    """
    selection = parse_name(request.name)
    dataset = _open_all(selection.name, request, access, listed)
    if selection.classes or request.labelled:
        dataset = only_labelled(dataset, selection.name, access.allow_dropped)
    if selection.classes:
        names, why = dataset.index["classes"], dataset.index.get("no_classes", "")
        dataset = dataset.only(rows_of(selection.classes, dataset.labels, names, selection.name, why))
    end = request.skip + request.limit if request.limit else len(dataset)
    chosen = dataset.only(np.arange(request.skip, min(end, len(dataset))))
    if not len(chosen):
        raise DataError(
            f"data.skip={request.skip} leaves nothing of the {len(dataset):,} images of {request.name!r}; to use all: "
            "--set data.skip=0."
        )
    return chosen


def _open_all(name: str, request: Request, access: Access, listed: OpenSource | None) -> Dataset:
    source = find_source(name, request.split, offline=access.offline, progress=access.downloading)
    if source.arrays:
        return _pack_arrays(source, request)
    if dataset := read_dataset(source.path):
        if source.split not in ("train", "both"):
            raise DataError(f"{source.path} is packed as one set, which has no {source.split!r} split; take 'train'.")
        return _check_prepared(source.path, dataset, request.shape)
    return _pack_files(source, request, access, listed)


def _check_prepared(path: Path, dataset: Dataset, shape: ImageShape) -> Dataset:
    """A dataset that `gansmith data prepare` packed, as it is. Raises DataError when it has another shape."""
    native = tuple(dataset.index["shape"])
    if shape.box and list(shape.box) != dataset.index.get("wanted", {}).get("box"):
        raise DataError(f"{path} was packed without data.box={list(shape.box)}; give the images it was made from.")
    if native != (shape.channels, shape.height, shape.width):
        channels, height, width = native
        raise DataError(
            f"{path} was packed as {describe_size(*native)}; set data.channels={channels}, data.height={height} and "
            f"data.width={width}."
        )
    return dataset


def _pack_files(source: Source, request: Request, access: Access, listed: OpenSource | None) -> Dataset:
    """The packed dataset of image files, keyed by their content and their names below the path."""
    with nullcontext(listed) if listed else source.open() as opened:
        key = source_key(opened, request.shape)
        if access.packed_as not in ("", key) and (earlier := _packed_earlier(source, request.shape, access.packed_as)):
            return earlier
        dataset = prepare_source(
            opened,
            _place_in_cache(source.name, key),
            request.shape,
            allow_dropped=access.allow_dropped,
            progress=access.packing,
        )
    return replace(dataset, index={**dataset.index, "name": printable(source.name)})


def _packed_earlier(source: Source, shape: ImageShape, key: str) -> Dataset | None:
    """The dataset that an earlier version packed of these files, if it is still in the cache."""
    with open_path(source.path, source.folders) as whole:
        is_same = earlier_key(whole, shape) == key
    dataset = read_dataset(_place_in_cache(source.name, key)) if is_same else None
    if dataset is None:
        return None
    note = "the images are as an earlier version packed them when this run began"
    notes = [*dataset.index["notes"], note]
    return replace(dataset, index={**dataset.index, "name": printable(source.name), "notes": notes})


def _pack_arrays(source: Source, request: Request) -> Dataset:
    """The packed dataset of arrays, keyed by the content of their files."""
    options = {"name": source.name, "split": request.split, **request.shape.to_dict()}
    folder = _place_in_cache(source.name, _content_key(source.array_files, options))
    if dataset := read_dataset(folder):
        return dataset
    arrays = source.read_arrays()
    images, changes = _in_shape(arrays.images, request.shape, source.name)
    about = {"name": source.name, "split": request.split, "classes": list(arrays.class_names)}
    about["notes"] = [*source.notes(), *changes]
    return write_dataset(folder, images, arrays.labels, about)


def _in_shape(images: np.ndarray, shape: ImageShape, name: str) -> tuple[np.ndarray, list[str]]:
    """The images (N, C, H, W) resized to the shape, and a note that says so."""
    native, target = images.shape[1:], (shape.channels, shape.height, shape.width)
    if not shape.box_lies_inside(*native[1:]):
        raise DataError(f"data.box={[*shape.box]} does not lie inside the {describe_size(*native)} images of {name}.")
    if native == target and not shape.box:
        return (arrays_with_hidden_white(images) if shape.channels == 4 else images), []
    resized = np.empty((len(images), *target), np.uint8)
    for number, image in enumerate(images):
        pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
        resized[number], _ = resize(Image.fromarray(pixels), shape)
    box = f", their box {list(shape.box)}" if shape.box else ""
    note = f"{describe_size(*native)} images{box} resized to {describe_size(*target)}"
    return resized, [note, *left_over_notes([(native[1], native[2])], shape)]


def _content_key(files: Sequence[Path], options: dict[str, Any]) -> str:
    content = json.dumps([options, [file_hash(file) for file in files]])
    return hashlib.sha256(content.encode()).hexdigest()


def _place_in_cache(name: str, key: str) -> Path:
    """The folder of the packed dataset with this key. It keeps the name under which the images were packed first."""
    datasets, short = cache_folder() / "packs", key[:16]
    packed = (folder for folder in datasets.glob(f"*-{short}") if not folder.name.startswith("."))
    return next(packed, datasets / f"{portable_name(name)[:40]}-{short}")
