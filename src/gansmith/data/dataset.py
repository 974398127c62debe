"""From a name or a path to a packed store in the cache, keyed by content: the one way pictures come in."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from gansmith.data.check.report import Progress as Packing
from gansmith.data.datasets.catalog import cache_folder
from gansmith.data.datasets.http import Progress as Downloading
from gansmith.data.hashes import file_hash
from gansmith.data.images.resize import Wanted, fit
from gansmith.data.locate import Located, Split, locate
from gansmith.data.prepare import prepare_source, source_key
from gansmith.data.selection import parse_name, rows_of
from gansmith.data.sources import open_source, shown
from gansmith.data.store import Pack, read_pack, write_pack
from gansmith.errors import DataError


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """Which pictures, in which shape: `name` is a known set or a path, with classes in brackets if not all."""

    name: str
    split: Split
    shape: Wanted
    skip: int = 0
    limit: int = 0
    """0 for all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """How pictures may be had, and who is told while they come."""

    offline: bool = False
    """Never touch the network."""
    allow_dropped: bool = False
    """Go on when more than 1 % of the pictures cannot be used."""
    downloading: Downloading | None = None
    packing: Packing | None = None


def open_pictures(request: Request, access: Access = Access()) -> Pack:
    """The pictures asked for, in the shape asked for; downloaded and packed on first use.

    Raises DataError when the set or path cannot be found or read, or when nothing is left of it.
    """
    selection = parse_name(request.name)
    pack = _open_whole(selection.name, request, access)
    if selection.classes:
        names, why = pack.index["classes"], pack.index.get("no_classes", "")
        pack = pack.only(rows_of(selection.classes, pack.labels, names, selection.name, why))
    end = request.skip + request.limit if request.limit else len(pack)
    left = pack.only(np.arange(request.skip, min(end, len(pack))))
    if not len(left):
        raise DataError(
            f"data.skip={request.skip} leaves nothing of the {len(pack):,} pictures of {request.name!r}; to use all: "
            "--set data.skip=0."
        )
    return left


def _open_whole(name: str, request: Request, access: Access) -> Pack:
    located = locate(name, request.split, offline=access.offline, progress=access.downloading)
    if located.arrays:
        return _packed_arrays(located, request)
    if pack := read_pack(located.path):
        return _prepared(located.path, pack, request)
    return _packed_files(located, request, access)


def _prepared(path: Path, pack: Pack, request: Request) -> Pack:
    """A store that `gansmith data prepare` made, as it is. Raises DataError when it has another shape."""
    shape, native = request.shape, tuple(pack.index["shape"])
    if shape.box and list(shape.box) != pack.index.get("wanted", {}).get("box"):
        raise DataError(f"{path} was prepared without data.box={list(shape.box)}; give the pictures it was made from.")
    if native != (shape.channels, shape.height, shape.width):
        channels, height, width = native
        raise DataError(
            f"{path} was prepared as {size_in_words(*native)}; set data.channels={channels}, data.height={height} and "
            f"data.width={width}."
        )
    return pack


def _packed_files(located: Located, request: Request, access: Access) -> Pack:
    """The store for a folder or archive of picture files, by their content and their names below the path."""
    with open_source(located.path, located.parts) as source:
        folder = _store(located.name, source_key(source, request.shape))
        if not folder.exists():  # they are kept with the store, and to find them takes reading the files
            source = replace(source, remarks=tuple(located.remarks()))
        pack = prepare_source(
            source, folder, request.shape, allow_dropped=access.allow_dropped, progress=access.packing
        )
    return replace(pack, index={**pack.index, "name": shown(located.name)})


def _packed_arrays(located: Located, request: Request) -> Pack:
    """The store for arrays in this shape, by their files' content; decoded and written when it is not there yet."""
    options = {"name": located.name, "split": request.split, **asdict(request.shape)}
    folder = _store(located.name, _content_key(located.files, options))
    if pack := read_pack(folder):
        return pack
    decoded = located.read_arrays()
    images, changes = _in_shape(decoded.images, request.shape, located.name)
    about = {"name": located.name, "split": request.split, "classes": list(decoded.class_names)}
    about["remarks"] = [*located.remarks(), *changes]
    write_pack(folder, images, decoded.labels, about)
    pack = read_pack(folder)
    if pack is None:
        raise DataError(f"{folder} was written and cannot be read back; check the disk, then delete that folder.")
    return pack


def _in_shape(images: np.ndarray, shape: Wanted, name: str) -> tuple[np.ndarray, list[str]]:
    """The images (N, C, H, W) fitted to the shape, and what was done to them."""
    native, asked = images.shape[1:], (shape.channels, shape.height, shape.width)
    if not shape.box_lies_inside(*native[1:]):
        raise DataError(
            f"data.box={list(shape.box)} does not lie inside the {size_in_words(*native)} pictures of {name}."
        )
    if native == asked and not shape.box:
        return images, []
    fitted = np.empty((len(images), *asked), np.uint8)
    for number, image in enumerate(images):
        pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
        fitted[number] = fit(Image.fromarray(pixels), shape).pixels
    box = f", their box {list(shape.box)}" if shape.box else ""
    return fitted, [f"{size_in_words(*native)} pictures{box} fitted to {size_in_words(*asked)}"]


def _content_key(files: Sequence[Path], options: dict) -> str:
    facts = json.dumps([options, [file_hash(file) for file in files]])
    return hashlib.sha256(facts.encode()).hexdigest()


def _store(name: str, key: str) -> Path:
    """Where the store of this key lies in the cache, or will; a copy may have come there under another name."""
    packs, short = cache_folder() / "packs", key[:16]
    there = (folder for folder in packs.glob(f"*-{short}") if not folder.name.startswith("."))
    return next(there, packs / f"{name.replace('/', '-')[:40]}-{short}")


def size_in_words(channels: int, height: int, width: int) -> str:
    """Such as "28x28 grey"."""
    return f"{height}x{width} {'grey' if channels == 1 else 'RGB' if channels == 3 else 'RGBA'}"
