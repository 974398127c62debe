"""Images as a Python caller gives them: by name, by path, or as an array, which is kept in the cache under its hash."""

import hashlib
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np

from gansmith.data.datasets.catalog import cache_folder
from gansmith.data.formats.image_array import as_image_array
from gansmith.errors import DataError
from gansmith.system.atomic import cannot_write, unfinished_name


class Tensor(Protocol):
    """A tensor of torch, which this file does not import."""

    def detach(self) -> "Tensor":
        """The tensor without its graph."""
        ...

    def cpu(self) -> "Tensor":
        """The tensor in main memory."""
        ...

    def numpy(self) -> np.ndarray:
        """Its array."""
        ...


GivenArray: TypeAlias = np.ndarray | Tensor
"""An array of NumPy or a tensor of torch."""
GivenImages: TypeAlias = str | Path | GivenArray
"""The name of a known dataset, a path, or images uint8 (N, H, W) or (N, H, W, C)."""


def name_of_images(images: GivenImages, labels: GivenArray | None = None) -> str:
    """The name or path of images; an array is written into the cache, as a .npy file that is named by its content.

    `labels` are whole numbers [N] of an array's images. The file is there as long as the cache is: so a run of the
    array can be resumed in another process. Raises DataError for an array that holds no images, with the line that
    converts it, and for labels that do not belong to it; DiskError when it cannot be written.
    """
    if isinstance(images, str | Path):
        if labels is not None:
            raise DataError(f"labels in an array go with images in an array, and the images are {str(images)!r}.")
        return str(images)
    pixels = as_image_array(array_of(images), "the array")
    kept = [np.ascontiguousarray(pixels)]
    if labels is not None:
        kept.append(_checked_labels(array_of(labels), len(pixels)))
    digest = hashlib.sha256()
    for array in kept:
        digest.update(f"{array.dtype.str} {array.shape}".encode())
        digest.update(array.data)
    path = cache_folder() / "arrays" / f"array-{digest.hexdigest()[:16]}.npy"
    for array, file in zip(kept[::-1], (path.with_name(f"{path.stem}_labels.npy"), path)[-len(kept) :], strict=True):
        _keep(array, file)  # the images last: where they are, their labels are
    return str(path)


def array_of(given: GivenArray) -> np.ndarray:
    """The array itself, or a tensor's. Raises DataError for anything else."""
    if isinstance(given, np.ndarray):
        return given
    if hasattr(given, "detach"):
        try:
            return given.detach().cpu().numpy()
        except (TypeError, RuntimeError) as error:  # of a type, a layout or a device that it has not
            raise DataError(f"the tensor cannot be an array of NumPy: {error}.") from None
    raise DataError(f"images are a name, a path, or an array of NumPy or torch; got {type(given).__name__}.")


def _checked_labels(labels: np.ndarray, count: int) -> np.ndarray:
    if labels.dtype.kind not in "ui" or labels.shape != (count,):
        raise DataError(
            f"the labels are {labels.dtype.name} of shape {labels.shape}; give a whole number for each of the "
            f"{count:,} images, [N]."
        )
    return np.ascontiguousarray(labels.astype(np.int64))


def _keep(array: np.ndarray, file: Path) -> None:
    if file.exists():
        return
    unfinished = unfinished_name(file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as opened:
            np.save(opened, array)
        unfinished.replace(file)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise cannot_write("the array", file.parent, array.nbytes, error) from error
