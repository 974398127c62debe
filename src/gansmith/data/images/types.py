"""Which files count as images, and how many of them may be lost."""

SUFFIXES = {
    ".bmp": "BMP",
    ".dib": "BMP",
    ".gif": "GIF",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".jif": "JPEG",
    ".mpo": "JPEG",
    ".png": "PNG",
    ".apng": "PNG",
    ".pbm": "PPM",
    ".pgm": "PPM",
    ".pnm": "PPM",
    ".ppm": "PPM",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
}
"""The format of an image file by the suffix of its name; whether it is one, its content says."""

_MAGICS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*")
"""First bytes of image files that no other files begin with."""
FORMATS = sorted(set(SUFFIXES.values()))
"""The only formats that Pillow decodes here."""
MAX_DROPPED = 0.01
"""Largest share of images that may be unusable without --allow-dropped."""


def begins_as_image(start: bytes) -> bool:
    """Whether a file with these first 12 bytes is an image, whole or damaged; a WAV file begins with RIFF, too."""
    return start.startswith(_MAGICS) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")
