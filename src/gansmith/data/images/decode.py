"""Decoding: from a file's bytes to pixels and a list of changes. Imports NumPy and Pillow only, for workers."""

import hashlib
import io
import warnings
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from PIL import Image, UnidentifiedImageError

from gansmith.data.images.resize import ImageShape, in_mode, resize
from gansmith.data.images.types import FORMATS, SUFFIXES, begins_as_image

Outcome = Literal["used", "converted", "dropped"]

MAX_PIXELS = 89_478_485
"""Images with more pixels are dropped unread: Pillow's own limit, a quarter of a gigabyte as RGB."""
MAX_RATIO = 100
"""Large images with more decoded bytes for each byte of the file are dropped unread. Photographs reach about 30; blank
images reach 1,000, and 260 kB of them would take a gigabyte."""
RATIO_SLACK = 32 << 20
"""Decoded bytes up to which the ratio does not matter."""
MIN_SIDE = 8
"""Images with a side of fewer pixels are dropped."""

LAID_OVER_WHITE = "transparency laid over white"

_OTHER_FORMATS = (b"8BPS", b"%!PS", b"%PDF", b"<svg", b"\0\0\1\0", b"\0\0\0\x0cjP", b"\xff\x0a", b"qoif")
"""First bytes of image formats that are not read: PSD, EPS, PDF, SVG, ICO, JPEG 2000, JPEG XL and QOI."""
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112
_BITS_PER_SAMPLE = 258


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageFacts:
    """The facts on a decoded file, or why it was dropped.

    `reasons` are short fixed phrases: every change, or why it was dropped. Width, height and mode are those of the
    file, upright; `sha256` and `difference_hash` (64 bits) are of the whole image before resizing.
    """

    outcome: Outcome
    reasons: tuple[str, ...] = ()
    mode: str = ""
    width: int = 0
    height: int = 0
    grey: bool = False
    transparent: bool = False
    sha256: str = ""
    difference_hash: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodedImage(ImageFacts):
    """A decoded file, with uint8 `pixels` (C, H, W) if a shape was given."""

    format: str = ""
    pixels: np.ndarray | None = field(default=None, compare=False, repr=False)


class _UnusableError(Exception):
    """Carries the reason an image is dropped for."""


def decode(name: str, content: bytes, shape: ImageShape | None = None) -> DecodedImage:
    """The image in `content`, resized to `shape`; the same bytes always give the same pixels.

    Never raises for the content of a file: a bad image is dropped. The first frame is decoded, upright, at 8 bits, with
    transparency laid over white unless the shape has 4 channels. `name` is only compared with the format; '' is the
    name of an image without a suffix.
    """
    try:
        return _convert(*_load(name, content), shape)
    except _UnusableError as unusable:
        return dropped(str(unusable))
    except MemoryError:
        return dropped("needs too much memory")


def dropped(reason: str) -> DecodedImage:
    """The outcome for a file that is not used."""
    return DecodedImage(outcome="dropped", reasons=(reason,))


def suffix_of(name: str) -> str:
    """'.png' for 'a/B.PNG'; '' when there is none."""
    stem, dot, suffix = name.rpartition("/")[2].rpartition(".")
    return f".{suffix.lower()}" if dot and stem else ""


