"""A network with random weights: features for images of any kind, size and number of channels.

Random convolutions respond to texture, edges and layout as trained ones do, but not to what an image shows. Naeem et
al. 2020, arXiv:2002.09797, section 4, compare generators by such features where no trained network fits. Each
convolution is followed by the modulus, as in scattering networks (Bruna & Mallat 2013, arXiv:1203.1513); unlike ReLU,
it leaves no feature dead.
"""

import hashlib

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, conv2d

from gansmith.features.extractor import Extractor, InputShape, Output, hash_of
from gansmith.pixels import to_model
from gansmith.rng import random_words, stream

SEED = 0
"""Seed of the weights."""
WIDTH = 16
"""Channels of each scale."""
PLACES = 2
"""Each channel is averaged over a grid of this height and width, which makes 64 features per scale."""
MOST_SCALES = 4
"""Largest number of scales; images of 32x32 pixels and more have it, and 256 features."""
LEAST_MAP = 4
"""Smallest height and width of a map, in pixels."""


def random_network(shape: InputShape) -> Extractor:
    """An extractor with up to four scales, each at half the resolution of the previous one.

    Each scale is a convolution, the modulus, and the mean over each quarter of the map.
    """
    scales = scales_of(shape)
    kernels = [kernel(scale, WIDTH if scale else shape.channels) for scale in range(scales)]

    def compute(images: Tensor) -> Output:
        found, maps = [], to_model(images, "0..1")
        for scale, weight in enumerate(kernels):
            maps = conv2d(avg_pool2d(maps, 2) if scale else maps, weight, padding=1).abs()
            found.append(adaptive_avg_pool2d(maps, PLACES).flatten(1))
        return Output(vectors=torch.cat(found, 1))

    weights = hashlib.sha256(b"".join(weight.numpy().astype("<f4").tobytes() for weight in kernels)).hexdigest()
    return Extractor(
        name="random",
        hash=hash_of(weights, {"width": WIDTH, "places": PLACES, "scales": scales}),
        width=WIDTH * PLACES**2 * scales,
        shape=shape,
        pixels=shape.height * shape.width,
        compute=compute,
    )


def scales_of(shape: InputShape) -> int:
    """The number of scales: as many as keep maps of at least 4x4, at most four."""
    return min((min(shape.height, shape.width) // LEAST_MAP).bit_length(), MOST_SCALES)


def kernel(scale: int, channels: int) -> Tensor:
    """float32 [WIDTH, channels, 3, 3], uniform with He et al.'s variance 2 / fan (2015, arXiv:1502.01852, eq. 10).

    The weights are integers from reproducible random words, scaled once, so they are the same bits on every machine.
    Every other filter sums to zero, so that edges and textures count as much as brightness.
    """
    fan = channels * 9
    words = random_words(WIDTH * fan, stream(SEED, f"metrics/random/{channels}", scale)).numpy().reshape(WIDTH, fan)
    whole = words >> 43  # 21 bits and a sign, so that sums over a filter are exact
    centred = whole * fan
    centred[::2] -= whole[::2].sum(1, keepdims=True)
    unit = centred.astype(np.float64) / (fan * 2.0**20)
    return torch.from_numpy((unit * np.sqrt(6 / fan)).astype(np.float32).reshape(WIDTH, channels, 3, 3))
