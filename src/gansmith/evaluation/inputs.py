"""Pictures that are measured or measured against: uint8 (N, H, W, C), read without loss, or refused."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from gansmith.data.dataset import size_in_words
from gansmith.data.formats.npz import map_npy
from gansmith.data.images.decode import Picture, decode, suffix_of
from gansmith.data.images.pool import Decoders
from gansmith.data.images.resize import Wanted
from gansmith.data.images.types import SUFFIXES
from gansmith.data.labels import LABEL_FILES
from gansmith.data.sources import Entry, Source, packing_command, shown
from gansmith.data.store import Pack, read_pack
from gansmith.errors import DataError
from gansmith.rng import stream

Shape = tuple[int, int, int]
"""Height, width, channels."""

_FEW = 256
"""Files up to which one process decodes them."""

_HARMLESS = ("named", "not named", "palette", "turned")
"""How the remarks on a file begin that leave its pixels as they are seen."""

_FLOATS = re.compile(rb"'descr': '[<>=|]?[fc]\d+'")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pictures:
    """Pictures uint8 (N, H, W, C), what they are called in a protocol, and what should be known of them."""

    name: str
    split: str
    images: np.ndarray
    sha256: str
    """Of shape and pixels."""
    remarks: tuple[str, ...] = ()

    @property
    def shape(self) -> Shape:
        """Height, width and channels of each."""
        height, width, channels = self.images.shape[1:]
        return height, width, channels

    def __len__(self) -> int:
        """Their number."""
        return len(self.images)


def pictures(images: np.ndarray, name: str, split: str = "all", remarks: Sequence[str] = ()) -> Pictures:
    """Pictures out of an array uint8 (N, H, W, C)."""
    images = np.ascontiguousarray(images)
    digest = hashlib.sha256(str(images.shape).encode())
    digest.update(images.data)
    return Pictures(name=name, split=split, images=images, sha256=digest.hexdigest(), remarks=tuple(remarks))


def of_pack(pack: Pack, name: str, split: str, most: int | None = None) -> Pictures:
    """The pictures of a store; of more than `most`, so many are chosen by chance, always the same."""
    rows, remarks = torch.arange(len(pack)), list(pack.index["remarks"])
    if most and len(pack) > most:
        rows = torch.randperm(len(pack), generator=stream(0, "evaluation/reference", len(pack)))[:most].sort().values
        remarks.append(f"{most:,} of the {len(pack):,} pictures of {name}, chosen by chance, stand for all of them")
    return pictures(pack.batch(rows).permute(0, 2, 3, 1).numpy(), name, split, remarks)


def read_whole(path: Path, most: int | None = None) -> Pictures | None:
    """The pictures of a .npy file, or of a store that `gansmith data prepare` made; None for all that is neither.

    Of a store, at most so many. Raises DataError as `read_array`.
    """
    if path.suffix == ".npy":
        return read_array(path)
    pack = read_pack(path)
    return of_pack(pack, pack.index["name"], "all", most) if pack else None


def read_array(path: Path) -> Pictures:
    """The pictures of a .npy file as `gansmith sample` writes it. Raises DataError saying what would do."""
    if not path.is_file():
        raise DataError(f"{path} does not exist; give a .npy file of pictures, uint8 (N, H, W, C).")
    if _holds_floats(path):
        raise DataError(
            f"{path} holds floats, and pictures are measured as bytes 0..255; make them uint8 by rounding and clipping "
            "as `gansmith sample` does, for instance of x in -1..1: (x * 127.5 + 127.5).round().clip(0, 255)."
        )
    array = map_npy(path)
    if array.dtype != np.uint8 or array.ndim != 4 or array.shape[3] not in (1, 3, 4):
        raise DataError(f"{path} is {array.dtype} of shape {array.shape}; needed is uint8 (N, H, W, C){_turn(array)}.")
    return pictures(np.array(array), shown(path.name))


def read_pictures(source: Source, shape: Shape) -> Pictures:
    """The pictures of a folder, an archive or a table, all of this shape.

    Nothing is resized, and colours stay: what has another shape, is of another kind or cannot be read is refused, with
    a DataError that names it. JPEG is read and remarked upon.
    """
    entries = _pictures_among(source)
    wanted = Wanted(height=shape[0], width=shape[1], channels=shape[2])
    pixels = np.empty((len(entries), *shape), np.uint8)
    num_jpeg = 0
    with Decoders(1 if len(entries) < _FEW else None) as decoders:
        found = decoders.decode((source.job(entry) for entry in entries), wanted)
        for number, (entry, picture) in enumerate(zip(entries, found, strict=True)):
            pixels[number] = _unchanged(entry, picture, shape, source).transpose(1, 2, 0)
            num_jpeg += picture.format == "JPEG"
    return pictures(pixels, shown(source.name or source.path.resolve().name), remarks=_of_jpeg(num_jpeg, len(entries)))


def first_shape(source: Source) -> Shape:
    """The shape of the first picture that can be used. Raises DataError when there is none."""
    for entry in _pictures_among(source):
        job = source.job(entry)
        picture = decode(job.name, job.content or b"")
        if picture.outcome != "dropped":
            grey = picture.mode in ("1", "L") or picture.mode.startswith("I")
            return picture.height, picture.width, 4 if picture.transparent else 1 if grey else 3
    raise DataError(f"{shown(str(source.path))} holds no picture that can be used; see: gansmith data check.")


def refuse_unlike(title: str, shape: Shape, real: Pictures) -> None:
    """Raise DataError when generated pictures, which go by the title, are of another shape than the real ones."""
    if shape != real.shape:
        options = f"--size {shape[0]}x{shape[1]} --channels {shape[2]}"
        raise DataError(
            f"{title} holds pictures of {in_words(shape)} and {real.name} has {in_words(real.shape)}; give --against "
            f"pictures of {in_words(shape)}, such as `{packing_command(['SRC'], options)}` makes."
        )


def refuse_other_size(name: str, size: tuple[int, int], wanted: Sequence[int], source: Source) -> None:
    """Raise DataError when a picture of the source is not as high and wide as wanted, with the command that helps."""
    if size != tuple(wanted[:2]):
        needed = f"{wanted[0]}x{wanted[1]}"
        command = packing_command(source.given or (str(source.path),), f"--size {needed}")
        raise DataError(
            f"{shown(name)} is {size[0]}x{size[1]} where {needed} is needed, the size of what it is compared with; "
            "pictures are not resized here, because how that is done changes the numbers: have it done by "
            f"`{command}` and give OUT instead."
        )


def in_words(shape: Shape) -> str:
    """Such as "28x28 grey"."""
    return size_in_words(shape[2], shape[0], shape[1])


def _holds_floats(path: Path) -> bool:
    with path.open("rb") as file:
        return bool(_FLOATS.search(file.read(200)))


def _turn(array: np.ndarray) -> str:
    if array.dtype == np.uint8 and array.ndim == 3:
        return ": add an axis for the one channel, x[..., None]"
    if array.dtype == np.uint8 and array.ndim == 4 and array.shape[1] in (1, 3, 4):
        return ": move the channels last, x.transpose(0, 2, 3, 1)"
    return ""


def _pictures_among(source: Source) -> list[Entry]:
    """All files but those of labels, and those that neither are called pictures nor come out of a table.

    Raises DataError when there are none.
    """
    names = (entry for entry in source.entries if entry.name.rpartition("/")[2] not in LABEL_FILES)
    if found := [entry for entry in names if entry.row or suffix_of(entry.name) in SUFFIXES]:
        return found
    place = shown(str(source.path))
    raise DataError(f"{place} holds no picture; give a folder of PNG files, as `gansmith sample` makes one.")


def _unchanged(entry: Entry, picture: Picture, shape: Shape, source: Source) -> np.ndarray:
    """Its pixels (C, H, W). Raises DataError for a picture that is of another shape, or would be changed to fit it."""
    reasons = ", ".join(reason for reason in picture.reasons if not reason.startswith(_HARMLESS))
    if picture.pixels is None:
        raise DataError(f"{shown(entry.name)} cannot be used ({reasons}); repair or remove it.")
    refuse_other_size(entry.name, (picture.height, picture.width), shape, source)
    if reasons:
        raise DataError(f"{shown(entry.name)} would be changed to become {in_words(shape)} ({reasons}); save it so.")
    return picture.pixels


def _of_jpeg(num_jpeg: int, count: int) -> list[str]:
    if not num_jpeg:
        return []
    return [
        f"{num_jpeg:,} of the {count:,} pictures are JPEG, which changes pixels and so every number below; save PNG"
    ]
