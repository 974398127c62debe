"""Converts the weights of a network to and from Keras' layout: the order of `get_weights()`, channels last.

Kernels of convolutions are (h, w, in, out), of transposed convolutions (h, w, out, in), of dense layers (in, out).
Keras flattens an image as (h, w, c) and torch as (c, h, w), so the features of a dense layer or batch norm next to a
flattened image are reordered. The meaning of an array follows from the network alone; Keras is not imported.
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
"""Every layer that is a convolution in Keras."""
NORM_NAMES = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
"""Our names of a batch norm's tensors by Keras' names, in Keras' order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerWeights:
    """The weights of one layer in Keras."""

    description: str
    """Name in errors, such as "layer 3 (UpsampleConv2d 256→128 kernel 5)"; only layers with weights are counted."""
    kind: str
    """The class in Keras: Dense, Conv2D, Conv2DTranspose or BatchNormalization."""
    weights: tuple[tuple[str, tuple[int, ...]], ...]
    """(name, shape) in Keras' order; the names are kernel, bias, gamma, beta, moving_mean and moving_variance."""


def expected_layers(module: nn.Module, *, channels: int | None = None) -> list[LayerWeights]:
    """The layers of `module` that have weights, in order, with the names and shapes of their weights in Keras.

    `channels` of the input image matter only for a network that flattens it before any convolution, and can be left
    out unless the number of features is divisible by 3. Raises UsageError for a layer without a counterpart in Keras.
    """
    return [layer for layer, _ in _layers(module, channels)]


def get_weights(module: nn.Module, *, channels: int | None = None) -> list[np.ndarray]:
    """Copies of the weights of `module`, as Keras' `get_weights()` returns them for the same network.

    `expected_layers` explains `channels` and raises the same errors.
    """
    return [weight.to_keras() for _, weights in _layers(module, channels) for weight in weights]


def set_weights(module: nn.Module, arrays: Iterable[np.ndarray], *, channels: int | None = None) -> None:
    """Copy arrays in the order and layout of Keras' `get_weights()` into `module`; on an error, none is copied.

    Raises DataError, naming the layer, for an array that is missing, surplus, not of floats or of another shape.
    `expected_layers` explains `channels` and raises its errors too.
    """
    arrays = [np.asarray(array) for array in arrays]
    expected = [(layer, weight) for layer, weights in _layers(module, channels) for weight in weights]
    for (layer, weight), array in zip(expected, arrays, strict=False):
        if array.shape != weight.shape:
            raise DataError(f"{layer.description} needs {weight.name} {weight.shape}, got {array.shape}.")
        if array.dtype.kind != "f" or array.dtype.itemsize > 8:
            raise DataError(f"{layer.description} needs {weight.name} in floats of 16 to 64 bits, got {array.dtype}.")
    if len(arrays) != len(expected):
        end = _where_it_ends(expected, len(arrays))
        raise DataError(f"the network needs {len(expected)} arrays, got {len(arrays)}: {end}.")
    for (_, weight), array in zip(expected, arrays, strict=True):
        weight.from_keras(array)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Weight:
    """One of our tensors, and its conversion to Keras: reshape to `split`, permute by `axes`, reshape to `shape`."""

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
        # A copy, because torch takes neither negative strides nor other byte orders.
        native = np.array(array, dtype=array.dtype.newbyteorder("="))
        back = tuple(int(axis) for axis in np.argsort(self.axes))
        there = torch.from_numpy(native).reshape([self.split[axis] for axis in self.axes])
        self.tensor.copy_(there.permute(back).reshape(self.tensor.shape))


def _where_it_ends(expected: list[tuple[LayerWeights, _Weight]], num_arrays: int) -> str:
    """Where a list of arrays is too short, or where it should have ended."""
    if num_arrays < len(expected):
        layer, weight = expected[num_arrays]
        return f"{layer.description} has no {weight.name}"
    return f"its last layer is {expected[-1][0].description}" if expected else "it has no weights"


