"""The two articles' networks in Keras, written from the specification's tables, and weights copied into them."""

import keras
import numpy as np
from keras import layers
from torch import nn

from gansmith.nn.conv import Conv2dSame, ConvTranspose2dSame
from gansmith.nn.norm import BatchNorm
from gansmith.nn.upsample import UpsampleConv2d


class FormulaBatchNorm(keras.layers.Layer):
    """Batch normalisation by its formula, with the moving variance that TensorFlow's fused kernel keeps if asked."""

    def __init__(self, momentum, bessel):
        super().__init__()
        self.momentum, self.bessel = momentum, bessel

    def build(self, shape):
        self.gamma = self.add_weight(shape=shape[-1:], initializer="ones")
        self.beta = self.add_weight(shape=shape[-1:], initializer="zeros")
        self.mean = self.add_weight(shape=shape[-1:], initializer="zeros", trainable=False)
        self.variance = self.add_weight(shape=shape[-1:], initializer="ones", trainable=False)

    def call(self, x, training=False):
        mean, variance = self.mean.value, self.variance.value
        if training:
            axes = tuple(range(x.dim() - 1))
            mean, variance = x.mean(axes), x.var(axes, correction=0)
            count = x.numel() / x.shape[-1]
            kept = variance * count / (count - 1) if self.bessel else variance
            self.mean.assign(self.mean.value * self.momentum + mean.detach() * (1 - self.momentum))
            self.variance.assign(self.variance.value * self.momentum + kept.detach() * (1 - self.momentum))
        return (x - mean) / (variance + 1e-3).sqrt() * self.gamma.value + self.beta.value


def keras_batch_norm(momentum, bessel):
    """Keras' own layer; on this backend its moving variance is always the biased one."""
    return layers.BatchNormalization(momentum=momentum)


def mnist_generator(batch_norm):
    def transpose(filters, **options):
        return layers.Conv2DTranspose(filters, 5, padding="same", **options)

    def norm():
        return batch_norm(0.9, bessel=False)

    return keras.Sequential(
        [
            keras.Input((100,)),
            layers.Dense(7 * 7 * 256),
            norm(),
            layers.ReLU(),
            layers.Reshape((7, 7, 256)),
            layers.UpSampling2D(),
            transpose(128),
            norm(),
            layers.ReLU(),
            layers.UpSampling2D(),
            transpose(64),
            norm(),
            layers.ReLU(),
            transpose(32),
            norm(),
            layers.ReLU(),
            transpose(1, activation="sigmoid"),
        ]
    )


def mnist_discriminator():
    stack = [keras.Input((28, 28, 1))]
    for filters, strides in ((64, 2), (128, 2), (256, 2), (512, 1)):
        stack += [layers.Conv2D(filters, 5, strides=strides, padding="same"), layers.LeakyReLU(negative_slope=0.2)]
    return keras.Sequential([*stack, layers.Flatten(), layers.Dense(1, activation="sigmoid")])


def fashion_generator(batch_norm):
    return keras.Sequential(
        [
            keras.Input((100,)),
            layers.Dense(7 * 7 * 128),
            layers.Reshape((7, 7, 128)),
            batch_norm(0.99, bessel=True),
            layers.Conv2DTranspose(64, 5, strides=2, padding="same", activation="selu"),
            batch_norm(0.99, bessel=True),
            layers.Conv2DTranspose(1, 5, strides=2, padding="same", activation="tanh"),
        ]
    )


def fashion_discriminator():
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(64, 5, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2D(128, 5, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


def copy_weights(network, model):
    """Put our network's weights into the Keras model, layer by layer."""
    theirs = [layer for layer in model.layers if layer.weights]
    for layer, arrays in zip(theirs, weights_for_keras(network), strict=True):
        layer.set_weights(arrays)


def weights_for_keras(network):
    """A list of arrays per layer that has any, laid out as Keras does: channels last, kernels (h, w, in, out)."""
    side = {12544: 7, 6272: 7, 8192: 4}  # flattened pictures of these two articles: h, w, c there, c, h, w here

    def channels_last(array, axis):
        size = array.shape[axis]
        if size not in side:
            return array
        picture = np.moveaxis(array, axis, 0).reshape(size // side[size] ** 2, side[size], side[size], -1)
        flat = picture.transpose(1, 2, 0, 3).reshape(size, -1)
        return np.moveaxis(flat.reshape(np.moveaxis(array, axis, 0).shape), 0, axis)

    for layer in network.modules():
        arrays = {name: t.detach().numpy().copy() for name, t in layer.state_dict().items() if "." not in name}
        if isinstance(layer, nn.Linear):
            yield [channels_last(channels_last(arrays["weight"].T, 0), 1), channels_last(arrays["bias"], 0)]
        elif isinstance(layer, BatchNorm):
            yield [channels_last(arrays[name], 0) for name in ("weight", "bias", "running_mean", "running_var")]
        elif isinstance(layer, (Conv2dSame, ConvTranspose2dSame, UpsampleConv2d)):
            yield [arrays["weight"].transpose(2, 3, 1, 0), arrays["bias"]]
