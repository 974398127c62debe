"""Reads known sets as arrays: one reader for each format."""

from collections.abc import Callable
from pathlib import Path

from gansmith.data.datasets.catalog import SETS, Format
from gansmith.data.datasets.find import SetCopy
from gansmith.data.formats.arrays import LabelledImages
from gansmith.data.formats.cifar import read_cifar
from gansmith.data.formats.idx import read_idx
from gansmith.data.formats.npz import read_npz
from gansmith.data.formats.svhn import read_svhn
from gansmith.errors import DataError

Reader = Callable[[tuple[Path, ...], str], LabelledImages]


def read_idx_pair(files: tuple[Path, ...], split: str) -> LabelledImages:
    """The images and labels of two IDX files. Raises DataError when their numbers differ."""
    images_file, labels_file = files
    images, labels = read_idx(images_file, 3)[:, None], read_idx(labels_file, 1)
    if len(images) != len(labels):
        raise DataError(f"{images_file} holds {len(images):,} images, {labels_file} {len(labels):,} labels.")
    return LabelledImages(images=images, labels=labels)


READERS: dict[Format, Reader] = {
    "idx": read_idx_pair,
    "npz": lambda files, split: read_npz(files[0], "test" if split == "test" else "train"),
    "cifar-binary": lambda files, split: read_cifar(_archive(files), "test" if split == "test" else "train"),
    "cifar-python": lambda files, split: read_cifar(_archive(files), "test" if split == "test" else "train"),
    "svhn-mat": lambda files, split: read_svhn(files[0]),
}
"""Every format but "images", whose files are decoded one by one."""


def read_split(found: SetCopy, split: str) -> LabelledImages:
    """One split of a copy that holds arrays. Raises DataError when the copy lacks it, or is damaged."""
    if split not in found.files:
        there = ", ".join(found.files) or "none that is whole"
        raise DataError(f"{found.place} holds {found.name!r} without its {split!r} split, only {there}.")
    images = READERS[found.layout.format](found.files[split], split)
    if not SETS[found.name].made_of:
        return images
    from gansmith.data.datasets.stacked import stacked  # it draws by torch, which the other sets are read without

    return stacked(images, split)


def _archive(files: tuple[Path, ...]) -> Path:
    """The .tar.gz itself, or the folder that the batches lie in."""
    return files[0] if len(files) == 1 and files[0].name.endswith((".tar.gz", ".tar")) else files[0].parent
