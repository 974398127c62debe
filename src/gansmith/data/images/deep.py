"""The samples of images with more than 8 bits each, which Pillow gives in part only: NumPy arrays as in the file."""

import io
import re
import sys

import numpy as np
from PIL import Image, ImageFile, PngImagePlugin, PpmImagePlugin, TiffImagePlugin

from gansmith.data.images.levels import Levels, Span, span_of, to_8_bits
from gansmith.data.images.png import significant_bits
from gansmith.data.images.types import FORMATS

_BITS_PER_SAMPLE, _PHOTOMETRIC, _MAX_SAMPLE_VALUE = 258, 262, 281
_WHITE_IS_ZERO = 0
_OTHER_HALF = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
"""The byte order by which Pillow reads the lower half of a colour where it would read the upper half."""
_COMMENT = re.compile(rb"#[^\r\n]*")


def is_deep(image: ImageFile.ImageFile, content: bytes) -> bool:
    """Whether the samples of the file, of which only the header is read, have more than 8 bits that can be had."""
    if image.mode[0] in "IF":
        return True
    return image.mode in ("L", "RGB", "RGBA") and has_16_bits(image, content)


def has_16_bits(image: ImageFile.ImageFile, content: bytes) -> bool:
    """Whether a grey or colour image has 16 bits for each sample in the file."""
    if isinstance(image, PngImagePlugin.PngImageFile):
        return content[24] == 16
    if isinstance(image, PpmImagePlugin.PpmImageFile):
        return _max_of_netpbm(image) > 255
    return isinstance(image, TiffImagePlugin.TiffImageFile) and _bits_of_tiff(image) == 16


class DeepImage:
    """The samples of an opened image, (H, W) or (H, W, 3), and its transparency, as they are in the file."""

    def __init__(self, image: ImageFile.ImageFile, content: bytes):
        samples, self._declared = _samples_of(image, content), _declared_white(image, content)
        channels = samples.shape[2] if samples.ndim == 3 else 1
        self._alpha = samples[..., -1] if channels in (2, 4) else _colour_made_transparent(image, samples)
        self._samples = samples[..., : {2: 1, 4: 3}[channels]] if channels in (2, 4) else samples
        tags = getattr(image, "tag_v2", {})
        self._inverted = self._samples.ndim == 2 and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO

    def span(self) -> Span:
        """The numbers in it."""
        return span_of(self._samples, self._alpha, self._declared)

    def to_pillow(self, levels: Levels) -> Image.Image:
        """L, RGB or RGBA by these levels."""
        pixels = to_8_bits(self._samples, levels)
        if self._inverted:
            pixels = 255 - pixels
        if self._alpha is not None:
            colour = np.broadcast_to(pixels.reshape(*pixels.shape[:2], -1), (*pixels.shape[:2], 3))
            pixels = np.dstack([colour, to_8_bits(self._alpha, levels, alpha=True)])
        return Image.fromarray(pixels.squeeze(-1) if pixels.shape[2:] == (1,) else pixels)


def _samples_of(image: ImageFile.ImageFile, content: bytes) -> np.ndarray:
    if isinstance(image, PpmImagePlugin.PpmImageFile) and _max_of_netpbm(image) > 255:
        return _netpbm_samples(image, content)
    mode = image.mode
    if mode[0] in "IF":
        image.load()
        samples = np.asarray(image)
        return samples.astype(np.uint16) if mode.startswith("I;16") else samples
    half = _lower_half(image, content)
    image.load()
    upper = np.asarray(image).astype(np.uint16)
    if half is None:
        return upper * 257
    if half == "RGBA":  # grey and transparency: as four bytes they are whole
        pairs = np.asarray(_reopened(image, content, half)).astype(np.uint16)
        return pairs[..., ::2] << 8 | pairs[..., 1::2]
    upper <<= 8
    upper |= np.asarray(_reopened(image, content, half))
    return upper


def _lower_half(image: ImageFile.ImageFile, content: bytes) -> str | None:
    """Pillow's raw mode for the lower bytes of a colour image; None where there is no such mode."""
    raw = _raw_mode(image.tile[0].args)
    if raw == "LA;16B":
        return "RGBA"
    match = re.fullmatch(r"(RGB|RGBA|RGBX);16([BLN])", raw)
    return f"{match[1]};16{_OTHER_HALF[match[2]]}" if match else None


def _reopened(image: ImageFile.ImageFile, content: bytes, raw: str) -> Image.Image:
    """The image read once more with another raw mode."""
    again = Image.open(io.BytesIO(content), formats=FORMATS)
    again.tile = [
        tile._replace(args=(raw, *tile.args[1:]) if isinstance(tile.args, tuple) else raw) for tile in again.tile
    ]
    again.load()
    return again


def _raw_mode(args: object) -> str:
    return args if isinstance(args, str) else str(args[0]) if isinstance(args, tuple) else ""


def _netpbm_samples(image: ImageFile.ImageFile, content: bytes) -> np.ndarray:
    """Pillow would scale each PGM and PPM by its own largest number, in a Python loop."""
    (_, _, offset, _), kind = image.tile[0], content[:2]
    shape = (image.height, image.width, 3) if kind in (b"P3", b"P6") else (image.height, image.width)
    count = int(np.prod(shape))
    if kind in (b"P2", b"P3"):
        numbers = np.array(_COMMENT.sub(b" ", content[offset:]).split()[:count], np.int64)
    else:
        numbers = np.frombuffer(content[offset : offset + 2 * count], ">u2")
    if len(numbers) < count:
        raise OSError("the file is truncated")
    if numbers.max() > _max_of_netpbm(image) or numbers.min() < 0:
        raise ValueError("a number is larger than the largest that is announced")
    return numbers.astype(np.uint16).reshape(shape)


def _max_of_netpbm(image: ImageFile.ImageFile) -> int:
    args = image.tile[0].args if image.tile else ""
    if args == "I;16B":
        return 65535
    return args[1] if isinstance(args, tuple) and len(args) == 2 and isinstance(args[1], int) else 255


def _declared_white(image: ImageFile.ImageFile, content: bytes) -> int:
    """The number that the file states to be white; 0 where it states none below 16 bits."""
    if isinstance(image, PngImagePlugin.PngImageFile):
        return 2 ** significant_bits(content) - 1
    if isinstance(image, PpmImagePlugin.PpmImageFile):
        white = _max_of_netpbm(image)
        return white if white < 65535 else 0
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        stated = image.tag_v2.get(_MAX_SAMPLE_VALUE, 0)
        most = max(stated) if isinstance(stated, tuple) else int(stated)
        bits = _bits_of_tiff(image)
        most = 2 ** most.bit_length() - 1 if most < 65535 else 0  # 65,535 is what is written where nothing is known
        return max(most, 2**bits - 1 if bits < 16 else 0)
    return 0


def _bits_of_tiff(image: TiffImagePlugin.TiffImageFile) -> int:
    bits = image.tag_v2.get(_BITS_PER_SAMPLE, 8)
    return max(bits) if isinstance(bits, tuple) else int(bits)


def _colour_made_transparent(image: ImageFile.ImageFile, samples: np.ndarray) -> np.ndarray | None:
    """Transparency where every sample is that of a PNG's chunk tRNS."""
    key = image.info.get("transparency")
    if key is None or samples.dtype != np.uint16 or isinstance(key, bytes):
        return None
    equal = samples == np.array(key, np.uint16)
    hidden = equal.all(axis=2) if samples.ndim == 3 else equal
    return np.where(hidden, 0, 65535).astype(np.uint16)
