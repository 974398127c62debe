"""Small images for tests."""

import io

import numpy as np
from PIL import Image


def photo(height=24, width=24, channels=3, seed=0):
    """Smooth, so that resizing keeps it; every channel is different."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (4, 4, channels), np.uint8).squeeze())
    return small.resize((width, height), Image.Resampling.BICUBIC)


def file(image, format_="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def write_images(folder, names):
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(file(photo(40, 40, seed=number)))
    return folder
