"""NPZ archives, which are zip files of .npy files: anybody's, and those in which Keras publishes its sets."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BufferedIOBase
from pathlib import Path
from typing import Literal

import numpy as np

from gansmith.data.archives.kinds import START, check_no_pointer
from gansmith.data.archives.members import Limits, Member, check_members
from gansmith.data.archives.zip import MAGICS, open_zip_member, read_zip_member, zip_entries
from gansmith.data.formats.arrays import LabelledImages
from gansmith.data.formats.idx import MAX_BYTES
from gansmith.data.formats.npy import MAX_HEADER, Header, check_whole_numbers, read_header
from gansmith.errors import DataError

_LIMITS = Limits(members=1000, member_bytes=MAX_BYTES + MAX_HEADER, total_bytes=1 << 50)
_SUFFIX = ".npy"


@dataclass(frozen=True, kw_only=True, slots=True)
class Npz:
    """The arrays of numbers in an archive, by their names, and a sentence on why another cannot be read."""

    headers: Mapping[str, Header]
    unreadable: Mapping[str, str]
    read: Callable[[str], np.ndarray]
    """The array of this name. Raises DataError when it is damaged."""


@contextmanager
def open_npz(path: Path) -> Generator[Npz]:
    """List an archive's arrays, to be read while the context lasts.

    No more is inflated than each array's header and the archive's directory agree on, and nothing in it is evaluated.
    Raises DataError when the archive is missing, damaged or of another kind.
    """
    try:
        with path.open("rb") as file:
            if not (start := file.read(START)).startswith(MAGICS):
                check_no_pointer(path, start)
                raise DataError(f"{path} is not an NPZ archive, which is a zip file; fetch it again.")
            listing = check_members(zip_entries(file, path, _LIMITS.members), path, _LIMITS)
            members = {one.name.removesuffix(_SUFFIX): one for one in listing.members if one.name.endswith(_SUFFIX)}
            unreadable = {one.name.removesuffix(_SUFFIX): f"{path}: {one.name} {one.reason}" for one in listing.skipped}
            headers = {}
            for name, member in members.items():
                try:
                    headers[name] = _header(file, path, member)
                except DataError as error:
                    unreadable[name] = str(error)
            yield Npz(headers=headers, unreadable=unreadable, read=partial(_read_array, file, path, members))
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).") from error


def read_npz(path: Path, split: Literal["train", "test"]) -> LabelledImages:
    """The images and labels of one split of an archive like Keras's mnist.npz.

    `x_<split>` is uint8, (N, H, W) or (N, H, W, C) with 1, 3 or 4 channels; `y_<split>` holds integers, [N] or (N, 1).
    Raises DataError as `open_npz` does, and when the archive has no such arrays.
    """
    with open_npz(path) as npz:
        arrays = []
        for name in (f"x_{split}", f"y_{split}"):
            if name in npz.unreadable:
                raise DataError(npz.unreadable[name])
            if name not in npz.headers:
                held = ", ".join(sorted(npz.headers)[:10]) or "nothing"
                raise DataError(f"{path} has no {name}; it holds {held}.")
            check_whole_numbers(npz.headers[name].type, f"{path}: {name}.npy")
            if not npz.headers[name].array_bytes:
                raise DataError(f"{path}: {name}.npy is empty; fetch the archive again.")
            arrays.append(npz.read(name))
    images, labels = arrays
    return _checked(path, split, images, labels)


def _checked(path: Path, split: str, images: np.ndarray, labels: np.ndarray) -> LabelledImages:
    shape = images.shape
    if images.dtype != np.uint8 or not (len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3, 4))):
        raise DataError(
            f"{path}: x_{split} is {images.dtype} of shape {shape}; expected uint8 (N, H, W) or (N, H, W, C)."
        )
    if labels.shape not in [shape[:1], (shape[0], 1)]:
        raise DataError(f"{path}: x_{split} holds {shape[0]:,} images, y_{split} labels of shape {labels.shape}.")
    planes = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
    labels = labels.reshape(-1)
    if labels.min() < 0:
        raise DataError(f"{path}: y_{split} holds the label {labels.min()}; labels count from 0.")
    return LabelledImages(images=planes, labels=labels if labels.dtype == np.uint8 else labels.astype(np.int64))


def _header(file: BufferedIOBase, path: Path, member: Member) -> Header:
    header = read_header(open_zip_member(file, path, member), f"{path}: {member.name}")
    if header.num_bytes + header.array_bytes != member.size:
        raise DataError(
            f"{path}: {member.name} announces {header.array_bytes:,} bytes ({header.shape}) and holds "
            f"{member.size - header.num_bytes:,}; fetch it again."
        )
    return header


def _read_array(file: BufferedIOBase, path: Path, members: Mapping[str, Member], name: str) -> np.ndarray:
    header, content = _header(file, path, members[name]), read_zip_member(file, path, members[name])
    array = np.frombuffer(content, header.type, offset=header.num_bytes)
    return array.reshape(header.shape, order=header.order)
