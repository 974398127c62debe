"""Decodes images for another process: `python -m gansmith.data.images.worker`, frames in on stdin, out on stdout.

Frames are those of `gansmith.system.processes`. A request carries {"files": [[name, size], ...], "shape", "levels",
"most_excess", "measure", "seconds"} and the files; the answer has the fields of each `DecodedImage` and then all
pixels. With "measure", only images of more than 8 bits are read, and no pixels sent. The process limits its own memory
and time, so an image can cost no more than this process, even when the one that started it is gone.
"""

import os
import sys
import time
from dataclasses import asdict, fields
from typing import Any

from PIL import Image

from gansmith.data.images.decode import DecodedImage, decode, measure
from gansmith.data.images.levels import Levels
from gansmith.data.images.resize import ImageShape
from gansmith.system.processes import limit_memory, limit_time, read_frame, write_frame

MEMORY = 2 << 30
"""Address space in bytes; an image that needs more is dropped."""
FAULTS = "GANSMITH_TEST_DECODE_FAULTS"
"""Tests set this variable; a file of `FAULT exit` or `FAULT hang` then makes the worker do so."""

_NOT_SENT = "pixels"


def main() -> None:
    """Answer requests until stdin ends."""
    limit_memory(MEMORY)
    Image.MAX_IMAGE_PIXELS = None  # decode has limits of its own, and knows them before it reads a pixel
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    write_frame(answers, {"ready": True}, b"")
    while frame := read_frame(requests):
        header, content = frame
        shape = ImageShape(**_with_tuples(header["shape"])) if header["shape"] else None
        levels = Levels(**_with_tuples(header["levels"])) if header["levels"] else None
        images: list[DecodedImage] = []
        start = 0
        for name, size in header["files"]:
            limit_time(header["seconds"])
            file = content[start : start + size]
            if os.environ.get(FAULTS):
                _fail_on_purpose(file)
            most = header["most_excess"]
            images.append(measure(file, most) if header["measure"] else decode(name, file, shape, levels, most))
            start += size
        limit_time(0)
        pixels = b"".join(image.pixels.tobytes() for image in images if image.pixels is not None)
        write_frame(answers, {"images": [_fields_sent(image) for image in images]}, pixels)


def _with_tuples(sent: dict[str, Any]) -> dict[str, Any]:
    """JSON has lists where we have tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in sent.items()}


def _fields_sent(image: DecodedImage) -> dict[str, Any]:
    sent = {one.name: getattr(image, one.name) for one in fields(DecodedImage) if one.name != _NOT_SENT}
    return sent | {"span": image.span and asdict(image.span)}


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
