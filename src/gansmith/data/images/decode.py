"""Decoding: from a file's bytes to pixels and a list of changes. Imports NumPy and Pillow only, for workers."""

import hashlib
import io
import warnings
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from PIL import Image

from gansmith.data.images.budget import BASE
from gansmith.data.images.deep import DeepImage, is_deep
from gansmith.data.images.levels import Levels, Span
from gansmith.data.images.load import NO_PROFILE, TOO_MUCH_MEMORY, Loaded, UnusableError, check_size, load
from gansmith.data.images.png import SIGNATURE, has_profile, without_metadata
from gansmith.data.images.resize import ImageShape, hidden_white, in_mode, resize
from gansmith.data.images.types import FORMATS, SUFFIXES, begins_as_image

Outcome = Literal["used", "converted", "dropped"]

_WHITE = 245
"""The darkest level of a border that counts as white."""
_TEXT_LIKE = (b"BM", b"P")
"""How images of the formats BMP and PPM begin, and texts."""
LAID_OVER_WHITE = "transparency laid over white"


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
    is_image: bool = True
    """Whether the content is that of an image, whole or damaged."""
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
    suffix, excess = suffix_of(name) if name else None, 0
    try:
        loaded = load(suffix, content, levels, most_excess, boxed=bool(shape and shape.box))
        excess = loaded.excess
        return _convert(loaded, shape)
    except UnusableError as unusable:
        is_image = begins_as_image(content[:12])
        is_text = not is_image and content.startswith(_TEXT_LIKE) and name and suffix not in SUFFIXES
        reason = "not an image" if is_text else str(unusable)
        return dropped(reason, excess or unusable.excess, is_image=is_image)
    except MemoryError:
        return dropped(TOO_MUCH_MEMORY, excess, is_image=begins_as_image(content[:12]))


def measure(content: bytes, most_excess: int = BASE) -> DecodedImage:
    """An outcome with nothing but the span of an image of more than 8 bits, and what measuring it cost.

    Other files are read up to the header. What cannot be measured is dropped, with its reason, when it is decoded.
    """
    excess = 0
    for readable in (lambda: content, lambda: without_metadata(content)):
        with warnings.catch_warnings(), suppress(Exception):
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(found := readable()), formats=FORMATS)
            if not is_deep(image, found):
                break
            excess = check_size(image, len(found), most_excess)
            return replace(dropped("measured", excess), span=DeepImage(image, found).span())
        if not content.startswith(SIGNATURE):
            break
    return dropped("not measured", excess)


def dropped(reason: str, excess: int = 0, *, is_image: bool = False) -> DecodedImage:
    """The outcome for a file that is not used, and what trying it cost."""
    return DecodedImage(outcome="dropped", reasons=(reason,), excess=excess, is_image=is_image)


def suffix_of(name: str) -> str:
    """'.png' for 'a/B.PNG'; '' when there is none."""
    stem, dot, suffix = name.rpartition("/")[2].rpartition(".")
    return f".{suffix.lower()}" if dot and stem else ""


def _convert(loaded: Loaded, shape: ImageShape | None) -> DecodedImage:
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
            raise UnusableError("does not hold the box")
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
