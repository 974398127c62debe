"""From uint8 images to float64 features, always in the same way: what every measure starts from.

In how many pieces images are given, and in which order, changes no value: they go through a network in chunks of one
size, which depends on their shape alone, the last one filled up.
"""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from gansmith.errors import UsageError, unknown
from gansmith.features.classifiers import PLANS, shipped
from gansmith.features.dinov2 import dinov2
from gansmith.features.extractor import Extractor, InputShape
from gansmith.features.inception import inception
from gansmith.features.random_network import random_network

FROM_FILE: dict[str, Callable[[InputShape, Path | None], Extractor]] = {"dinov2": dinov2, "inception": inception}
"""Networks that are not shipped: their weights come from a local file."""

NAMES = (*PLANS, "random", *FROM_FILE)

COUSINS = {"fashion-10k": "fashion-mnist", "notmnist-large": "notmnist"}
"""Sets whose images are of the same kind as those of a network with another name."""

CHUNK_PIXELS, MOST_IMAGES = 2**20, 256
"""A chunk holds about so many pixels, as the network sees them, and no more images than this."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Features:
    """What a network says of images, in their order."""

    vectors: np.ndarray
    """float64 (n, width)."""
    probabilities: np.ndarray | None
    """float64 (n, classes), rows that sum to 1; None where the network knows no classes."""


def extractor(name: str, *, channels: int, height: int, width: int, weights: Path | None = None) -> Extractor:
    """The features of this name for images of this shape; `weights` is the local file that some need.

    Raises UsageError for an unknown name, for images that the network does not see and for weights that it does not
    take; DataError when weights are missing, damaged or those of something else.
    """
    shape = InputShape(channels=channels, height=height, width=width)
    if name in FROM_FILE:
        return FROM_FILE[name](shape, weights)
    if name not in NAMES:
        raise UsageError(unknown("features", name, NAMES))
    if weights:
        raise UsageError(f"features {name!r} come with gansmith and take no weights; leave out {weights}.")
    return random_network(shape) if name == "random" else shipped(name, shape)


def suits(data_name: str) -> str:
    """The features to take for a set or a folder: its own network where one is shipped, "random" for all else."""
    name = data_name.partition("[")[0]
    return name if name in PLANS else COUSINS.get(name, "random")


def suiting(data_name: str, *, channels: int, height: int, width: int) -> Extractor:
    """What `suits` a set, or the random network where that does not see images of this shape."""
    try:
        return extractor(suits(data_name), channels=channels, height=height, width=width)
    except UsageError:
        return extractor("random", channels=channels, height=height, width=width)


def extract(extractor: Extractor, images: np.ndarray | Iterable[np.ndarray]) -> Features:
    """Features of images uint8 (N, H, W, C), given as one array or in pieces of any size; on the CPU, in float32.

    Raises ValueError when there are none, or they have another type or shape than the extractor was made for.
    """
    vectors, probabilities = [], []
    for chunk, count in _whole_chunks(extractor, [images] if isinstance(images, np.ndarray) else images):
        output = extractor.compute(torch.from_numpy(np.ascontiguousarray(chunk.transpose(0, 3, 1, 2))))
        vectors.append(output.vectors[:count].double().numpy())
        if output.logits is not None:
            probabilities.append(output.logits[:count].double().softmax(1).numpy())
    if not vectors:
        raise ValueError("there are no images to take features of.")
    return Features(
        vectors=np.concatenate(vectors), probabilities=np.concatenate(probabilities) if probabilities else None
    )


def chunk_size(extractor: Extractor) -> int:
    """How many images go through the network at once."""
    return min(max(CHUNK_PIXELS // extractor.pixels, 1), MOST_IMAGES)


def _whole_chunks(extractor: Extractor, pieces: Iterable[np.ndarray]) -> Generator[tuple[np.ndarray, int]]:
    """The images in chunks of one size, and how many of each are images: the last one is filled up with black."""
    shape, size = extractor.shape, chunk_size(extractor)
    chunk, filled = np.zeros((size, shape.height, shape.width, shape.channels), np.uint8), 0
    for piece in pieces:
        if piece.dtype != np.uint8 or piece.shape[1:] != chunk.shape[1:]:
            raise ValueError(
                f"features are taken of uint8 images (N, {shape.height}, {shape.width}, {shape.channels}), not of "
                f"{piece.dtype} {piece.shape}."
            )
        at = 0
        while at < len(piece):
            taken = min(size - filled, len(piece) - at)
            chunk[filled : filled + taken] = piece[at : at + taken]
            filled, at = filled + taken, at + taken
            if filled == size:
                yield chunk, size
                filled = 0
    if filled:
        chunk[filled:] = 0
        yield chunk, filled
