"""Decodes images for another process: `python -m gansmith.data.images.worker`, frames in on stdin, out on stdout.

Frames are those of `gansmith.system.processes`. A request carries {"files": [[name, size], ...],
"shape", "seconds"} and the files; the answer has the fields of each `DecodedImage` and then all pixels. The
process limits its own memory and time, so an image can cost no more than this process, even when the one that started
it is gone.
"""

import os
import sys
import time
from dataclasses import fields
from typing import Any

from gansmith.data.images.decode import DecodedImage, decode
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
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    write_frame(answers, {"ready": True}, b"")
    while frame := read_frame(requests):
        header, content = frame
        sent: dict[str, Any] = header["shape"]  # JSON has lists where we have tuples
        shape = ImageShape(**sent | {"box": tuple(sent["box"])}) if sent else None
        images, start = [], 0
        for name, size in header["files"]:
            limit_time(header["seconds"])
            file = content[start : start + size]
            if os.environ.get(FAULTS):
                _fail_on_purpose(file)
            images.append(decode(name, file, shape))
            start += size
        limit_time(0)
        pixels = b"".join(image.pixels.tobytes() for image in images if image.pixels is not None)
        write_frame(answers, {"images": [_fields_sent(image) for image in images]}, pixels)


def _fields_sent(image: DecodedImage) -> dict[str, Any]:
    return {one.name: getattr(image, one.name) for one in fields(DecodedImage) if one.name != _NOT_SENT}


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
