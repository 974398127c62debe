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
from gansmith.data.formats.folder import list_pictures, read_pictures
from gansmith.data.formats.labelled import LabelledPictures
from gansmith.data.pack import Pack, read_pack, write_pack
from gansmith.data.published import IDX_FILES
from gansmith.data.read import read_idx_pair, read_split
from gansmith.data.selection import parse_name, rows_of
from gansmith.data.transfer import Progress
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


def open_pictures(request: Request, *, offline: bool = False, progress: Progress | None = None) -> Pack:
    """The pictures asked for, in the shape asked for; packed on first use.

    A set that is not on this machine is downloaded, which `progress` is told of, unless `offline`. A folder that holds
    the IDX files of MNIST's kind is read as such a set. Raises DataError when the set or path cannot be found or read,
    or when nothing is left of it.
    """
    selection = parse_name(request.name)
    if selection.name in SETS:
        splits = ("train", "test") if request.split == "both" else (request.split,)
        found = [find_set(selection.name, split, offline=offline, progress=progress) for split in splits]
        pack = _open_set(found, splits, request)
    else:
        pack = _open_path(Path(selection.name).expanduser(), request)
    if selection.classes:
        names = pack.index.get("class_names")
        pack = pack.only(rows_of(selection.classes, pack.labels, names, selection.name))
    end = request.skip + request.limit if request.limit else len(pack)
    left = pack.only(np.arange(request.skip, min(end, len(pack))))
    if not len(left):
        raise DataError(f"data.skip={request.skip} leaves nothing of the {len(pack):,} pictures of {request.name!r}.")
    return left


def _open_set(found: Sequence[FoundSet], splits: Sequence[str], request: Request) -> Pack:
    name = found[0].name
    if any(one.layout.format == "pictures" for one in found):
        raise DataError(f"{found[0].place} holds {name!r} as pictures, which cannot be trained on yet.")
    files = [file for one, split in zip(found, splits, strict=True) for file in one.files.get(split, ())]

    def decode() -> LabelledPictures:
        return _joined(map(read_split, found, splits))

    def remarks() -> list[str]:
        own = not all(one.is_official() for one in found)
        return [f"{found[0].place} is a copy of {name} of its own, not the published files"] if own else []

    return _packed(files, name, request, decode, remarks)


def _open_path(path: Path, request: Request) -> Pack:
    if not path.exists():
        sets = unknown("set", str(path), SETS)
        raise DataError(f"{sets} A folder of pictures would do too, but {path.absolute()} does not exist.")
    if not path.is_dir():
        raise DataError(f"{path} is a file; give a folder of pictures, or the name of a set: {', '.join(SETS)}.")
    if any(idx_file(path, stem) for pair in IDX_FILES.values() for stem in pair):
        return _open_idx_folder(path, request)
    if request.split != "train":
        raise DataError(f"{path} is a folder of pictures, which has no {request.split!r} split; take 'train'.")
    files = list_pictures(path)
    shape = request.shape

    def decode() -> LabelledPictures:
        found = read_pictures(files, shape.channels, shape.height, shape.width)
        return LabelledPictures(images=found.images, labels=np.zeros(len(found.images), np.uint8))

    return _packed(files, path.resolve().name, request, decode)


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
    images, changes = _in_shape(decoded.images, request.shape)
    about = {"name": name, "split": request.split, "class_names": list(decoded.class_names)}
    about["remarks"] = [*remarks(), *changes]
    write_pack(folder, images, decoded.labels, about)
    pack = read_pack(folder)
    if pack is None:
        raise DataError(f"{folder} was written and cannot be read back; check the disk, then delete that folder.")
    return pack


def _in_shape(images: np.ndarray, shape: Wanted) -> tuple[np.ndarray, list[str]]:
    """The images (N, C, H, W) fitted to the shape, and what was done to them."""
    native, asked = images.shape[1:], (shape.channels, shape.height, shape.width)
    if native == asked:
        return images, []
    fitted = np.empty((len(images), *asked), np.uint8)
    for number, image in enumerate(images):
        pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
        fitted[number] = fit(Image.fromarray(pixels), shape).pixels
    return fitted, [f"{_size(native)} pictures fitted to {_size(asked)}"]


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
