"""Images in arrays, uint8 (N, H, W) or (N, H, W, C): what is one, and for other arrays the line that makes it one."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from gansmith.data.archives.inflate import open_reader
from gansmith.data.archives.zip import MAGICS
from gansmith.data.formats.idx import read_idx
from gansmith.data.formats.npy import MAGIC, check_whole_numbers, map_npy, map_numbers
from gansmith.data.formats.npz import Npz, open_npz
from gansmith.errors import DataError
from gansmith.text import printable

CHANNELS = (1, 2, 3, 4)
"""Channels that images in an array may have: grey, grey and alpha, RGB, RGBA."""
NPZ = ".npz"
IDX = b"\0\0\x08\3"
"""First bytes of an IDX file of images: unsigned bytes, three axes."""

_SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_OF_SPLIT = re.compile(
    rf"(?P<before>[a-z]*_)?(?P<split>{'|'.join(sorted(_SPLITS, key=len, reverse=True))})(?P<after>_[a-z]+)?", re.I
)
"""Such as train_images of MedMNIST, x_train of Keras, and train."""
_LABELS = {"images": "labels", "image": "label", "x": "y", "X": "y", "data": "labels", "samples": "labels"}
"""What the labels are called beside images of this name."""
_LABELS_ALONE = ("labels", "label", "y", "targets", "classes", "arr_1")
"""What they may be called otherwise, beside the only array of images."""
_LOOKED_AT = 1 << 20
"""Numbers, from all over the array, that tell its range."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageArray:
    """Images uint8 (N, H, W) or (N, H, W, C) with their name, and the label of each, if there are labels."""

    name: str
    images: np.ndarray
    labels: np.ndarray | None = None
    labels_from: str = ""
    note: str = ""
    """Why labels beside the images are not used."""


def is_array_file(path: Path, start: bytes) -> bool:
    """Whether a file with these first bytes is a .npy or .npz file, or an IDX file of images, perhaps gzipped."""
    if start.startswith((MAGIC, IDX)) or (start.startswith(MAGICS) and path.suffix.lower() == NPZ):
        return True
    if not start.startswith(b"\x1f\x8b"):
        return False
    with suppress(DataError), path.open("rb") as file:  # a damaged one is refused as an archive
        return open_reader(file, path).read(4) == IDX
    return False


def read_image_arrays(path: Path, array: str = "") -> tuple[ImageArray, ...]:
    """The images of an array file, or those of one array of a .npz; several are its parts train, val and test.

    Labels are whole numbers, [N] or (N, 1): in a .npz those that belong to the images by their name; beside x.npy they
    are x_labels.npy or labels.npy, beside an IDX file its label file. Raises DataError for anything else, with the line
    that converts it.
    """
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(MAGICS):
        with open_npz(path) as npz:
            return _of_npz(path, npz, array)
    if start.startswith(MAGIC):
        return (_of_npy(path),)
    images = read_idx(path, 3)
    labels_file = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
    if labels_file == path or not labels_file.is_file():
        return (ImageArray(name=path.name, images=images),)
    return (_labelled(path.name, images, lambda: read_idx(labels_file, 1), labels_file.name),)


def as_image_array(images: np.ndarray, name: str) -> np.ndarray:
    """The array, if it holds images. Raises DataError for another one, with the line that converts it."""
    if reason := why_no_images(images.dtype, images.shape, name, images):
        raise DataError(reason)
    return images


