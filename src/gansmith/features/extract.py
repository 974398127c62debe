"""Turns uint8 images into float64 features, always in the same way.

The values do not depend on how a caller splits the images into batches: images go through a network in chunks whose
size depends on the image shape alone, and the last chunk is padded with black images.
"""

from collections.abc import Generator, Iterable
from dataclasses import dataclass

import numpy as np
import torch

from gansmith.features.extractor import Extractor

CHUNK_PIXELS = 2**20
"""Approximate number of pixels in a chunk, at the resolution that the network sees."""
MOST_IMAGES = 256
"""Largest number of images in a chunk."""


@dataclass(frozen=True, slots=True)
class Features:
    """The output of a feature network for n images, in their order."""

    vectors: np.ndarray
    """float64 (n, width)."""
    probabilities: np.ndarray | None = None
    """float64 (n, classes), rows that sum to 1; None for a network that is no classifier."""


def extract(extractor: Extractor, images: np.ndarray | Iterable[np.ndarray]) -> Features:
    """Features of images uint8 (N, H, W, C), given as one array or as several; computed on the CPU in float32.

    Raises ValueError for no images, and for images of another type or shape than the extractor was made for.
    """
    vectors, probabilities = [], []
    for chunk, count in _padded_chunks(extractor, [images] if isinstance(images, np.ndarray) else images):
        with torch.inference_mode(), torch.autocast("cpu", enabled=False):  # also inside the caller's autocast
            output = extractor.compute(torch.from_numpy(np.ascontiguousarray(chunk.transpose(0, 3, 1, 2))))
        vectors.append(output.vectors[:count].double().numpy())
        if output.logits is not None:
            probabilities.append(output.logits[:count].double().softmax(1).numpy())
    if not vectors:
        raise ValueError("features need at least one image, got none.")
    return Features(np.concatenate(vectors), np.concatenate(probabilities) if probabilities else None)


def chunk_size(extractor: Extractor) -> int:
    """How many images go through the network at once."""
    return min(max(CHUNK_PIXELS // extractor.pixels, 1), MOST_IMAGES)


def _padded_chunks(extractor: Extractor, arrays: Iterable[np.ndarray]) -> Generator[tuple[np.ndarray, int]]:
    """Chunks of one size, each with the number of its images; the last chunk is padded with black images."""
    shape, size = extractor.shape, chunk_size(extractor)
    chunk, filled = np.zeros((size, shape.height, shape.width, shape.channels), np.uint8), 0
    for array in arrays:
        if array.dtype != np.uint8 or array.shape[1:] != chunk.shape[1:]:
            expected = f"(N, {shape.height}, {shape.width}, {shape.channels})"
            raise ValueError(f"this extractor takes uint8 images {expected}, got {array.dtype} {array.shape}.")
        at = 0
        while at < len(array):
            taken = min(size - filled, len(array) - at)
            chunk[filled : filled + taken] = array[at : at + taken]
            filled, at = filled + taken, at + taken
            if filled == size:
                yield chunk, size
                filled = 0
    if filled:
        chunk[filled:] = 0
        yield chunk, filled
