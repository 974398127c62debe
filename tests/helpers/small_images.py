"""Small images for tests."""

import io

import numpy as np
from PIL import Image

from gansmith.data.check.report import check_source
from gansmith.data.paths import open_path
from gansmith.data.prepare import prepare_source


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


def check(path, *options, **named):
    """The report of `gansmith data check` on a folder or an archive."""
    with open_path(path) as source:
        return check_source(source, *options, **named)


def prepare(path, out, shape, folders=(), **options):
    """The packed dataset that `gansmith data prepare` makes of a folder or an archive."""
    with open_path(path, folders) as source:
        return prepare_source(source, out, shape, **options)
