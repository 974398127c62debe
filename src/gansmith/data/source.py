"""From a name or a path to a packed store in the cache, keyed by content: the one way pictures come in."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from gansmith.data.catalogue import SETS, cache_folder
from gansmith.data.find import FoundSet, find_set, idx_file
from gansmith.data.fit import Wanted, fit
from gansmith.data.formats.labelled import LabelledPictures
from gansmith.data.intake import Progress as Packing
from gansmith.data.pack import Pack, read_pack, write_pack
from gansmith.data.prepare import prepare, source_key
from gansmith.data.published import IDX_FILES
from gansmith.data.read import read_idx_pair, read_split
from gansmith.data.selection import parse_name, rows_of
from gansmith.data.sources import open_source
from gansmith.data.transfer import Progress as Downloading
from gansmith.errors import DataError, unknown

Split = Literal["train", "test", "extra", "both"]
"""A known set's part; "both" is train, then test."""


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

    A folder that holds the IDX files of MNIST's kind is read as such a set. Raises DataError when the set or path
    cannot be found or read, or when nothing is left of it.
    """
    selection = parse_name(request.name)
    if selection.name in SETS:
        pack = _open_set(selection.name, request, access)
    else:
        pack = _open_path(Path(selection.name).expanduser(), request, access)
    if selection.classes:
        pack = pack.only(rows_of(selection.classes, pack.labels, pack.index["classes"], selection.name))
    end = request.skip + request.limit if request.limit else len(pack)
    left = pack.only(np.arange(request.skip, min(end, len(pack))))
    if not len(left):
        raise DataError(f"data.skip={request.skip} leaves nothing of the {len(pack):,} pictures of {request.name!r}.")
    return left


def _open_set(name: str, request: Request, access: Access) -> Pack:
    splits = ("train", "test") if request.split == "both" else (request.split,)
    found = [find_set(name, split, offline=access.offline, progress=access.downloading) for split in splits]
    if found[0].layout.format == "pictures":
        return _open_set_of_pictures(found, splits, request, access)
    files = [file for one, split in zip(found, splits, strict=True) for file in one.files.get(split, ())]

    def decode() -> LabelledPictures:
        return _joined(map(read_split, found, splits))

    def remarks() -> list[str]:
        own = not all(one.is_official() for one in found)
        return [f"{found[0].place} is a copy of {name} of its own, not the published files"] if own else []

    return _packed(files, name, request, decode, remarks)


def _open_set_of_pictures(found: Sequence[FoundSet], splits: Sequence[str], request: Request, access: Access) -> Pack:
    """A known set that lies here as picture files: an archive or folder of all splits, or a folder for each."""
    paths = [one.files[split][0] for one, split in zip(found, splits, strict=True)]
    if len(found[0].layout.files) == 1:
        return _packed_files(paths[0], (), request, access)
    if paths[0].is_dir():
        return _packed_files(paths[0].parent, tuple(path.name for path in paths), request, access)
    return _packed_files(paths[0], splits, request, access)


def _open_path(path: Path, request: Request, access: Access) -> Pack:
    if not path.exists():
        sets = unknown("set", str(path), SETS)
        raise DataError(
            f"{sets} A folder, .zip or .tar of pictures would do too, but {path.absolute()} does not exist."
        )
    if any(idx_file(path, stem) for pair in IDX_FILES.values() for stem in pair):
        return _open_idx_folder(path, request)
    if request.split not in ("train", "both"):
        raise DataError(f"{path} holds pictures of one's own, which have no {request.split!r} split; take 'train'.")
    if pack := read_pack(path):
        return _prepared(path, pack, request)
    return _packed_files(path, (), request, access)


def _prepared(path: Path, pack: Pack, request: Request) -> Pack:
    """A store that `gansmith data prepare` made, as it is. Raises DataError when it has another shape."""
    shape, native = request.shape, tuple(pack.index["shape"])
    if shape.box and list(shape.box) != pack.index.get("wanted", {}).get("box"):
        raise DataError(f"{path} was prepared without data.box={list(shape.box)}; give the pictures it was made from.")
    if native != (shape.channels, shape.height, shape.width):
        channels, height, width = native
        raise DataError(
            f"{path} was prepared as {_size(native)}; set data.channels={channels}, data.height={height} and "
            f"data.width={width}."
        )
    return pack


def _packed_files(path: Path, parts: Sequence[str], request: Request, access: Access) -> Pack:
    """The store for a folder or archive of picture files, by the names, sizes and times of the files in it."""
    with open_source(path, parts) as source:
        key = source_key(source, request.shape)
    folder = cache_folder() / "packs" / f"{path.resolve().stem[:40]}-{key[:16]}"
    return prepare(
        path, folder, request.shape, parts=parts, allow_dropped=access.allow_dropped, progress=access.packing
    )


def _open_idx_folder(folder: Path, request: Request) -> Pack:
    splits = ("train", "test") if request.split == "both" else (request.split,)
    pairs = []
    for split in splits:
        if split not in IDX_FILES:
            raise DataError(f"{folder} has no {split!r} split, only {', '.join(IDX_FILES)}.")
        pairs.append(tuple(_need(folder, stem) for stem in IDX_FILES[split]))
    files = [file for pair in pairs for file in pair]
    name = folder.resolve().name
    return _packed(files, name, request, lambda: _joined(map(read_idx_pair, pairs, splits)))


def _joined(parts: Iterable[LabelledPictures]) -> LabelledPictures:
    whole = list(parts)
    return LabelledPictures(
        images=np.concatenate([part.images for part in whole]),
        labels=np.concatenate([part.labels for part in whole]),
        class_names=whole[0].class_names,
    )


def _packed(
    files: Sequence[Path],
    name: str,
    request: Request,
    decode: Callable[[], LabelledPictures],
    remarks: Callable[[], list[str]] = list,
) -> Pack:
    """The store for the content of these files, in this shape; decoded and written when it is not there yet."""
    options = {"name": name, "split": request.split, **asdict(request.shape)}
    folder = cache_folder() / "packs" / _content_key(files, options)
    if pack := read_pack(folder):
        return pack
    decoded = decode()
    images, changes = _in_shape(decoded.images, request.shape, name)
    about = {"name": name, "split": request.split, "classes": list(decoded.class_names)}
    about["remarks"] = [*remarks(), *changes]
    write_pack(folder, images, decoded.labels, about)
    pack = read_pack(folder)
    if pack is None:
        raise DataError(f"{folder} was written and cannot be read back; check the disk, then delete that folder.")
    return pack


def _in_shape(images: np.ndarray, shape: Wanted, name: str) -> tuple[np.ndarray, list[str]]:
    """The images (N, C, H, W) fitted to the shape, and what was done to them."""
    native, asked = images.shape[1:], (shape.channels, shape.height, shape.width)
    if not shape.box_lies_inside(*native[1:]):
        raise DataError(f"data.box={list(shape.box)} does not lie inside the {_size(native)} pictures of {name}.")
    if native == asked and not shape.box:
        return images, []
    fitted = np.empty((len(images), *asked), np.uint8)
    for number, image in enumerate(images):
        pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
        fitted[number] = fit(Image.fromarray(pixels), shape).pixels
    box = f", their box {list(shape.box)}" if shape.box else ""
    return fitted, [f"{_size(native)} pictures{box} fitted to {_size(asked)}"]


def _content_key(files: Sequence[Path], options: dict) -> str:
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
    return f"{height}x{width} {'grey' if channels == 1 else 'RGB' if channels == 3 else 'RGBA'}"
