"""Finds models, layers and arrays in the HDF5 files that Keras has written since 2016.

Keras 1 and 2, and Keras 3 for `.h5`, list the layers in order: `layer_names` at the root (`save_weights`) or in the
group `model_weights` (`save`), and `weight_names` for each layer. A model inside a model is one layer there, with its
trainable weights first. Keras 3's `.weights.h5`, which a `.keras` file contains too, has paths such as
`layers/conv2d_1/vars/0`: layers are numbered within their kind, and their order follows from the expected network.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from gansmith.errors import DataError
from gansmith.interop.hdf5 import array_at, member_names, quoted, string_attribute, subgroup

if TYPE_CHECKING:
    from h5py import Dataset, Group

MAX_LAYERS = 1000
"""Largest number of listed layers, and of groups in a Keras 3 file; a GAN with its optimisers has about a hundred."""
MAX_DEPTH = 32
"""Largest depth of nested groups; a layer of a model inside a model inside a model is at depth eight."""

_KINDS = {
    "dense": "Dense",
    "batch_normalization": "BatchNormalization",
    "batchnormalization": "BatchNormalization",  # Keras 1
    "conv2d": "Conv2D",
    "convolution2d": "Conv2D",  # Keras 1
    "conv2d_transpose": "Conv2DTranspose",
    "deconvolution2d": "Conv2DTranspose",  # Keras 1
}
"""The class in Keras by the first part of a layer's default name."""

_LAYERS = ("layers", "_layer_checkpoint_dependencies")
"""Names of the group that holds a model's layers; Keras 2.12 and 2.13 use the second."""
_KERAS_1_WEIGHT = re.compile(r"(.+)_(W|b|gamma|beta|running_mean|running_std)(:\d+)?")
"""The name of a weight in Keras 1."""
Array = TypeVar("Array")
"""An array in the file (h5py), or an array that has been read (NumPy)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class KerasLayer(Generic[Array]):
    """A stored layer with weights."""

    name: str
    """Its name in the file, quoted for messages."""
    kind: str | None
    """The class in Keras; None if the name does not tell it."""
    number: int
    """Position among the layers of its kind, in files without another order."""
    arrays: list[Array]
    keras_1: bool = False
    """Whether Keras 1 wrote the file."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class KerasModel(Generic[Array]):
    """The stored layers of one model."""

    name: str
    layers: list[KerasLayer[Array]]
    in_order: bool
    """Whether the layers are in the network's order; otherwise they are numbered within their kind."""


def models(root: "Group") -> "list[KerasModel[Dataset]]":
    """Every model with weights in the file, without reading any numbers. Raises DataError when there is none."""
    for group in (root, subgroup(root, "model_weights")):
        if group is not None and (names := string_attribute(group, "layer_names")) is not None:
            found = list(_listed_models(group, names))
            break
    else:
        found = list(_numbered_models(root, "the file's", set(), 0))
    if not found:
        raise DataError(
            "it has no layers with weights in Keras' layout; give a file from Keras' save_weights() or save()."
        )
    return found


def _listed_models(group: "Group", names: list[str]) -> "Iterator[KerasModel[Dataset]]":
    """The models of a file that lists its layers: each layer that is a model, and one of all other layers."""
    if "theano" in (string_attribute(group, "backend") or []):
        raise DataError(
            "it was written on Theano, which stores kernels in another order; "
            "load it in Keras 2 on TensorFlow and save it again."
        )
    keras_1 = (string_attribute(group, "keras_version") or ["1"])[0].startswith("1")
    own: list[KerasLayer[Dataset]] = []
    for name in names:
        layers = _listed_layers(group, name, keras_1)
        if len(layers) > 1:
            yield KerasModel(name=quoted(name), layers=layers, in_order=True)
        else:
            own += layers
    if own:
        yield KerasModel(name="the file's", layers=own, in_order=True)


def _listed_layers(group: "Group", name: str, keras_1: bool) -> "list[KerasLayer[Dataset]]":
    """The layers with weights under a listed name: none, one, or several for a model inside the model."""
    layer_group = subgroup(group, name)
    if layer_group is None:
        raise DataError(f"layer {quoted(name)} is listed but missing; save the weights again.")
    arrays: dict[str, list[Dataset]] = {}
    for path in string_attribute(layer_group, "weight_names") or []:
        array = array_at(layer_group, path, f"layer {quoted(name)}")
        arrays.setdefault(_owner(path), []).append(array)
    names = arrays if len(arrays) > 1 else [name for _ in arrays]
    return [_layer(each, some, keras_1=keras_1) for each, some in zip(names, arrays.values(), strict=True)]


def _owner(weight: str) -> str:
    """The layer of a weight: "gan/dense_1" for "gan/dense_1/kernel:0", "dense_1" for Keras 1's "dense_1_W"."""
    old = _KERAS_1_WEIGHT.fullmatch(weight)
    return old[1] if old else weight.rpartition("/")[0]


def _numbered_models(group: "Group", name: str, seen: "set[Group]", depth: int) -> "Iterator[KerasModel[Dataset]]":
    """The models of a Keras 3 file: every group of layers at any depth. Optimisers and metrics have no such group."""
    if depth > MAX_DEPTH:
        raise DataError(f"its groups are nested more than {MAX_DEPTH} deep.")
    for key in member_names(group):
        child = subgroup(group, key)
        if child is None:
            continue
        if child in seen or len(seen) == MAX_LAYERS:
            raise DataError(f"group {quoted(child.name)} is reached twice, or is one too many; save the weights again.")
        seen.add(child)
        if key in _LAYERS and (layers := list(_numbered_layers(child))):
            yield KerasModel(name=name, layers=layers, in_order=False)
        yield from _numbered_models(child, name if key in _LAYERS else quoted(key), seen, depth + 1)


def _numbered_layers(group: "Group") -> "Iterator[KerasLayer[Dataset]]":
    """The layers in a group that have weights of their own."""
    for key in member_names(group):
        weights = subgroup(group, f"{key}/vars")
        if weights is None or not (numbers := member_names(weights)):
            continue
        arrays = [array_at(weights, str(number), f"layer {quoted(key)}") for number in range(len(numbers))]
        yield _layer(key, arrays, own_name=(string_attribute(weights, "name") or [key])[0])


def _layer(
    name: str, arrays: list["Dataset"], *, own_name: str | None = None, keras_1: bool = False
) -> "KerasLayer[Dataset]":
    """A stored layer; Keras' `name` tells its kind and number, and `own_name` is the user's name for it, if any."""
    last = name.rpartition("/")[2]
    kind, _, number = last.rpartition("_")
    if not (number.isdecimal() and len(number) < 10):
        kind, number = last, "0"
    shown, kind = quoted(own_name or name), _KINDS.get(kind)
    return KerasLayer(name=shown, kind=kind, number=int(number), arrays=arrays, keras_1=keras_1)
