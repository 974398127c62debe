"""Decoding: from a file's bytes to pixels and a list of changes. Imports NumPy and Pillow only, for workers."""

import hashlib
import io
import warnings
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from PIL import Image, UnidentifiedImageError

from gansmith.data.images.budget import BASE, OVER_BUDGET, excess_of
from gansmith.data.images.deep import DeepImage, is_deep
from gansmith.data.images.levels import Levels, Span, levels_of
from gansmith.data.images.png import SIGNATURE, has_profile, without_metadata
from gansmith.data.images.resize import ImageShape, hidden_white, in_mode, resize
from gansmith.data.images.types import FORMATS, SUFFIXES, begins_as_image

Outcome = Literal["used", "converted", "dropped"]

READ_WHOLE = 89_478_485
"""Images with more pixels are read at half of their size, or less: a quarter of a gigabyte as RGB."""
MAX_PIXELS = 2 * READ_WHOLE
"""Images with more pixels are dropped unread: a decode process needs a gigabyte for one of these."""
MAX_JPEG_PIXELS = 4 * MAX_PIXELS
"""The same for JPEG, which is decoded at a half, a quarter or an eighth of its size at once."""
MIN_SIDE = 8
"""Images with a side of fewer pixels are dropped."""

NO_PROFILE = "colour profile not applied"
_WHITE = 245
"""The darkest level of a border that counts as white."""
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
_SIDEWAYS = (5, 6, 7, 8)
"""Orientations that exchange width and height."""


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
    white_border: bool = False
    """Whether the outermost pixels are white, as around a cut-out."""
    sha256: str = ""
    difference_hash: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodedImage(ImageFacts):
    """A decoded file, with uint8 `pixels` (C, H, W) if a shape was given."""

    format: str = ""
    span: Span | None = None
    """The numbers in an image of more than 8 bits that was decoded by its own levels."""
    excess: int = 0
    """Its cost to the budget of its set."""
    pixels: np.ndarray | None = field(default=None, compare=False, repr=False)


class _UnusableError(Exception):
    """Carries the reason an image is dropped for."""


@dataclass(frozen=True, slots=True)
class _Loaded:
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


def decode(
    name: str,
    content: bytes,
    shape: ImageShape | None = None,
    levels: Levels | None = None,
    most_excess: int = BASE,
) -> DecodedImage:
    """The image in `content`, resized to `shape`; the same bytes always give the same pixels.

    Never raises for the content of a file: a bad image is dropped. The first frame is decoded, upright, at 8 bits, with
    transparency laid over white unless the shape has 4 channels. `name` is only compared with the format; '' is the
    name of an image without a suffix. An image of more than 8 bits is scaled by `levels`, or by its own for None. One
    that costs the budget more than `most_excess` is dropped unread.
    """
    image = _decode(name, content, shape, levels, most_excess)
    if image.reasons in (("damaged",), ("truncated",)) and content.startswith(SIGNATURE):
        again = _decode(name, without_metadata(content), shape, levels, most_excess)
        if again.outcome != "dropped":
            lost = (NO_PROFILE,) if has_profile(content) else ()
            image = replace(again, outcome="converted" if lost else again.outcome, reasons=(*again.reasons, *lost))
    return image


def _decode(
    name: str, content: bytes, shape: ImageShape | None, levels: Levels | None, most_excess: int
) -> DecodedImage:
    try:
        return _convert(_load(name, content, levels, most_excess, boxed=bool(shape and shape.box)), shape)
    except _UnusableError as unusable:
        return dropped(str(unusable))
    except MemoryError:
        return dropped("needs too much memory")


def measure(content: bytes) -> DecodedImage:
    """An outcome with nothing but the span of an image of more than 8 bits; other files are read up to the header."""
    for readable in (lambda: content, lambda: without_metadata(content)):
        with warnings.catch_warnings(), suppress(Exception):  # one that cannot be read is dropped when it is decoded
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(found := readable()), formats=FORMATS)
            if not is_deep(image, found):
                break
            _check_size(image, len(found), BASE)
            return replace(dropped("measured"), span=DeepImage(image, found).span())
        if not content.startswith(SIGNATURE):
            break
    return dropped("not measured")


def dropped(reason: str) -> DecodedImage:
    """The outcome for a file that is not used."""
    return DecodedImage(outcome="dropped", reasons=(reason,))


def suffix_of(name: str) -> str:
    """'.png' for 'a/B.PNG'; '' when there is none."""
    stem, dot, suffix = name.rpartition("/")[2].rpartition(".")
    return f".{suffix.lower()}" if dot and stem else ""


def _load(name: str, content: bytes, levels: Levels | None, most_excess: int, *, boxed: bool) -> _Loaded:
    """Decode fully. A decoder may raise anything on damaged bytes, so everything is caught here, and only here."""
    if not content:
        raise _UnusableError("zero bytes")
    span = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(content), formats=FORMATS)
            excess = _check_size(image, len(content), most_excess)
            reasons = _header_notes(name, image)
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
    except (_UnusableError, MemoryError):
        raise
    except UnidentifiedImageError:
        raise _UnusableError(_unidentified(content)) from None
    except Image.DecompressionBombError:
        raise _UnusableError(_too_many_pixels(MAX_PIXELS)) from None
    except Exception as error:
        raise _UnusableError("truncated" if "truncat" in str(error).lower() else "damaged") from None
    if turned is None or left_to_turn is None:
        reasons.append("EXIF cannot be read")
    elif turned in _TURNS or left_to_turn in _TURNS:
        reasons.append("turned as its EXIF says")
    if left_to_turn in _SIDEWAYS:  # Pillow gives the size of a TIFF upright
        width, height = height, width
    upright = loaded.transpose(_TURNS[left_to_turn]) if left_to_turn in _TURNS else loaded
    return _Loaded(upright, _format(image), mode, width, height, reasons, span, excess)


