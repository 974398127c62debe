"""A network's weights as Keras lays them out, and back: the order of its `get_weights()`, channels last.

Kernels of convolutions are (h, w, in, out), of transposed ones (h, w, out, in), of dense layers (in, out). Keras
flattens an image as (h, w, c) and torch as (c, h, w), so the features of a dense layer or a batch norm that become an
image, or were one, change places. What an array is depends on the network alone; no Keras is needed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from gansmith.errors import DataError, UsageError
from gansmith.nn.conv import Conv2dSame, ConvTranspose2dSame
from gansmith.nn.norm import BatchNorm
from gansmith.nn.stack import Stack
from gansmith.nn.upsample import UpsampleConv2d

Convolution = Conv2dSame | ConvTranspose2dSame | UpsampleConv2d | nn.Conv2d
NORM_NAMES = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerWeights:
    """What Keras keeps for one layer that has weights."""

    description: str
    """How errors call it: "layer 3 (UpsampleConv2d 256→128 kernel 5)", counting the layers that have weights."""
    kind: str
    """The class in Keras: Dense, Conv2D, Conv2DTranspose or BatchNormalization."""
    weights: tuple[tuple[str, tuple[int, ...]], ...]
    """(name, shape) in Keras' order; names are Keras' own: kernel, bias, gamma, beta, moving_mean, moving_variance."""


def expected_layers(module: nn.Module, *, channels: int | None = None) -> list[LayerWeights]:
    """The layers of `module` that have weights, first to last, with the names and shapes that Keras gives them.

    `channels` of the input image matter only to a network that flattens it before any convolution, and can be left
    out when only a grey image has so many pixels. Raises UsageError for layers that Keras has no counterpart of.
    """
    return [
        LayerWeights(
            description=layer.description,
            kind=layer.kind,
            weights=tuple((weight.name, weight.shape) for weight in layer.weights),
        )
        for layer in _layers(module, channels)
    ]


def get_weights(module: nn.Module, *, channels: int | None = None) -> list[np.ndarray]:
    """The weights of `module` as Keras' `get_weights()` returns those of the same network; copies.

    Raises as `expected`, where `channels` is explained.
    """
    return [weight.to_keras() for layer in _layers(module, channels) for weight in layer.weights]


def set_weights(module: nn.Module, arrays: Iterable[np.ndarray], *, channels: int | None = None) -> None:
    """Put arrays in the order and layout of Keras' `get_weights()` into `module`; all of them or, on an error, none.

    Raises DataError, naming the layer, when an array is missing, left over, not of numbers or of another shape; and as
    `expected`, where `channels` is explained.
    """
    arrays = [np.asarray(array) for array in arrays]
    wanted = [(layer, weight) for layer in _layers(module, channels) for weight in layer.weights]
    for (layer, weight), array in zip(wanted, arrays, strict=False):
        if array.shape != weight.shape:
            raise DataError(f"{layer.description} wants {weight.name} {weight.shape}, got {array.shape}.")
        if array.dtype.kind != "f" or array.dtype.itemsize > 8:
            raise DataError(f"{layer.description} wants {weight.name} in floats of 16 to 64 bits, got {array.dtype}.")
    if len(arrays) != len(wanted):
        raise DataError(f"the network wants {len(wanted)} arrays, got {len(arrays)}: {_odd_one(wanted, len(arrays))}.")
    for (_, weight), array in zip(wanted, arrays, strict=True):
        weight.from_keras(array)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Weight:
    """A tensor of ours, and the way to Keras' array: split its axes as `split`, permute them by `axes`, reshape."""

    name: str
    tensor: Tensor
    split: tuple[int, ...]
    axes: tuple[int, ...]
    shape: tuple[int, ...]

    def to_keras(self) -> np.ndarray:
        tensor = self.tensor.detach().reshape(self.split).permute(self.axes).reshape(self.shape)
        return tensor.cpu().numpy().copy()

    @torch.no_grad()
    def from_keras(self, array: np.ndarray) -> None:
        native = np.array(array, dtype=array.dtype.newbyteorder("="))  # a copy: torch refuses strides and byte orders
        back = tuple(int(axis) for axis in np.argsort(self.axes))
        there = torch.from_numpy(native).reshape([self.split[axis] for axis in self.axes])
        self.tensor.copy_(there.permute(back).reshape(self.tensor.shape))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Layer:
    description: str
    kind: str
    weights: list[_Weight]


def _odd_one(wanted: list[tuple[_Layer, _Weight]], given: int) -> str:
    """Where too short or too long a list of arrays goes wrong."""
    if given < len(wanted):
        layer, weight = wanted[given]
        return f"{layer.description} is left without its {weight.name}"
    return f"it ends with {wanted[-1][0].description}" if wanted else "it has no weights"


