"""A folder of hazards, each named for what it is, with what must become of it."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from tests.helpers.small_images import file, photo

SYSTEM = "is a hidden file or an operating system's own"
FRAMES = {"save_all": True, "append_images": [photo(40, 40, seed=1), photo(40, 40, seed=2)]}


def bomb(width, height):
    parts = [b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(bytes(10**6))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in parts
    )


def blank(width, height):
    """A whole image of black, as small as can be."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1 + 3 * width)) for _ in range(height)) + packer.flush()
    parts = [b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT" + packed, b"IEND"]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in parts
    )


def turned(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return {"exif": exif}


def contents():
    """name -> (bytes, reasons); what is dropped has 'DROPPED' as its first reason."""
    rgb, grey, alpha = photo(40, 40), photo(40, 40, 1), photo(40, 40, 4)
    half = Image.fromarray(np.dstack([np.asarray(rgb), np.indices((40, 40))[0].astype(np.uint8)]))
    jpeg = file(photo(64, 64), "JPEG", quality=95)
    deep = Image.fromarray(np.asarray(grey, np.uint16) * 257)
    return {
        "plain.png": (file(rgb), ()),
        "UPPER.JPG": (jpeg, ()),
        "grey.bmp": (file(grey, "BMP"), ()),
        "bilevel.png": (file(grey.convert("1")), ()),
        "empty.png": (b"", ("DROPPED", "zero bytes")),
        "<b>404\x1b.jpg": (b"<html>404 not found</html>", ("DROPPED", "not an image")),
        "script.svg": (b"<svg onload='alert(1)'/>", ("DROPPED", "a format that is not read")),
        "postscript.png": (b"%!PS-Adobe-3.0 EPSF-3.0\n(rm) run", ("DROPPED", "a format that is not read")),
        "phone.heic": (b"\0\0\0\x18ftypheic" + bytes(40), ("DROPPED", "HEIC, AVIF or video, which are not read")),
        "cut.png": (file(rgb)[:-500], ("DROPPED", "truncated")),
        "cut.jpg": (jpeg[: len(jpeg) // 2], ("DROPPED", "truncated")),
        "only the head.png": (file(rgb)[:20], ("DROPPED", "truncated")),
        "noise inside.png": (file(rgb)[:60] + bytes(50) + file(rgb)[110:], ("DROPPED", "damaged")),
        "png as.jpg": (file(photo(40, 40, seed=9)), ("named .jpg but is PNG",)),
        "no suffix": (file(photo(40, 40, seed=10)), ("not named as an image but is PNG",)),
        "animated.gif": (file(rgb, "GIF", **FRAMES), ("animated: first frame", "palette")),
        "animated.webp": (file(rgb, "WEBP", **FRAMES), ("animated: first frame",)),
        "pages.tif": (file(rgb, "TIFF", **FRAMES), ("pages: first page",)),
        "cmyk.jpg": (file(rgb.convert("CMYK"), "JPEG"), ("CMYK to RGB",)),
        "sixteen.png": (file(deep), ("16 bits to 8",)),
        "thirty-two.tif": (
            file(Image.fromarray(np.asarray(grey, np.int32) * 70_000), "TIFF"),
            ("32 bits to 8, by the range of the set",),
        ),
        "palette.png": (file(rgb.quantize(8)), ("palette",)),
        "palette and alpha.png": (
            file(rgb.quantize(8), transparency=bytes([0, 99] + [255] * 6)),
            ("palette", "transparency laid over white"),
        ),
        "alpha.png": (file(half), ("transparency laid over white",)),
        "opaque alpha.png": (file(Image.merge("RGBA", [*alpha.split()[:3], Image.new("L", (40, 40), 255)])), ()),
        "turned.jpg": (file(photo(40, 60), "JPEG", **turned(6)), ("turned as its EXIF says", "cropped")),
        "broken exif.jpg": (file(rgb, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff"), None),
        "wide gamut.png": (file(rgb, icc_profile=b"Display P3"), ("colour profile not applied",)),
        "one pixel.png": (file(Image.new("RGB", (1, 1))), ("DROPPED", "one pixel")),
        "tracking.gif": (file(Image.new("P", (3, 900)), "GIF"), ("DROPPED", "smaller than 8 pixels")),
        "bomb.png": (bomb(60_000, 60_000), ("DROPPED", "too many pixels, up to 178,956,970 are read")),
        "blank.png": (blank(4_000, 3_000), ("cropped",)),
        "wide.png": (file(photo(40, 120)), ("cropped",)),
        "tiny.png": (file(photo(16, 16)), ("enlarged",)),
        "deep/er/nested.png": (file(photo(40, 40, seed=11)), ()),
        "<script>alert(1)<.png": (file(photo(40, 40, seed=12)), ()),
        "line\nbreak \x1b[31m.png": (file(photo(40, 40, seed=13)), ()),
        os.fsdecode(b"latin-\xe9.png"): (file(photo(40, 40, seed=14)), ()),
        "._plain.png": (b"\0\5\x16\7Mac OS X", ("DROPPED", SYSTEM)),
        ".DS_Store": (b"Bud1", ("DROPPED", SYSTEM)),
        ".hidden.png": (file(rgb), ("DROPPED", SYSTEM)),
        "Thumbs.db": (b"\xd0\xcf\x11\xe0", ("DROPPED", SYSTEM)),
        "notes.txt": (b"taken in May", ("DROPPED", "not an image")),
    }


def write_hazards(folder: Path) -> dict[str, tuple[str, ...] | None]:
    """Write them; returns each file's reasons as in `contents`, None where either is right."""
    expected = {}
    for name, (content, reasons) in contents().items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        expected[name] = reasons
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "deep/up").symlink_to("../..", target_is_directory=True)
    (folder / "again").symlink_to("deep", target_is_directory=True)
    (folder / "itself.png").symlink_to("itself.png")
    (folder / "gone.png").symlink_to("nowhere.png")
    (folder / "linked.png").symlink_to("plain.png")
    os.mkfifo(folder / "pipe.png")
    (folder / ".git").mkdir()
    (folder / ".git/image.png").write_bytes(file(photo()))
    link = ("DROPPED", "is a link to a folder that is read already or lies above")
    return expected | {
        "loop": link,
        "deep/up": link,
        "again": link,
        "itself.png": ("DROPPED", "cannot be read (Too many levels of symbolic links)"),
        "gone.png": ("DROPPED", "is a broken link"),
        "linked.png": (),
        "pipe.png": ("DROPPED", "is a device or a pipe"),
        ".git/image.png": ("DROPPED", SYSTEM),
    }