def _load(name: str, content: bytes) -> tuple[Image.Image, str, str, list[str]]:
    """Decode fully to the upright image, its format, its mode in the file and the changes.

    A decoder may raise anything on damaged bytes, so everything is caught here, and only here.
    """
    if not content:
        raise _UnusableError("zero bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=FORMATS)
            _check_size(image, len(content))
            reasons = _header_notes(name, content, image)
            mode = image.mode
            turned = _orientation(image) if image.format == "TIFF" else 1  # a TIFF is turned while it loads
            image.load()  # before another EXIF is read: for a PNG that loads too, and hides that it failed
            left_to_turn = _orientation(image)
    except (_UnusableError, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _UnusableError("too many pixels") from None
    except UnidentifiedImageError:
        raise _UnusableError(_unidentified(content)) from None
    except Exception as error:
        raise _UnusableError("truncated" if "truncat" in str(error).lower() else "damaged") from None
    if turned is None or left_to_turn is None:
        reasons.append("EXIF cannot be read")
    elif turned in _TURNS or left_to_turn in _TURNS:
        reasons.append("turned as its EXIF says")
    upright = image.transpose(_TURNS[left_to_turn]) if left_to_turn in _TURNS else image
    return upright, _format(image), mode, reasons


def _check_size(image: Image.Image, num_bytes: int) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _UnusableError("too many pixels")
    if (decoded := width * height * len(image.getbands())) > RATIO_SLACK and decoded > MAX_RATIO * num_bytes:
        raise _UnusableError("too many pixels for so few bytes")
    if (width, height) == (1, 1):
        raise _UnusableError("one pixel")
    if min(width, height) < MIN_SIDE:
        raise _UnusableError(f"smaller than {MIN_SIDE} pixels")


def _header_notes(name: str, content: bytes, image: Image.Image) -> list[str]:
    """The changes that the header announces."""
    found, suffix, format_ = [], suffix_of(name), _format(image)
    if suffix and SUFFIXES.get(suffix, format_) != format_:
        found.append(f"named {suffix} but is {format_}")
    elif name and suffix not in SUFFIXES:
        found.append(f"not named as an image but is {format_}")
    if image.format != "MPO" and getattr(image, "is_animated", False):
        found.append("pages: first page" if format_ == "TIFF" else "animated: first frame")
    if image.mode[0] not in "IF" and _bits_per_sample(image, content) == 16:
        found.append("16 bits to 8")
    profile = image.info.get("icc_profile") or b""
    if image.mode not in ("CMYK", "LAB") and profile and b"sRGB" not in profile.replace(b"\0", b""):
        found.append("colour profile not applied")
    return found


def _format(image: Image.Image) -> str:
    """MPO is what phones write: a JPEG with further images behind it."""
    return "JPEG" if image.format == "MPO" else image.format or ""


def _bits_per_sample(image: Image.Image, content: bytes) -> int:
    """Bits of a sample in the file: Pillow keeps the upper 8 of a colour image's 16 without a word."""
    if image.format == "PNG":
        return content[24]
    if tags := getattr(image, "tag_v2", None):
        bits = tags.get(_BITS_PER_SAMPLE, 8)
        return max(bits) if isinstance(bits, tuple) else int(bits)
    return 8


def _orientation(image: Image.Image) -> int | None:
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
    return "a format that is not read" if content.startswith(_OTHER_FORMATS) else "not an image"


def _convert(image: Image.Image, format_: str, mode: str, reasons: list[str], shape: ImageShape | None) -> DecodedImage:
    image = _eight_bits(image, reasons)
    transparent = image.mode == "RGBA"
    samples = np.asarray(image)  # once: Pillow copies the image each time
    grey = image.mode == "L" or (not transparent and _is_grey(samples))
    if grey and image.mode != "L":
        image = image.convert("L")
        samples = np.asarray(image)
    opaque = _over_white(image) if transparent else image
    pixels = None
    if shape is not None:
        if not shape.box_lies_inside(image.height, image.width):
            raise _UnusableError("does not hold the box")
        if transparent and shape.channels != 4:
            reasons.append(LAID_OVER_WHITE)
        if shape.channels == 1 and not (grey or _is_grey(np.asarray(opaque))):
            reasons.append("colour to grey")
        pixels, changes = resize(image if shape.channels == 4 else opaque, shape)
        reasons += changes
    elif transparent:
        reasons.append(LAID_OVER_WHITE)
    return DecodedImage(
        outcome="converted" if reasons else "used",
        reasons=tuple(reasons),
        format=format_,
        mode=mode,
        width=image.width,
        height=image.height,
        grey=grey or (transparent and _is_grey(np.asarray(opaque))),
        transparent=transparent,
        sha256=_sha256(f"{image.mode} {image.width}", samples),
        difference_hash=_difference_hash(opaque),
        pixels=pixels,
    )


def _eight_bits(image: Image.Image, reasons: list[str]) -> Image.Image:
    """The image as L, RGB, or RGBA if a pixel is transparent; adds the changes to `reasons`."""
    mode = image.mode
    if mode.startswith("I;16") or mode in ("I", "F"):
        return _scale_to_8_bits(np.asarray(image), mode, reasons)
    if mode == "P":
        reasons.append("palette")
    elif mode not in ("1", "L", "LA", "La", "PA", "RGB", "RGBA", "RGBa", "RGBX"):
        reasons.append(f"{mode} to RGB")
    if image.has_transparency_data:
        with_alpha = image.convert("RGBA")
        if with_alpha.getchannel("A").tobytes().strip(b"\xff"):
            return with_alpha
        return with_alpha.convert("RGB")
    return in_mode(image, "L" if mode in ("1", "L") else "RGB")


def _sha256(kind: str, samples: np.ndarray) -> str:
    digest = hashlib.sha256(kind.encode())
    digest.update(samples.data)
    return digest.hexdigest()


def _scale_to_8_bits(values: np.ndarray, mode: str, reasons: list[str]) -> Image.Image:
    """Scales 16 bits from 0..65535 to 0..255, rounded; other numbers by their own range."""
    if values.dtype != np.uint16 and mode == "I" and values.min() >= 0 and values.max() <= 65535:
        values = values.astype(np.uint16)
    if values.dtype == np.uint16 or mode.startswith("I;16"):
        reasons.append("16 bits to 8")
        wide = values.astype(np.uint32)
        return Image.fromarray(((wide * 255 + 32767) // 65535).astype(np.uint8))
    reasons.append("32 bits to 8, by its own range")
    finite = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = finite.min(), finite.max()
    return Image.fromarray(np.rint((finite - low) * (255 / max(high - low, 1e-300))).astype(np.uint8))


def _over_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def _is_grey(pixels: np.ndarray) -> bool:
    """Red, green and blue equal everywhere; most colour images fail on the few pixels looked at first."""
    if pixels.ndim == 2:
        return True
    for some in (pixels[::16, ::16], pixels):
        red, green, blue = some[..., 0], some[..., 1], some[..., 2]
        if not (np.array_equal(red, green) and np.array_equal(green, blue)):
            return False
    return True


def _difference_hash(image: Image.Image) -> int:
    """64 bits: is each cell of an 8x9 grey miniature brighter than its right neighbour. Krawetz 2013, 'dHash'."""
    small = np.asarray(in_mode(image, "L").resize((9, 8), Image.Resampling.BOX))
    return int.from_bytes(np.packbits(small[:, :-1] > small[:, 1:]).tobytes(), "big")
