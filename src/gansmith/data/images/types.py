"""Which files count as images, and how many of them may be lost."""

SUFFIXES = {
    ".bmp": "BMP",
    ".gif": "GIF",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".pgm": "PPM",
    ".ppm": "PPM",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
}
"""What an image's name ends in, and what it then is."""

MAGICS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"II*\0", b"MM\0*")
"""What images begin with, as far as it can be taken for nothing else."""

FORMATS = sorted(set(SUFFIXES.values()))
"""Pillow's decoders that are used, and no others."""

MAX_DROPPED = 0.01
"""Share of images that cannot be used above which a set is refused."""
