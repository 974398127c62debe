"""The nine classic systems' networks in Keras, written from the specification's tables and not from our models."""

from dataclasses import dataclass

import keras
from keras import layers, ops


@dataclass(frozen=True, kw_only=True)
class Parts:
    """How to make the two layers that a test may want to hold in its hand."""

    norm: object
    """(momentum, bessel) -> layer."""
    dropout: object
    """(rate, image) -> layer; `image` is the (h, w, c) that flat features were, if they were one."""


class FormulaBatchNorm(layers.Layer):
    """Batch normalisation by its formula, with the moving variance that TensorFlow's fused kernel keeps if asked.

    Keras 3 keeps the biased variance on every backend, so nothing of today can show the one of tf.keras 2.3.
    """

    def __init__(self, momentum, bessel):
        super().__init__()
        self.momentum, self.bessel = momentum, bessel

    def build(self, shape):
        self.gamma = self.add_weight(shape=shape[-1:], initializer="ones")
        self.beta = self.add_weight(shape=shape[-1:], initializer="zeros")
        self.mean = self.add_weight(shape=shape[-1:], initializer="zeros", trainable=False)
        self.variance = self.add_weight(shape=shape[-1:], initializer="ones", trainable=False)

    def call(self, x, training=False):
        mean, variance = self.mean, self.variance
        if training:
            axes = tuple(range(len(x.shape) - 1))
            mean, variance = ops.mean(x, axes), ops.var(x, axes)
            count = ops.size(x) / x.shape[-1]
            kept = variance * count / (count - 1) if self.bessel else variance
            self._follow(self.mean, mean)
            self._follow(self.variance, kept)
        return (x - mean) / ops.sqrt(variance + 1e-3) * self.gamma + self.beta

    def _follow(self, moving, value):
        moving.assign(moving * self.momentum + ops.stop_gradient(value) * (1 - self.momentum))


def keras_norm(momentum, bessel):
    """Keras' own layer; its moving variance is always the biased one."""
    return layers.BatchNormalization(momentum=momentum)


def formula_norm(momentum, bessel):
    """Keras' own layer where it can show what the article's did, and the formula elsewhere."""
    return FormulaBatchNorm(momentum, bessel) if bessel else keras_norm(momentum, bessel)


def chain(shape, *parts):
    return keras.Sequential([keras.Input(shape), *parts])


class Conv2D(layers.Conv2D):
    """Keras' own layer, its kernel laid out in memory as torch's: torch 2.13 has no gradient in float64 otherwise.

    That is so for one filter only: "slow_conv2d: grad_weight must be contiguous".
    """

    def convolution_op(self, inputs, kernel):
        if keras.backend.backend() == "torch":
            kernel = ops.convert_to_tensor(kernel).permute(3, 2, 0, 1).contiguous().permute(2, 3, 1, 0)
        return super().convolution_op(inputs, kernel)


def conv(filters, kernel, strides=1, padding="same"):
    return Conv2D(filters, kernel, strides=strides, padding=padding)


def transpose(filters, kernel, strides=1):
    return layers.Conv2DTranspose(filters, kernel, strides=strides, padding="same")


def act(name):
    return layers.Activation(name)


class LeakyReLU(layers.LeakyReLU):
    """Keras' own layer, but not on TensorFlow: its kernel takes the slope in float32, so that 0.2 is 0.200000003."""

    def call(self, x):
        if keras.backend.backend() == "tensorflow":
            return ops.maximum(x, self.negative_slope * x)
        return super().call(x)


def leaky(slope):
    return LeakyReLU(negative_slope=slope)


def verdict():
    """One unit with a sigmoid, which is a layer of its own so that its logit can be had."""
    return layers.Dense(1), act("sigmoid")


def mnist_dcgan(parts):
    """§4."""

    def norm_relu():
        return parts.norm(0.9, bessel=False), act("relu")

    def step(filters, strides):
        return conv(filters, 5, strides), leaky(0.2), parts.dropout(0.4)

    G = chain(
        (100,),
        layers.Dense(12544),
        *norm_relu(),
        layers.Reshape((7, 7, 256)),
        parts.dropout(0.4),
        layers.UpSampling2D(),
        transpose(128, 5),
        *norm_relu(),
        layers.UpSampling2D(),
        transpose(64, 5),
        *norm_relu(),
        transpose(32, 5),
        *norm_relu(),
        transpose(1, 5),
        act("sigmoid"),
    )
    D = chain((28, 28, 1), *step(64, 2), *step(128, 2), *step(256, 2), *step(512, 1), layers.Flatten(), *verdict())
    return G, D


def fashion_mlp(parts):
    """§5."""
    G = chain(
        (30,),
        layers.Dense(100, activation="selu"),
        layers.Dense(150, activation="selu"),
        layers.Dense(784, activation="sigmoid"),
        layers.Reshape((28, 28)),
    )
    D = chain(
        (28, 28),
        layers.Flatten(),
        layers.Dense(150, activation="selu"),
        layers.Dense(100, activation="selu"),
        *verdict(),
    )
    return G, D


