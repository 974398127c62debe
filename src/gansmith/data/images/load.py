"""Loading: from a file's bytes to an upright image in Pillow's hands, and what was found and done on the way."""

import io
import warnings
from dataclasses import dataclass

from PIL import Image, ImageFile, UnidentifiedImageError

from gansmith.data.images.budget import OVER_BUDGET, excess_of
from gansmith.data.images.deep import DeepImage, has_16_bits, is_deep
from gansmith.data.images.levels import Levels, Span, levels_of
from gansmith.data.images.types import FORMATS, SUFFIXES, begins_as_image

READ_WHOLE = 89_478_485
"""Images with more pixels are read at half of their size, or less: a quarter of a gigabyte as RGB."""
MAX_PIXELS = 2 * READ_WHOLE
"""Images with more pixels are dropped unread: a decode process needs a gigabyte for one of these."""
MAX_JPEG_PIXELS = 4 * MAX_PIXELS
"""The same for JPEG, which is decoded at a half, a quarter or an eighth of its size at once."""
MIN_SIDE = 8
"""Images with a side of fewer pixels are dropped."""
TOO_MUCH_MEMORY = "needs too much memory"
NO_PROFILE = "colour profile not applied"

_OTHER_FORMATS = (b"8BPS", b"%!PS", b"%PDF", b"<svg", b"\0\0\1\0", b"\0\0\0\x0cjP", b"\xff\x0a", b"qoif")
"""First bytes of image formats that are not read: PSD, EPS, PDF, SVG, ICO, JPEG 2000, JPEG XL and QOI."""
_HEAD = 4096
"""First bytes of a text that tell whether it is an SVG drawing; comments of a licence may come first."""
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_USUAL_GAMMA = 2.2
"""A PNG that states its reciprocal is as bright as one that states nothing."""
_SAME_GAMMA = 0.1
"""Relative difference up to which a gamma is the usual one."""
_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)
"""Orientations that exchange width and height."""


class UnusableError(Exception):
    """Carries the reason an image is dropped for, and what trying it cost the budget."""

    def __init__(self, reason: str, excess: int = 0):
        super().__init__(reason)
        self.excess = excess


@dataclass(frozen=True, slots=True)
class Loaded:
    """An image, upright, and what was found and done on the way."""

    image: Image.Image
    format: str
    mode: str
    width: int
    height: int
    """Width and height of the file, upright; those of the image if it was read whole."""
    reasons: list[str]
    span: Span | None
    excess: int


def load(suffix: str | None, content: bytes, levels: Levels | None, most_excess: int, *, boxed: bool) -> Loaded:
    """Decode fully; `suffix` is that of the file's name, None for an image without a name.

    Raises UnusableError with the reason. A decoder may raise anything on damaged bytes, so everything is caught here,
    and only here.
    """
    if not content:
        raise UnusableError("zero bytes")
    span, excess = None, 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(content), formats=FORMATS)
            excess = check_size(image, len(content), most_excess)
            reasons = _header_notes(suffix, content, image)
            mode, (width, height) = image.mode, image.size
            turned = _orientation(image) if image.format == "TIFF" else 1  # a TIFF is turned while it loads
            if is_deep(image, content):
                deep = DeepImage(image, content)
                span = None if levels else deep.span()
                levels = levels or levels_of([deep.span()])
                reasons.append(levels.reason(deep.span().kind))
                loaded = deep.to_pillow(levels)
            else:
                loaded = _read_smaller(image, reasons, boxed) if width * height > READ_WHOLE else image
                loaded.load()  # before another EXIF is read: for a PNG that loads too, and hides that it failed
            left_to_turn = _orientation(image)
    except UnusableError:
        raise
    except MemoryError:
        raise UnusableError(TOO_MUCH_MEMORY, excess) from None
    except UnidentifiedImageError:
        raise UnusableError(_unidentified(content)) from None
    except Image.DecompressionBombError:
        raise UnusableError(_too_many_pixels(MAX_PIXELS)) from None
    except Exception as error:
        raise UnusableError("truncated" if "truncat" in str(error).lower() else "damaged", excess) from None
    if turned is None or left_to_turn is None:
        reasons.append("EXIF cannot be read")
    elif turned in _TURNS or left_to_turn in _TURNS:
        reasons.append("turned as its EXIF says")
    if left_to_turn in _SIDEWAYS:  # Pillow gives the size of a TIFF upright
        width, height = height, width
    upright = loaded.transpose(_TURNS[left_to_turn]) if left_to_turn in _TURNS else loaded
    return Loaded(upright, _format(image), mode, width, height, reasons, span, excess)