def _layers(module: nn.Module, channels: int | None) -> list[_Layer]:
    """The layers that have weights. Walks the chain, knowing at each layer how many channels its features hold."""
    chain = _chain(module)
    made: list[_Layer] = []
    flat: int | None = None  # channels of the image that the current flat features were or will be
    for index, layer in enumerate(chain):
        number = len(made) + 1
        if isinstance(layer, nn.Unflatten):
            flat, channels = None, layer.unflattened_size[0]
        elif isinstance(layer, nn.Flatten) and layer.start_dim == 1:
            flat = channels or _channels_of_input(chain[index:])
        elif isinstance(layer, nn.Linear):
            before, flat = flat, _channels_ahead(chain[index + 1 :])
            sides = f"{layer.in_features}→{layer.out_features}"
            made.append(_layer(number, layer, sides, "Dense", _dense(layer, before, flat)))
        elif isinstance(layer, BatchNorm):
            sides = f"of {len(layer.weight)} features"
            weights = [_vector(name, getattr(layer, ours), flat) for name, ours in NORM_NAMES.items()]
            made.append(_layer(number, layer, sides, "BatchNormalization", weights))
        elif isinstance(layer, Convolution):
            kind, narrow, channels = _convolution(layer)
            sides = f"{narrow}→{channels} kernel {layer.weight.shape[-1]}"
            made.append(_layer(number, layer, sides, kind, list(_kernel_and_bias(layer))))
        elif layer.state_dict():
            raise UsageError(f"there is no rule for the weights of {type(layer).__name__} in Keras.")
    return made


def _chain(module: nn.Module) -> list[nn.Module]:
    """The layers of a network that is one row of them."""
    layers = [layer for layer in module.modules() if not isinstance(layer, (Stack, nn.Sequential))]
    for layer in layers:
        if list(layer.children()):
            raise UsageError(f"only a plain chain of layers has a counterpart in Keras, not a {type(layer).__name__}.")
    return layers


def _layer(number: int, layer: nn.Module, sides: str, kind: str, weights: list[_Weight]) -> _Layer:
    return _Layer(description=f"layer {number} ({type(layer).__name__} {sides})", kind=kind, weights=weights)


def _channels_ahead(rest: list[nn.Module]) -> int | None:
    """Channels of the image that a dense layer's output becomes, or None when other weights mix it first."""
    for layer in rest:
        if isinstance(layer, nn.Unflatten):
            return layer.unflattened_size[0]
        if isinstance(layer, nn.Linear):
            return None
    return None


def _channels_of_input(rest: list[nn.Module]) -> int:
    """1 for an image flattened before any convolution, if its number of features leaves no other reading."""
    features = next(layer.in_features for layer in rest if isinstance(layer, nn.Linear))
    if features % 3 == 0:
        raise UsageError(f"{features} features may be a grey image or one in colour; say which with channels=.")
    return 1


def _convolution(layer: Convolution) -> tuple[str, int, int]:
    """Keras' class, channels in, channels out."""
    rows, columns = layer.weight.shape[:2]
    if isinstance(layer, ConvTranspose2dSame) or (isinstance(layer, UpsampleConv2d) and layer.transposed):
        return "Conv2DTranspose", rows, columns
    return "Conv2D", columns, rows


def _kernel_and_bias(layer: Convolution) -> Iterator[_Weight]:
    """Either kind of convolution turns its four axes round: (out, in, h, w) -> (h, w, in, out), and so transposed."""
    shape = tuple(layer.weight.shape)
    axes = (2, 3, 1, 0)
    turned = tuple(shape[axis] for axis in axes)
    yield _Weight(name="kernel", tensor=layer.weight, split=shape, axes=axes, shape=turned)
    if layer.bias is not None:
        yield _vector("bias", layer.bias, None)


def _dense(layer: nn.Linear, before: int | None, after: int | None) -> list[_Weight]:
    """`before` and `after` are the channels of the images that its input was and its output becomes, if any."""
    split = (*_split(layer.out_features, after), *_split(layer.in_features, before))
    shape = (layer.in_features, layer.out_features)
    kernel = _Weight(name="kernel", tensor=layer.weight, split=split, axes=(3, 2, 1, 0), shape=shape)
    return [kernel] if layer.bias is None else [kernel, _vector("bias", layer.bias, after)]


def _vector(name: str, tensor: Tensor, channels: int | None) -> _Weight:
    return _Weight(name=name, tensor=tensor, split=_split(len(tensor), channels), axes=(1, 0), shape=(len(tensor),))


def _split(features: int, channels: int | None) -> tuple[int, int]:
    """(channels, pixels) of `features`; features that are no image are channels of a single pixel."""
    return (features, 1) if channels is None else (channels, features // channels)
