"""Dropout masks that are given: our layers and Keras' read the same ones from a book, each in its own layout."""

import keras
import torch
from keras import ops

from gansmith.rng import stream


class MaskBook:
    """Masks by (title, number of the call since the title was opened), so that two networks can read the same ones."""

    def __init__(self):
        self.open("")

    def open(self, title):
        self.title, self.calls = title, 0

    def kept(self, x, rate, generator=None):
        """Bools [N, C, H, W] or [N, features], true for what is kept: stands in for our `kept_from_words`."""
        return self.mask(x.shape, rate)

    def mask(self, shape, rate):
        """The next mask of this shape."""
        draws = torch.rand(shape, generator=stream(5, self.title, self.calls))
        self.calls += 1
        return draws >= rate


class GivenDropout(keras.layers.Layer):
    """Multiplies by the book's next mask in training mode; `image` is the (h, w, c) that flat features were."""

    def __init__(self, book, rate, image=None):
        super().__init__()
        self.book, self.rate, self.image = book, rate, image

    def call(self, x, training=False):
        if not training:
            return x
        height, width, channels = self.image or x.shape[1:]
        flat = len(x.shape) == 2
        shape = (x.shape[0], channels * height * width) if flat else (x.shape[0], channels, height, width)
        kept = self.book.mask(shape, self.rate).reshape(-1, channels, height, width).permute(0, 2, 3, 1)
        return x * ops.convert_to_tensor(kept.reshape(tuple(x.shape)).double().numpy()) / (1 - self.rate)