def check_size(image: ImageFile.ImageFile, num_bytes: int, most_excess: int) -> int:
    """Raise UnusableError for an image that is too large or too small; returns what it costs the budget."""
    width, height = image.size
    most = MAX_JPEG_PIXELS if _format(image) == "JPEG" else MAX_PIXELS
    if width * height > most:
        raise UnusableError(_too_many_pixels(most))
    sample = 4 if image.mode in ("I", "F") else 1
    if (excess := excess_of(width * height * len(image.getbands()) * sample, num_bytes)) > most_excess:
        raise UnusableError(OVER_BUDGET)
    if (width, height) == (1, 1):
        raise UnusableError("one pixel")
    if min(width, height) < MIN_SIDE:
        raise UnusableError(f"smaller than {MIN_SIDE} pixels")
    return excess


def _too_many_pixels(most: int) -> str:
    return f"too many pixels, up to {most:,} are read"


def _read_smaller(image: ImageFile.ImageFile, reasons: list[str], boxed: bool) -> Image.Image:
    """The image at a half of its size, or less; a JPEG is never decoded whole."""
    width, height = image.size
    if boxed:
        raise UnusableError(f"too many pixels, up to {READ_WHOLE:,} are read where a box is cut out")
    part = next(part for part in (2, 4, 8) if width * height <= READ_WHOLE * part**2)
    reasons.append(f"over {READ_WHOLE:,} pixels, so read at 1/{part} of the size")
    if _format(image) == "JPEG":
        image.draft(None, (width // part, height // part))
        return image
    if image.mode == "P":
        reasons.append("palette")
        return image.convert("RGBA" if image.has_transparency_data else "RGB").reduce(part)
    return (image.convert("L") if image.mode == "1" else image).reduce(part)


def _header_notes(suffix: str | None, content: bytes, image: ImageFile.ImageFile) -> list[str]:
    """The changes that the header announces."""
    found, format_ = [], _format(image)
    if suffix and SUFFIXES.get(suffix, format_) != format_:
        found.append(f"named {suffix} but is {format_}")
    elif suffix is not None and suffix not in SUFFIXES:
        found.append(f"not named as an image but is {format_}")
    if image.format != "MPO" and getattr(image, "is_animated", False):
        found.append("pages: first page" if format_ == "TIFF" else "animated: first frame")
    profile = image.info.get("icc_profile") or b""
    if image.mode in ("CMYK", "LAB") and has_16_bits(image, content):
        found.append("16 bits to 8")
    gamma = image.info.get("gamma")
    if gamma and "srgb" not in image.info and not profile and abs(gamma * _USUAL_GAMMA - 1) > _SAME_GAMMA:
        found.append("gamma not applied")
    if image.mode not in ("CMYK", "LAB") and profile and b"sRGB" not in profile.replace(b"\0", b""):
        found.append(NO_PROFILE)
    return found


def _format(image: ImageFile.ImageFile) -> str:
    """MPO is what phones write: a JPEG with further images behind it."""
    return "JPEG" if image.format == "MPO" else image.format or ""


def _orientation(image: ImageFile.ImageFile) -> int | None:
    """The EXIF orientation, 1 for none; None when the EXIF data is broken."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:
        return None


def _unidentified(content: bytes) -> str:
    if begins_as_image(content[:12]):
        return "damaged"
    if content[4:8] == b"ftyp":
        return "HEIC, AVIF or video, which are not read"
    is_svg = content.lstrip().startswith((b"<?xml", b"<!--", b"<!DOCTYPE svg")) and b"<svg" in content[:_HEAD]
    return "a format that is not read" if is_svg or content.startswith(_OTHER_FORMATS) else "not an image"