def why_no_images(kind: np.dtype, shape: Sequence[int], name: str, values: np.ndarray | None = None) -> str:
    """Why an array of this kind and shape holds no images, and what would do; "" if it does.

    `values` are those of the array, for the range of floats.
    """
    said = f"{name} is {kind.name} of shape {tuple(shape)}"
    wanted = "images are uint8 0 to 255, (N, H, W) or (N, H, W, C)"
    if not all(shape):
        return f"{said}, which is empty; {wanted}."
    if len(shape) not in (3, 4):
        return f"{said}; {wanted}, with C = 1, 2, 3 or 4."
    if kind.kind == "b":
        return f"{said}; {wanted}: x = x.astype('uint8') * 255"
    if kind.kind == "c" or (kind != np.uint8 and values is None):
        return f"{said}; {wanted}."
    if kind != np.uint8 and values is not None:
        seen = values.ravel("K")[:: max(values.size // _LOOKED_AT, 1)].astype(np.float64)
        if not np.isfinite(seen).all():
            return f"{said} with values that are not finite; {wanted}: replace them first."
        low, high = float(seen.min()), float(seen.max())
        line = _from_floats(low, high) if kind.kind == "f" else _from_whole_numbers(kind, low, high)
        return f"{said} from {low:.4g} to {high:.4g}; {wanted}: x = {line}"
    if len(shape) == 4 and shape[3] not in CHANNELS and shape[1] in CHANNELS:
        return f"{said}, channels first; move them last: x = x.transpose(0, 2, 3, 1)"
    if len(shape) == 3 and shape[2] in CHANNELS:
        return f"{said}, which is a single image; {wanted}."
    if len(shape) == 4 and shape[3] not in CHANNELS:
        return f"{said}; {wanted}, with C = 1, 2, 3 or 4."
    return ""


def _from_floats(low: float, high: float) -> str:
    if low >= 0 and high <= 1:
        return "(x * 255).round().clip(0, 255).astype('uint8')"
    if low >= -1 and high <= 1:
        return "(x * 127.5 + 127.5).round().clip(0, 255).astype('uint8')"
    if low >= 0 and high <= 255:
        return "x.round().clip(0, 255).astype('uint8')"
    return "x.round().clip(0, 255).astype('uint8'), once x is scaled to 0 to 255"


def _from_whole_numbers(kind: np.dtype, low: float, high: float) -> str:
    if low >= 0 and high <= 255:
        return "x.clip(0, 255).astype('uint8')"
    if kind == np.uint16:
        return "(x >> 8).astype('uint8') if all 16 bits are used"
    return "x.clip(0, 255).astype('uint8'), once x is scaled to 0 to 255"


def _of_npy(path: Path) -> ImageArray:
    images = as_image_array(map_numbers(path), str(path))
    for beside in (f"{path.stem}_labels.npy", f"{path.stem}-labels.npy", "labels.npy"):
        file = path.with_name(beside)
        if file != path and file.is_file():
            return _labelled(path.name, images, partial(map_npy, file), beside)
    return ImageArray(name=path.name, images=images)


def _of_npz(path: Path, npz: Npz, array: str) -> tuple[ImageArray, ...]:
    if array:
        if array in npz.unreadable:
            raise DataError(npz.unreadable[array])
        if array not in npz.headers:
            raise DataError(f"{path} has no array {array!r}; it holds {_listed(npz.headers)}.")
        return (_one_of_npz(path, npz, array, array),)
    fitting = [name for name, one in npz.headers.items() if not why_no_images(one.type, one.shape, name)]
    splits = _splits_of(fitting)
    if splits:
        return tuple(_one_of_npz(path, npz, name, split) for split, name in splits.items())
    if len(fitting) > 1:
        raise DataError(
            f"{path} holds several arrays of images ({_listed({name: npz.headers[name] for name in fitting})}); name "
            f"one: --data '{path.name}[{printable(fitting[0])}]'"
        )
    if fitting:
        return (_one_of_npz(path, npz, fitting[0], fitting[0]),)
    largest = max(npz.headers, key=lambda name: npz.headers[name].array_bytes, default="")
    if largest:
        _one_of_npz(path, npz, largest, largest)  # which says what it is, and what would do
    raise DataError(next(iter(npz.unreadable.values()), f"{path} holds no array."))


def _splits_of(names: Sequence[str]) -> dict[str, str]:
    """The name of each part's images, if these are the parts of one set: train and others."""
    found = [(match, name) for name in names if (match := _OF_SPLIT.fullmatch(name))]
    stems = {((match["before"] or "").lower(), (match["after"] or "").lower()) for match, _ in found}
    splits = {_SPLITS[match["split"].lower()]: name for match, name in found}
    is_set = len(stems) == 1 and len(splits) == len(found) == len(names) > 1 and "train" in splits
    return {split: splits[split] for split in ("train", "val", "test") if split in splits} if is_set else {}


def _one_of_npz(path: Path, npz: Npz, name: str, part: str) -> ImageArray:
    images = as_image_array(npz.read(name), f"{path}: {name}")
    for of_labels in _names_of_labels(name, only=len(npz.headers) + len(npz.unreadable) == 2):
        if of_labels in npz.headers or of_labels in npz.unreadable:
            return _labelled(part, images, partial(_read_labels, npz, of_labels), of_labels)
    return ImageArray(name=part, images=images)


def _read_labels(npz: Npz, name: str) -> np.ndarray:
    if name in npz.unreadable:
        raise DataError(npz.unreadable[name])
    check_whole_numbers(npz.headers[name].type, name)
    return npz.read(name)


def _names_of_labels(name: str, *, only: bool) -> list[str]:
    """What the labels of the images `name` may be called: train_labels for train_images, y_test for x_test."""
    parts = name.split("_")
    swapped = ["_".join(_LABELS.get(part, part) for part in parts), f"{name}_labels"]
    return [one for one in (*swapped, *(_LABELS_ALONE if only or name == "arr_0" else ())) if one != name]


def _labelled(name: str, images: np.ndarray, read: Callable[[], np.ndarray], labels_from: str) -> ImageArray:
    """With the labels that `read` returns. Others than one for each image are a note: not everybody wants classes."""
    try:
        labels = read()
    except DataError as error:
        return ImageArray(name=name, images=images, note=f"{labels_from} gives no classes: {error}")
    if labels.shape not in [(len(images),), (len(images), 1)]:
        note = f"{labels_from} gives no classes: it has the shape {labels.shape} and not ({len(images)},)"
        return ImageArray(name=name, images=images, note=note)
    return ImageArray(name=name, images=images, labels=np.array(labels).reshape(-1), labels_from=labels_from)


def _listed(headers: Mapping[str, object]) -> str:
    return ", ".join(map(printable, [*headers][:10])) + (", ..." if len(headers) > 10 else "")
