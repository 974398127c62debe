"""The work of `gansmith data prepare`."""

from functools import partial
from pathlib import Path

from gansmith.cli.console import progress_bar
from gansmith.data.check.check_data import packed_dataset
from gansmith.data.images.resize import Box, Resample, ResizeMode
from gansmith.data.locate import Split
from gansmith.data.named import open_named
from gansmith.data.prepare import Asked, choose_shape, prepare_source
from gansmith.data.store import Dataset
from gansmith.errors import UsageError


def pack(
    images: str,
    out: Path,
    split: Split,
    *,
    size: tuple[int, int] | None,
    channels: int | None,
    resize: ResizeMode | None,
    box: Box,
    resample: Resample,
    allow_dropped: bool,
    workers: int | None,
    offline: bool,
) -> Dataset:
    """The packed dataset in `out`, with a progress bar. Raises UsageError for images that are packed already."""
    if packed_dataset(images):
        raise UsageError(f"{images} is packed already; train on it: gansmith train --data {images}.")
    asked = Asked(size=size, channels=channels, resize=resize, box=box, resample=resample)
    with (
        progress_bar() as bar,
        open_named(images, split, offline=offline, progress=bar.download) as source,
    ):
        shape = choose_shape(source, asked, workers, partial(bar.count, "reading"))
        return prepare_source(
            source, out, shape, allow_dropped=allow_dropped, workers=workers, progress=partial(bar.count, "packing")
        )
