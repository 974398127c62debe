"""Images that are measured or measured against: uint8 (N, H, W, C), read without loss, or refused."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from gansmith.data.formats.npz import map_npy
from gansmith.data.images.decode import DecodedImage, decode, suffix_of
from gansmith.data.images.pool import Decoders
from gansmith.data.images.resize import ImageShape
from gansmith.data.images.types import SUFFIXES
from gansmith.data.labels import LABEL_FILES
from gansmith.data.open_source import Entry, OpenSource, packing_command
from gansmith.data.store import Dataset, read_dataset
from gansmith.errors import DataError
from gansmith.rng import stream
from gansmith.text import describe_size, printable

Shape = tuple[int, int, int]
"""Height, width, channels."""

_FEW = 256
"""Files up to which one process decodes them."""

_HARMLESS = ("named", "not named", "palette", "turned")
"""How the remarks on a file begin that leave its pixels as they are seen."""

_FLOATS = re.compile(rb"'descr': '[<>=|]?[fc]\d+'")


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageSet:
    """Images uint8 (N, H, W, C), what they are called in a protocol, and what should be known of them."""

    name: str
    split: str
    images: np.ndarray
    sha256: str
    """Of shape and pixels."""
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> Shape:
        """Height, width and channels of each."""
        height, width, channels = self.images.shape[1:]
        return height, width, channels

    def __len__(self) -> int:
        """Their number."""
        return len(self.images)


def image_set(images: np.ndarray, name: str, split: str = "all", notes: Sequence[str] = ()) -> ImageSet:
    """Images out of an array uint8 (N, H, W, C)."""
    images = np.ascontiguousarray(images)
    digest = hashlib.sha256(str(images.shape).encode())
    digest.update(images.data)
    return ImageSet(name=name, split=split, images=images, sha256=digest.hexdigest(), notes=tuple(notes))


def of_dataset(dataset: Dataset, name: str, split: str, most: int | None = None) -> ImageSet:
    """The images of a store; of more than `most`, so many are chosen by chance, always the same."""
    rows, notes = torch.arange(len(dataset)), list(dataset.index["notes"])
    if most and len(dataset) > most:
        rows = (
            torch.randperm(len(dataset), generator=stream(0, "evaluation/reference", len(dataset)))[:most].sort().values
        )
        notes.append(f"{most:,} of the {len(dataset):,} images of {name}, chosen by chance, stand for all of them")
    return image_set(dataset.batch(rows).permute(0, 2, 3, 1).numpy(), name, split, notes)


def read_whole(path: Path, most: int | None = None) -> ImageSet | None:
    """The images of a .npy file, or of a store that `gansmith data prepare` made; None for all that is neither.

    Of a store, at most so many. Raises DataError as `read_array`.
    """
    if path.suffix == ".npy":
        return read_array(path)
    dataset = read_dataset(path)
    return of_dataset(dataset, dataset.index["name"], "all", most) if dataset else None


def read_array(path: Path) -> ImageSet:
    """The images of a .npy file as `gansmith sample` writes it. Raises DataError saying what would do."""
    if not path.is_file():
        raise DataError(f"{path} does not exist; give a .npy file of images, uint8 (N, H, W, C).")
    if _holds_floats(path):
        raise DataError(
            f"{path} holds floats, and images are measured as bytes 0..255; make them uint8 by rounding and clipping "
            "as `gansmith sample` does, for instance of x in -1..1: (x * 127.5 + 127.5).round().clip(0, 255)."
        )
    array = map_npy(path)
    if array.dtype != np.uint8 or array.ndim != 4 or array.shape[3] not in (1, 3, 4):
        raise DataError(f"{path} is {array.dtype} of shape {array.shape}; needed is uint8 (N, H, W, C){_turn(array)}.")
    return image_set(np.array(array), printable(path.name))


def read_images(source: OpenSource, shape: Shape) -> ImageSet:
    """The images of a folder, an archive or a table, all of this shape.

    Nothing is resized, and colours stay: what has another shape, is of another kind or cannot be read is refused, with
    a DataError that names it. JPEG is read and remarked upon.
    """
    entries = _images_among(source)
    wanted = ImageShape(height=shape[0], width=shape[1], channels=shape[2])
    pixels = np.empty((len(entries), *shape), np.uint8)
    num_jpeg = 0
    with Decoders(1 if len(entries) < _FEW else None) as decoders:
        found = decoders.decode((source.job(entry) for entry in entries), wanted)
        for number, (entry, image) in enumerate(zip(entries, found, strict=True)):
            pixels[number] = _unchanged(entry, image, shape, source).transpose(1, 2, 0)
            num_jpeg += image.format == "JPEG"
    return image_set(
        pixels, printable(source.name or source.path.resolve().name), notes=_of_jpeg(num_jpeg, len(entries))
    )


def first_shape(source: OpenSource) -> Shape:
    """The shape of the first image that can be used. Raises DataError when there is none."""
    for entry in _images_among(source):
        job = source.job(entry)
        image = decode(job.name, job.content or b"")
        if image.outcome != "dropped":
            grey = image.mode in ("1", "L") or image.mode.startswith("I")
            return image.height, image.width, 4 if image.transparent else 1 if grey else 3
    raise DataError(f"{printable(str(source.path))} holds no image that can be used; see: gansmith data check.")


def check_same_shape(title: str, shape: Shape, real: ImageSet) -> None:
    """Raise DataError when generated images, which go by the title, are of another shape than the real ones."""
    if shape != real.shape:
        options = f"--size {shape[0]}x{shape[1]} --channels {shape[2]}"
        raise DataError(
            f"{title} holds images of {describe(shape)} and {real.name} has {describe(real.shape)}; give --against "
            f"images of {describe(shape)}, such as `{packing_command(['SRC'], options)}` makes."
        )


def check_same_size(name: str, size: tuple[int, int], wanted: Sequence[int], source: OpenSource) -> None:
    """Raise DataError when an image of the source is not as high and wide as wanted, with the command that helps."""
    if size != tuple(wanted[:2]):
        needed = f"{wanted[0]}x{wanted[1]}"
        command = packing_command(source.given or (str(source.path),), f"--size {needed}")
        raise DataError(
            f"{printable(name)} is {size[0]}x{size[1]} where {needed} is needed, the size of what it is compared with; "
            "images are not resized here, because how that is done changes the numbers: have it done by "
            f"`{command}` and give OUT instead."
        )


def describe(shape: Shape) -> str:
    """Such as "28x28 grey"."""
    return describe_size(shape[2], shape[0], shape[1])


def _holds_floats(path: Path) -> bool:
    with path.open("rb") as file:
        return bool(_FLOATS.search(file.read(200)))


def _turn(array: np.ndarray) -> str:
    if array.dtype == np.uint8 and array.ndim == 3:
        return ": add an axis for the one channel, x[..., None]"
    if array.dtype == np.uint8 and array.ndim == 4 and array.shape[1] in (1, 3, 4):
        return ": move the channels last, x.transpose(0, 2, 3, 1)"
    return ""


def _images_among(source: OpenSource) -> list[Entry]:
    """All files but those of labels, and those that neither are called images nor come out of a table.

    Raises DataError when there are none.
    """
    names = (entry for entry in source.entries if entry.name.rpartition("/")[2] not in LABEL_FILES)
    if found := [entry for entry in names if entry.row or suffix_of(entry.name) in SUFFIXES]:
        return found
    place = printable(str(source.path))
    raise DataError(f"{place} holds no image; give a folder of PNG files, as `gansmith sample` makes one.")


def _unchanged(entry: Entry, image: DecodedImage, shape: Shape, source: OpenSource) -> np.ndarray:
    """Its pixels (C, H, W). Raises DataError for an image that is of another shape, or would be changed to fit it."""
    reasons = ", ".join(reason for reason in image.reasons if not reason.startswith(_HARMLESS))
    if image.pixels is None:
        raise DataError(f"{printable(entry.name)} cannot be used ({reasons}); repair or remove it.")
    check_same_size(entry.name, (image.height, image.width), shape, source)
    if reasons:
        raise DataError(f"{printable(entry.name)} would be changed to {describe(shape)} ({reasons}); save it so.")
    return image.pixels


def _of_jpeg(num_jpeg: int, count: int) -> list[str]:
    if not num_jpeg:
        return []
    return [f"{num_jpeg:,} of the {count:,} images are JPEG, which changes pixels and so every number below; save PNG"]
