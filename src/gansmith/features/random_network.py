"""A network that was never trained: features for images of any kind, size and number of channels.

Random convolutions see texture, edges and layout as trained ones do, and know nothing of what is shown: Naeem et al.
2020, arXiv:2002.09797, section 4, compare generators by them where no trained network suits. After a convolution comes
the modulus, as in scattering networks (Bruna & Mallat 2013, arXiv:1203.1513): unlike ReLU it leaves no feature dead.
"""

import hashlib

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, conv2d

from gansmith.features.extractor import Extractor, InputShape, Output, hash_of, no_gradients
from gansmith.pixels import to_model
from gansmith.rng import random_words, stream

SEED, WIDTH, PLACES, MOST_SCALES, LEAST_SIDE = 0, 16, 2, 4, 4
"""16 channels a scale, each averaged over 2x2 places: 64 features a scale, 256 from 32x32 pixels on."""


def random_network(shape: InputShape) -> Extractor:
    """Up to four scales, each half as large as the one before: convolution, modulus, and the mean over each quarter."""
    scales = scales_of(shape)
    kernels = [kernel(scale, WIDTH if scale else shape.channels) for scale in range(scales)]

    def compute(images: Tensor) -> Output:
        found, maps = [], to_model(images, "0..1")
        for scale, weight in enumerate(kernels):
            maps = conv2d(avg_pool2d(maps, 2) if scale else maps, weight, padding=1).abs()
            found.append(adaptive_avg_pool2d(maps, PLACES).flatten(1))
        return Output(vectors=torch.cat(found, 1), logits=None)

    weights = hashlib.sha256(b"".join(weight.numpy().astype("<f4").tobytes() for weight in kernels)).hexdigest()
    return Extractor(
        name="random",
        hash=hash_of(weights, {"width": WIDTH, "places": PLACES, "scales": scales}),
        width=WIDTH * PLACES**2 * scales,
        classes=None,
        resize="none",
        shape=shape,
        pixels=shape.height * shape.width,
        compute=no_gradients(compute),
    )


def scales_of(shape: InputShape) -> int:
    """As many as leave maps of at least 4x4, at most four."""
    side, scales = min(shape.height, shape.width), 1
    while scales < MOST_SCALES and side // 2 >= LEAST_SIDE:
        side, scales = side // 2, scales + 1
    return scales


def kernel(scale: int, channels: int) -> Tensor:
    """float32 [WIDTH, channels, 3, 3], uniform with He et al.'s variance 2 / fan (2015, arXiv:1502.01852, eq. 10).

    Whole numbers of promised random words, scaled once: the same bits on every machine. Every other filter sums to
    zero, so that edges and textures count as much as brightness.
    """
    fan = channels * 9
    words = random_words(WIDTH * fan, stream(SEED, f"metrics/random/{channels}", scale)).numpy().reshape(WIDTH, fan)
    whole = words >> 43  # 21 bits and a sign: sums of a fan of them are exact
    centred = whole * fan
    centred[::2] -= whole[::2].sum(1, keepdims=True)
    unit = centred.astype(np.float64) / (fan * 2.0**20)
    return torch.from_numpy((unit * np.sqrt(6 / fan)).astype(np.float32).reshape(WIDTH, channels, 3, 3))
