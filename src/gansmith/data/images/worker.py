"""Decodes images for another process: `python -m gansmith.data.images.worker`, frames in on stdin, out on stdout.

A frame is two big-endian 32-bit lengths, a JSON header and raw bytes. A request carries {"files": [[name, size], ...],
"wanted", "seconds"} and the files; the answer has the fields of each `DecodedImage` and then all pixels. The
process limits its own memory and time, so an image can cost no more than this process, even when the one that started
it is gone.
"""

import json
import os
import signal
import struct
import sys
import time
from dataclasses import fields
from typing import Any, BinaryIO

from gansmith.data.images.decode import DecodedImage, decode
from gansmith.data.images.resize import ImageShape
from gansmith.system.processes import limit_memory

MEMORY = 2 << 30
"""Address space in bytes; an image that needs more is dropped."""

FAULTS = "GANSMITH_TEST_DECODE_FAULTS"
"""Tests set this variable; a file of `FAULT exit` or `FAULT hang` then makes the worker do so."""

_LENGTHS = struct.Struct(">II")
_NOT_SENT = "pixels"


def main() -> None:
    """Answer requests until stdin ends."""
    limit_memory(MEMORY)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    write_frame(answers, {"ready": True}, b"")
    while frame := read_frame(requests):
        header, content = frame
        wanted = _wanted(header["wanted"]) if header["wanted"] else None
        images, start = [], 0
        for name, size in header["files"]:
            _limit_time(header["seconds"])
            images.append(_decode(name, content[start : start + size], wanted))
            start += size
        _limit_time(0)
        pixels = b"".join(image.pixels.tobytes() for image in images if image.pixels is not None)
        write_frame(answers, {"images": [_facts(image) for image in images]}, pixels)


def _wanted(facts: dict[str, Any]) -> ImageShape:
    """JSON has lists where we have tuples."""
    known: dict[str, Any] = facts | {"box": tuple(facts["box"])}
    return ImageShape(**known)


def _decode(name: str, content: bytes, wanted: ImageShape | None) -> DecodedImage:
    if os.environ.get(FAULTS):
        _fail_on_purpose(content)
    return decode(name, content, wanted)


def _facts(image: DecodedImage) -> dict[str, Any]:
    return {one.name: getattr(image, one.name) for one in fields(DecodedImage) if one.name != _NOT_SENT}


def write_frame(file: BinaryIO, header: dict[str, Any], content: bytes) -> None:
    """Send one frame."""
    encoded = json.dumps(header).encode()
    file.write(_LENGTHS.pack(len(encoded), len(content)) + encoded)
    file.write(content)
    file.flush()


def read_frame(
    file: BinaryIO, max_header: int = 1 << 20, max_content: int = 1 << 30
) -> tuple[dict[str, Any], bytes] | None:
    """The next frame, or None when the other side is gone or announces more than may be read."""
    lengths = file.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    header_length, content_length = _LENGTHS.unpack(lengths)
    if header_length > max_header or content_length > max_content:
        return None
    header, content = file.read(header_length), file.read(content_length)
    if len(header) < header_length or len(content) < content_length:
        return None
    return json.loads(header), content


def _limit_time(seconds: float) -> None:
    """The alarm ends the process even inside a decoder's C code; the parent's own timeout comes earlier."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _fail_on_purpose(content: bytes) -> None:
    if content.startswith(b"FAULT exit"):
        os._exit(1)
    if content.startswith(b"FAULT hang"):
        while True:
            time.sleep(3600)
    if content.startswith(b"FAULT memory"):
        bytearray(4 * MEMORY)


if __name__ == "__main__":
    main()