def _layers(module: nn.Module, channels: int | None) -> list[tuple[LayerWeights, list[_Weight]]]:
    """The layers that have weights; the walk along the chain keeps track of the channels of flattened images."""
    chain = _chain(module)
    made: list[tuple[LayerWeights, list[_Weight]]] = []
    flat: int | None = None  # channels of the image that the current flat features come from or become
    for index, layer in enumerate(chain):
        number = len(made) + 1
        if isinstance(layer, nn.Unflatten):
            flat, channels = None, layer.unflattened_size[0]
        elif isinstance(layer, nn.Flatten) and layer.start_dim == 1:
            flat = channels or _channels_of_input(chain[index:])
        elif isinstance(layer, nn.Linear):
            before, flat = flat, _channels_ahead(chain[index + 1 :])
            sizes = f"{layer.in_features}→{layer.out_features}"
            made.append(_layer(number, layer, sizes, "Dense", _dense(layer, before, flat)))
        elif isinstance(layer, BatchNorm):
            sizes = f"of {len(layer.weight)} features"
            weights = [_vector(name, getattr(layer, ours), flat) for name, ours in NORM_NAMES.items()]
            made.append(_layer(number, layer, sizes, "BatchNormalization", weights))
        elif isinstance(layer, Convolution):
            kind, narrow, channels = _convolution(layer)
            sizes = f"{narrow}→{channels} kernel {layer.weight.shape[-1]}"
            made.append(_layer(number, layer, sizes, kind, list(_kernel_and_bias(layer))))
        elif layer.state_dict():
            raise UsageError(f"the weights of {type(layer).__name__} have no counterpart in Keras.")
    return made


def _chain(module: nn.Module) -> list[nn.Module]:
    """The layers of a network that is a plain chain. Raises UsageError for any other network."""
    layers = [layer for layer in module.modules() if not isinstance(layer, (Stack, nn.Sequential))]
    for layer in layers:
        if list(layer.children()):
            raise UsageError(f"only a plain chain of layers has a counterpart in Keras, not a {type(layer).__name__}.")
    return layers


def _layer(
    number: int, layer: nn.Module, sizes: str, kind: str, weights: list[_Weight]
) -> tuple[LayerWeights, list[_Weight]]:
    description = f"layer {number} ({type(layer).__name__} {sizes})"
    described = tuple((weight.name, weight.shape) for weight in weights)
    return LayerWeights(description=description, kind=kind, weights=described), weights


def _channels_ahead(rest: list[nn.Module]) -> int | None:
    """Channels of the image that a dense layer's output becomes, or None if another dense layer comes first."""
    found = next((layer for layer in rest if isinstance(layer, (nn.Unflatten, nn.Linear))), None)
    return found.unflattened_size[0] if isinstance(found, nn.Unflatten) else None


def _channels_of_input(rest: list[nn.Module]) -> int:
    """1, for an image that is flattened before any convolution, unless it could be in colour: then a UsageError."""
    features = next(layer.in_features for layer in rest if isinstance(layer, nn.Linear))
    if features % 3 == 0:
        raise UsageError(f"{features} features may be a grey image or a colour image; pass channels=1 or channels=3.")
    return 1


def _convolution(layer: Convolution) -> tuple[str, int, int]:
    """The class in Keras, input channels and output channels."""
    rows, columns = layer.weight.shape[:2]
    if isinstance(layer, ConvTranspose2dSame) or (isinstance(layer, UpsampleConv2d) and layer.transposed):
        return "Conv2DTranspose", rows, columns
    return "Conv2D", columns, rows


def _kernel_and_bias(layer: Convolution) -> Iterator[_Weight]:
    """The kernel with its axes permuted, (out, in, h, w) -> (h, w, in, out), also if transposed; and the bias."""
    first, second, height, width = layer.weight.shape
    shape, turned = (first, second, height, width), (height, width, second, first)
    yield _Weight(name="kernel", tensor=layer.weight, split=shape, axes=(2, 3, 1, 0), shape=turned)
    if layer.bias is not None:
        yield _vector("bias", layer.bias, None)


def _dense(layer: nn.Linear, before: int | None, after: int | None) -> list[_Weight]:
    """Kernel and bias; `before` and `after` are the channels of a flattened image in input and output, if any."""
    split = (*_split(layer.out_features, after), *_split(layer.in_features, before))
    shape = (layer.in_features, layer.out_features)
    kernel = _Weight(name="kernel", tensor=layer.weight, split=split, axes=(3, 2, 1, 0), shape=shape)
    return [kernel] if layer.bias is None else [kernel, _vector("bias", layer.bias, after)]


def _vector(name: str, tensor: Tensor, channels: int | None) -> _Weight:
    return _Weight(name=name, tensor=tensor, split=_split(len(tensor), channels), axes=(1, 0), shape=(len(tensor),))


def _split(features: int, channels: int | None) -> tuple[int, int]:
    """(channels, pixels) of `features`; without an image, every feature is a channel of one pixel."""
    return (features, 1) if channels is None else (channels, features // channels)
