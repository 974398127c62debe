"""A folder of pictures, with its sub-folders, decoded by Pillow from a short list of formats."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from gansmith.errors import DataError

FORMATS = {"BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP"}
SUFFIXES = {".bmp", ".gif", ".jpg", ".jpeg", ".png", ".pgm", ".ppm", ".tif", ".tiff", ".webp"}

MAX_DROPPED = 0.01
"""Share of unreadable files above which the folder is refused."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FolderPictures:
    """What a folder holds: uint8 images [N, C, H, W] and the files that could not be read."""

    images: np.ndarray
    dropped: list[Path]


def list_pictures(folder: Path) -> list[Path]:
    """The picture files below `folder`, by their suffix, in the order of their paths. Raises DataError for none."""
    hidden = (path for path in folder.rglob("*") if not path.name.startswith("."))
    files = sorted(path for path in hidden if path.suffix.lower() in SUFFIXES and path.is_file())
    if not files:
        raise DataError(f"{folder} holds no pictures; looked for {', '.join(sorted(SUFFIXES))} in it and below.")
    return files


def read_pictures(files: list[Path], channels: int, height: int, width: int) -> FolderPictures:
    """Every picture turned upright, made grey (1 channel) or RGB (3), cropped to the centre and resized.

    Raises DataError when more than 1 % of the files cannot be read.
    """
    images = np.empty((len(files), channels, height, width), np.uint8)
    kept, dropped = 0, []
    for file in files:
        pixels = _read_picture(file, channels, height, width)
        if pixels is None:
            dropped.append(file)
        else:
            images[kept] = pixels
            kept += 1
    if len(dropped) > MAX_DROPPED * len(files):
        raise DataError(
            f"{len(dropped)} of {len(files)} pictures cannot be read, the first is {dropped[0]}; "
            f"remove or repair them (up to {MAX_DROPPED:.0%} may be skipped)."
        )
    return FolderPictures(images=images[:kept], dropped=dropped)


def _read_picture(file: Path, channels: int, height: int, width: int) -> np.ndarray | None:
    try:
        with Image.open(file, formats=sorted(FORMATS)) as picture:
            upright = ImageOps.exif_transpose(picture).convert("L" if channels == 1 else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    fitted = ImageOps.fit(upright, (width, height), Image.Resampling.LANCZOS)
    return np.asarray(fitted).reshape(height, width, channels).transpose(2, 0, 1)
