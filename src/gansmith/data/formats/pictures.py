"""Which files count as pictures, and how many of them may be lost."""

FORMATS = {"BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP"}
"""Pillow's decoders that are used, and no others."""

SUFFIXES = {".bmp", ".gif", ".jpg", ".jpeg", ".png", ".pgm", ".ppm", ".tif", ".tiff", ".webp"}

MAX_DROPPED = 0.01
"""Share of pictures that cannot be used above which a set is refused."""
