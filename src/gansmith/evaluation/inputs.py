"""Reads images for an evaluation, generated or real, as uint8 (N, H, W, C) without changing a pixel."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from gansmith.data.formats.image_array import as_image_array
from gansmith.data.formats.npy import map_numbers
from gansmith.data.images.decode import DecodedImage, decode, suffix_of
from gansmith.data.images.pool import Decoders
from gansmith.data.images.resize import ImageShape
from gansmith.data.images.types import SUFFIXES
from gansmith.data.labels import LABEL_FILES
from gansmith.data.open_source import Entry, OpenSource, no_usable_image, packing_command
from gansmith.data.store import Dataset, read_dataset
from gansmith.errors import DataError
from gansmith.rng import stream
from gansmith.text import describe_size, printable

Shape = tuple[int, int, int]
"""Height, width, channels."""
_FEW = 256
"""Up to this number of files, one process decodes them all."""
_HARMLESS = ("named", "not named", "palette", "turned")
"""How those reasons of a decoded file begin that leave its visible pixels unchanged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageSet:
    """Images uint8 (N, H, W, C) with their name and split for a protocol, and notes for the user."""

    name: str
    split: str
    images: np.ndarray
    sha256: str
    """SHA-256 of shape and pixels."""
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> Shape:
        """Height, width and channels of each image."""
        height, width, channels = self.images.shape[1:]
        return height, width, channels

    def __len__(self) -> int:
        """The number of images."""
        return len(self.images)


def image_set(images: np.ndarray, name: str, split: str = "all", notes: Sequence[str] = ()) -> ImageSet:
    """The images of an array uint8 (N, H, W, C), hashed."""
    images = np.ascontiguousarray(images)
    digest = hashlib.sha256(str(images.shape).encode())
    digest.update(images.data)
    return ImageSet(name=name, split=split, images=images, sha256=digest.hexdigest(), notes=tuple(notes))


def of_dataset(dataset: Dataset, name: str, split: str, most: int | None = None) -> ImageSet:
    """The images of a packed dataset; if it has more than `most`, a random choice, which is always the same."""
    rows, notes = torch.arange(len(dataset)), list(dataset.index["notes"])
    if most and len(dataset) > most:
        order = torch.randperm(len(dataset), generator=stream(0, "evaluation/reference", len(dataset)))
        rows = order[:most].sort().values
        notes.append(f"a random choice of {most:,} of the {len(dataset):,} images of {name} is used")
    return image_set(dataset.batch(rows).permute(0, 2, 3, 1).numpy(), name, split, notes)


def read_whole(path: Path, most: int | None = None) -> ImageSet | None:
    """The images of a .npy file, or at most `most` images of a packed dataset; None for any other path.

    Raises DataError as `read_array` does.
    """
    if path.suffix == ".npy":
        return read_array(path)
    dataset = read_dataset(path)
    return of_dataset(dataset, dataset.index["name"], "all", most) if dataset else None


def read_array(path: Path) -> ImageSet:
    """The images of a .npy file. Raises DataError for anything but uint8 images, with the line that converts them."""
    if not path.is_file():
        raise DataError(f"{path} does not exist; give a .npy file of images, uint8 (N, H, W) or (N, H, W, C).")
    array = as_image_array(map_numbers(path), str(path))
    return image_set(np.array(array if array.ndim == 4 else array[..., None]), printable(path.name))


def read_images(source: OpenSource, shape: Shape) -> ImageSet:
    """The images of a folder, an archive or a table, all of this shape.

    Nothing is resized or converted: raises DataError, naming the file, for an image of another shape or kind and for
    one that cannot be read. JPEG images are read, and a note mentions them.
    """
    entries = _images_among(source)
    image_shape = ImageShape(height=shape[0], width=shape[1], channels=shape[2])
    pixels = np.empty((len(entries), *shape), np.uint8)
    count = num_jpeg = 0
    with Decoders(1 if len(entries) < _FEW else None) as decoders:
        found = decoders.decode((source.job(entry) for entry in entries), image_shape)
        for entry, image in zip(entries, found, strict=True):
            if _is_image(entry, image):
                pixels[count] = _unchanged(entry, image, shape, source).transpose(1, 2, 0)
                count += 1
                num_jpeg += image.format == "JPEG"
    if not count:
        raise _no_image(source)
    which = f"{num_jpeg:,} of the {count:,} images"
    notes = [f"{which} are JPEG, whose compression changes every number below; save PNG"] if num_jpeg else []
    return image_set(pixels[:count], printable(source.name or source.path.resolve().name), notes=notes)


def first_shape(source: OpenSource) -> Shape:
    """The shape of the first usable image. Raises DataError when there is none."""
    for entry in _images_among(source):
        job = source.job(entry)
        image = decode(job.name, job.content or b"")
        if image.outcome != "dropped":
            grey = image.mode in ("1", "L") or image.mode.startswith("I")
            return image.height, image.width, 4 if image.transparent else 1 if grey else 3
    raise no_usable_image(source)


def check_same_shape(title: str, shape: Shape, real: ImageSet) -> None:
    """Raise DataError when the generated images, called `title`, have another shape than the real ones."""
    if shape != real.shape:
        options = ["--size", f"{shape[0]}x{shape[1]}", "--channels", str(shape[2])]
        raise DataError(
            f"{title} holds images of {describe_shape(shape)} and {real.name} has {describe_shape(real.shape)}; give "
            f"--against images of {describe_shape(shape)}, such as `{packing_command(['SRC'], options)}` makes."
        )


def check_same_size(name: str, size: tuple[int, int], expected: Sequence[int], source: OpenSource) -> None:
    """Raise DataError, with the command that resizes, when an image of the source has another height or width."""
    if size != tuple(expected[:2]):
        other = f"{expected[0]}x{expected[1]}"
        command = packing_command(source.given or (str(source.path),), ["--size", other])
        raise DataError(
            f"{printable(name)} is {size[0]}x{size[1]}, but the images it is compared with are {other}; evaluate does "
            f"not resize, because the method of resizing changes the numbers: run `{command}` and give OUT instead."
        )


def describe_shape(shape: Shape) -> str:
    """Such as "28x28 grey"."""
    return describe_size(shape[2], shape[0], shape[1])


def _images_among(source: OpenSource) -> list[Entry]:
    """The files but for label files, and the rows of a table. Raises DataError when there are none."""
    if found := [entry for entry in source.entries if entry.name.rpartition("/")[2].lower() not in LABEL_FILES]:
        return found
    raise _no_image(source)


def _no_image(source: OpenSource) -> DataError:
    place = printable(str(source.path))
    return DataError(f"{place} holds no image; give a folder of PNG files, such as `gansmith sample` makes.")


def _is_image(entry: Entry, image: DecodedImage) -> bool:
    """Whether it is an image, if only by its name, that may be damaged."""
    return image.outcome != "dropped" or image.is_image or entry.row or suffix_of(entry.name) in SUFFIXES


def _unchanged(entry: Entry, image: DecodedImage, shape: Shape, source: OpenSource) -> np.ndarray:
    """The pixels (C, H, W). Raises DataError for an image of another shape or kind."""
    reasons = ", ".join(reason for reason in image.reasons if not reason.startswith(_HARMLESS))
    if image.pixels is None:
        raise DataError(f"{printable(entry.name)} cannot be used ({reasons}); repair or remove it.")
    check_same_size(entry.name, (image.height, image.width), shape, source)
    if reasons:
        raise DataError(f"{printable(entry.name)} is not {describe_shape(shape)} ({reasons}); convert it.")
    return image.pixels