def fashion_dcgan(parts):
    """§5."""
    G = chain(
        (100,),
        layers.Dense(6272),
        layers.Reshape((7, 7, 128)),
        parts.norm(0.99, bessel=True),
        transpose(64, 5, 2),
        act("selu"),
        parts.norm(0.99, bessel=True),
        transpose(1, 5, 2),
        act("tanh"),
    )
    D = chain(
        (28, 28, 1),
        conv(64, 5, 2),
        leaky(0.2),
        parts.dropout(0.4),
        conv(128, 5, 2),
        leaky(0.2),
        parts.dropout(0.4),
        layers.Flatten(),
        *verdict(),
    )
    return G, D


def notmnist_dcgan(parts):
    """§6, Zackory's network."""
    G = chain(
        (100,),
        layers.Dense(6272),
        leaky(0.2),
        layers.Reshape((7, 7, 128)),
        layers.UpSampling2D(),
        conv(64, 5),
        leaky(0.2),
        layers.UpSampling2D(),
        conv(1, 5),
        act("tanh"),
    )
    D = chain(
        (28, 28, 1),
        conv(64, 5, 2),
        leaky(0.2),
        parts.dropout(0.3),
        conv(128, 5, 2),
        leaky(0.2),
        parts.dropout(0.3),
        layers.Flatten(),
        *verdict(),
    )
    return G, D


def mnist_mlp(parts):
    """§7.2."""
    G = chain((100,), layers.Dense(128), leaky(0.01), layers.Dense(784), act("tanh"))
    D = chain((784,), layers.Dense(128), leaky(0.01), *verdict())
    return G, D


def mnist_small_dcgan(parts, slope=0.01):
    """§7.3, scenario 1."""

    def norm_leaky():
        return parts.norm(0.99, bessel=False), leaky(slope)

    G = chain(
        (100,),
        layers.Dense(784),
        layers.Reshape((7, 7, 16)),
        *norm_leaky(),
        transpose(32, 5, 2),
        *norm_leaky(),
        transpose(1, 5, 2),
        act("tanh"),
    )
    D = chain(
        (28, 28, 1),
        conv(32, 5, 2),
        leaky(slope),
        conv(16, 5, 2),
        *norm_leaky(),
        layers.Flatten(),
        layers.Dense(784),
        *norm_leaky(),
        *verdict(),
    )
    return G, D


def mnist_small_dcgan_steeper(parts):
    """§7.3, scenario 2."""
    return mnist_small_dcgan(parts, slope=0.2)


def svhn_dcgan(parts):
    """§7.4; §7.5 has the same networks with other first weights."""

    def norm_leaky():
        return parts.norm(0.99, bessel=False), leaky(0.2)

    G = chain(
        (100,),
        layers.Dense(8192),
        layers.Reshape((4, 4, 512)),
        *norm_leaky(),
        transpose(256, 5, 2),
        *norm_leaky(),
        transpose(128, 5, 2),
        *norm_leaky(),
        transpose(3, 5, 2),
        act("tanh"),
    )
    D = chain(
        (32, 32, 3),
        conv(64, 5, 2),
        leaky(0.2),
        conv(128, 5, 2),
        *norm_leaky(),
        conv(256, 5, 2),
        *norm_leaky(),
        layers.Flatten(),
        *verdict(),
    )
    return G, D


def cifar_ships(parts):
    """§8."""

    def shrink():
        return conv(128, 4, 2, "valid"), leaky(0.3)

    G = chain(
        (128,),
        layers.Dense(32768),
        leaky(0.3),
        layers.Reshape((16, 16, 128)),
        conv(256, 5),
        leaky(0.3),
        transpose(256, 4, 2),
        leaky(0.3),
        conv(256, 5),
        leaky(0.3),
        conv(256, 5),
        leaky(0.3),
        conv(3, 7),
        act("tanh"),
    )
    D = chain(
        (32, 32, 3),
        conv(128, 3, 1, "valid"),
        leaky(0.3),
        *shrink(),
        *shrink(),
        *shrink(),
        layers.Flatten(),
        parts.dropout(0.4, image=(2, 2, 128)),
        *verdict(),
    )
    return G, D


@dataclass(frozen=True, kw_only=True)
class System:
    make: object
    """Parts -> (G, D), D ending in a sigmoid."""
    G: tuple[int, int]
    """Trainable and non-trainable parameters, as the specification gives them."""
    D: tuple[int, int]


SVHN = System(make=svhn_dcgan, G=(4_935_171, 1_792), D=(1_034_113, 768))
SMALL = {"G": (92_913, 96), "D": (631_473, 1_600)}
SYSTEMS = {
    "mnist-dcgan": System(make=mnist_dcgan, G=(2_368_705, 25_536), D=(4_311_553, 0)),
    "fashion-mlp": System(make=fashion_mlp, G=(136_634, 0), D=(132_951, 0)),
    "fashion-dcgan": System(make=fashion_dcgan, G=(840_321, 384), D=(212_865, 0)),
    "notmnist-dcgan": System(make=notmnist_dcgan, G=(839_937, 0), D=(212_865, 0)),
    "mnist-mlp": System(make=mnist_mlp, G=(114_064, 0), D=(100_609, 0)),
    "mnist-small-dcgan": System(make=mnist_small_dcgan, **SMALL),
    "mnist-small-dcgan:scenario-2": System(make=mnist_small_dcgan_steeper, **SMALL),
    "svhn-dcgan": SVHN,
    "celeba32-dcgan": SVHN,
    "cifar-ships": System(make=cifar_ships, G=(9_410_307, 0), D=(790_913, 0)),
}