def _check_size(image: Image.Image, num_bytes: int, most_excess: int) -> int:
    """Raise _UnusableError for an image that is too large or too small; returns what it costs the budget."""
    width, height = image.size
    most = MAX_JPEG_PIXELS if _format(image) == "JPEG" else MAX_PIXELS
    if width * height > most:
        raise _UnusableError(_too_many_pixels(most))
    if (excess := excess_of(width * height * len(image.getbands()), num_bytes)) > most_excess:
        raise _UnusableError(OVER_BUDGET)
    if (width, height) == (1, 1):
        raise _UnusableError("one pixel")
    if min(width, height) < MIN_SIDE:
        raise _UnusableError(f"smaller than {MIN_SIDE} pixels")
    return excess


def _too_many_pixels(most: int) -> str:
    return f"too many pixels, up to {most:,} are read"


def _read_smaller(image: Image.Image, reasons: list[str], boxed: bool) -> Image.Image:
    """The image at a half of its size, or less; a JPEG is never decoded whole."""
    width, height = image.size
    if boxed:
        raise _UnusableError(f"too many pixels, up to {READ_WHOLE:,} are read where a box is cut out")
    part = next(part for part in (2, 4, 8) if width * height <= READ_WHOLE * part**2)
    reasons.append(f"over {READ_WHOLE:,} pixels, so read at 1/{part} of the size")
    if _format(image) == "JPEG":
        image.draft(None, (width // part, height // part))
        return image
    return image.reduce(part)


def _header_notes(name: str, image: Image.Image) -> list[str]:
    """The changes that the header announces."""
    found, suffix, format_ = [], suffix_of(name), _format(image)
    if suffix and SUFFIXES.get(suffix, format_) != format_:
        found.append(f"named {suffix} but is {format_}")
    elif name and suffix not in SUFFIXES:
        found.append(f"not named as an image but is {format_}")
    if image.format != "MPO" and getattr(image, "is_animated", False):
        found.append("pages: first page" if format_ == "TIFF" else "animated: first frame")
    profile = image.info.get("icc_profile") or b""
    if image.mode not in ("CMYK", "LAB") and profile and b"sRGB" not in profile.replace(b"\0", b""):
        found.append(NO_PROFILE)
    return found


def _format(image: Image.Image) -> str:
    """MPO is what phones write: a JPEG with further images behind it."""
    return "JPEG" if image.format == "MPO" else image.format or ""


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


def _convert(loaded: _Loaded, shape: ImageShape | None) -> DecodedImage:
    reasons, image = loaded.reasons, _eight_bits(loaded.image, loaded.reasons)
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
        format=loaded.format,
        span=loaded.span,
        excess=loaded.excess,
        mode=loaded.mode,
        width=loaded.width,
        height=loaded.height,
        grey=grey or (transparent and _is_grey(np.asarray(opaque))),
        transparent=transparent,
        white_border=_has_white_border(samples),
        sha256=_sha256(f"{image.mode} {image.width}", samples),
        difference_hash=_difference_hash(opaque),
        pixels=pixels,
    )


def _eight_bits(image: Image.Image, reasons: list[str]) -> Image.Image:
    """The image as L, RGB, or RGBA if a pixel is transparent; adds the changes to `reasons`.

    Where an image is fully transparent it is white: what files hide there must not tell images apart.
    """
    mode = image.mode
    if mode == "P":
        reasons.append("palette")
    elif mode not in ("1", "L", "LA", "La", "PA", "RGB", "RGBA", "RGBa", "RGBX"):
        reasons.append(f"{mode} to RGB")
    if image.has_transparency_data:
        with_alpha = image.convert("RGBA")
        if with_alpha.getchannel("A").tobytes().strip(b"\xff"):
            return hidden_white(with_alpha)
        return with_alpha.convert("RGB")
    return in_mode(image, "L" if mode in ("1", "L") else "RGB")


def _sha256(kind: str, samples: np.ndarray) -> str:
    digest = hashlib.sha256(kind.encode())
    digest.update(samples.data)
    return digest.hexdigest()


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


def _has_white_border(samples: np.ndarray) -> bool:
    return all(side.min() >= _WHITE for side in (samples[0], samples[-1], samples[:, 0], samples[:, -1]))


def _difference_hash(image: Image.Image) -> int:
    """64 bits: is each cell of an 8x9 grey miniature brighter than its right neighbour. Krawetz 2013, 'dHash'."""
    small = np.asarray(in_mode(image, "L").resize((9, 8), Image.Resampling.BOX))
    return int.from_bytes(np.packbits(small[:, :-1] > small[:, 1:]).tobytes(), "big")
