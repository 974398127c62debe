"""The chunks of a PNG file, as far as Pillow does not tell them or stumbles over them."""

import struct
import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_METADATA = {b"tEXt", b"zTXt", b"iTXt", b"iCCP"}
"""Chunks that may be of any size and do not change a pixel here."""
_END = b"\0\0\0\0IEND\xaeB`\x82"


def without_metadata(content: bytes) -> bytes:
    """The PNG file without texts, profiles, damaged chunks beside the pixels, and whatever follows the pixels."""
    kept, pixels_began = [SIGNATURE], False
    for kind, start, end in _chunks(content):
        if kind == b"IEND" or (pixels_began and kind != b"IDAT"):
            break
        pixels_began = kind == b"IDAT"
        critical = kind[:1].isupper()
        if critical or (kind not in _METADATA and _is_sound(content, start, end)):
            kept.append(content[start:end])
    return b"".join([*kept, _END])


def significant_bits(content: bytes) -> int:
    """The most bits of a colour that the chunk sBIT states; 0 without one."""
    for kind, start, end in _chunks(content):
        if kind == b"sBIT":
            bits = content[start + 8 : end - 4]
            return max(bits[:3] if len(bits) >= 3 else bits[:1], default=0)
        if kind == b"IDAT":
            break
    return 0


def has_profile(content: bytes) -> bool:
    """Whether it has a colour profile."""
    return any(kind == b"iCCP" for kind, _, _ in _chunks(content))


def _chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The name of each chunk, and where it begins and ends; the last may be cut off."""
    start = len(SIGNATURE)
    while start + 8 <= len(content):
        (length,) = struct.unpack(">I", content[start : start + 4])
        end = start + length + 12
        yield content[start + 4 : start + 8], start, end
        start = end


def _is_sound(content: bytes, start: int, end: int) -> bool:
    return content[end - 4 : end] == struct.pack(">I", zlib.crc32(content[start + 4 : end - 4]))
