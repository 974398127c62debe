"""Files of images with more than 8 bits, of kinds that Pillow does not write."""

import struct
import zlib

import numpy as np

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


def png_of(parts):
    framed = (struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def png16(samples, *chunks):
    """A PNG of 16 bits: samples (H, W), or (H, W, C) with C 2, 3 or 4; `chunks` stand before the pixels."""
    samples = np.atleast_3d(samples)
    height, width, channels = samples.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 16, _COLOUR_TYPES[channels], 0, 0, 0)
    return png_of([header, *chunks, b"IDAT" + zlib.compress(rows), b"IEND"])


def tiff16(samples, *, order="<", samples_format=1, photometric=None, max_sample=None):
    """An uncompressed TIFF of 16 bits, in one strip: samples (H, W) or (H, W, 3)."""
    samples = np.atleast_3d(samples)
    height, width, channels = samples.shape
    data = samples.astype(f"{order}{'u' if samples_format == 1 else 'i'}2").tobytes()
    entries = {
        256: (3, [width]),
        257: (3, [height]),
        258: (3, [16] * channels),
        259: (3, [1]),
        262: (3, [photometric if photometric is not None else 2 if channels == 3 else 1]),
        273: (4, [8]),
        277: (3, [channels]),
        278: (3, [height]),
        279: (4, [len(data)]),
        339: (3, [samples_format] * channels),
    }
    if max_sample:
        entries[281] = (3, [max_sample])
    start = 8 + len(data)
    beyond = start + 2 + 12 * len(entries) + 4
    directory, tail = struct.pack(f"{order}H", len(entries)), b""
    for tag, (kind, values) in sorted(entries.items()):
        packed = struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(packed) > 4:
            packed, tail = struct.pack(f"{order}I", beyond + len(tail)), tail + packed
        directory += struct.pack(f"{order}HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", start)
    return head + data + directory + bytes(4) + tail
