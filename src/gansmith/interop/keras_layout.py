"""The models in the HDF5 files that Keras has written since 2016: which layers, in which order, with which numbers.

Up to Keras 2, and as `.h5` in Keras 3, a file lists its layers in order: `layer_names` at the root (`save_weights`) or
in the group `model_weights` (`save`), and for each layer `weight_names`. A model inside a model is one layer there,
with its trainable weights before the others. Keras 3's `.weights.h5`, which is also what a `.keras` file holds, says
`layers/conv2d_1/vars/0`: numbered within their kind, from which only the wanted network tells the order.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from gansmith.errors import DataError
from gansmith.interop.hdf5 import array_at, members, quoted, strings, subgroup

if TYPE_CHECKING:
    from h5py import Dataset, Group

MAX_LAYERS = 1000
"""Most layers listed, and most groups of a Keras 3 file: a GAN and its optimisers have some hundred."""

MAX_DEPTH = 32
"""Most groups inside one another: a layer of a model inside a model inside a model is at eight."""

_KINDS = {
    "dense": "Dense",
    "batch_normalization": "BatchNormalization",
    "batchnormalization": "BatchNormalization",  # Keras 1
    "conv2d": "Conv2D",
    "convolution2d": "Conv2D",  # Keras 1
    "conv2d_transpose": "Conv2DTranspose",
    "deconvolution2d": "Conv2DTranspose",  # Keras 1
}
_LAYERS = ("layers", "_layer_checkpoint_dependencies")
"""What the group of a model's layers is called; the second by Keras 2.12 and 2.13."""

_KERAS_1_WEIGHT = re.compile(r"(.+)_(W|b|gamma|beta|running_mean|running_std)(:\d+)?")


Array = TypeVar("Array")
"""An array in the file, h5py's, or one that has been read, NumPy's."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class KerasLayer(Generic[Array]):
    """A layer that has weights."""

    name: str
    """As the file's writer knew it, fit to be quoted."""
    kind: str | None
    """The class in Keras, where the name tells it."""
    number: int
    """Place among those of its kind, in files that tell no other order."""
    arrays: list[Array]
    keras_1: bool = False
    """Whether Keras 1 wrote it."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class KerasModel(Generic[Array]):
    """Layers that belong together, in the network's order or else numbered within their kind."""

    name: str
    layers: list[KerasLayer[Array]]
    in_order: bool


def models(root: "Group") -> "list[KerasModel[Dataset]]":
    """Every model of the file that has weights; no number is read. Raises DataError when there is none."""
    for group in (root, subgroup(root, "model_weights")):
        if group is not None and (names := strings(group, "layer_names")) is not None:
            found = list(_listed_models(group, names))
            break
    else:
        found = list(_numbered_models(root, "the file's", set(), 0))
    if not found:
        raise DataError("it holds no layers with weights in Keras' layout; give what save_weights() or save() wrote.")
    return found


def _listed_models(group: "Group", names: list[str]) -> "Iterator[KerasModel[Dataset]]":
    """Those of a file that lists its layers: each model that is a layer there, and the other layers together."""
    if "theano" in (strings(group, "backend") or []):
        raise DataError(
            "it was written on Theano, which turns every kernel round; load it in Keras 2 on TensorFlow and save it."
        )
    keras_1 = (strings(group, "keras_version") or ["1"])[0].startswith("1")
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
    """The layers with weights under one listed name: none, one, or those of a model inside the model."""
    layer_group = subgroup(group, name)
    if layer_group is None:
        raise DataError(f"layer {quoted(name)} is listed and not there; save the weights again.")
    arrays: dict[str, list[Dataset]] = {}
    for path in strings(layer_group, "weight_names") or []:
        array = array_at(layer_group, path, f"layer {quoted(name)}")
        arrays.setdefault(_owner(path), []).append(array)
    names = arrays if len(arrays) > 1 else [name for _ in arrays]
    return [_layer(each, some, keras_1=keras_1) for each, some in zip(names, arrays.values(), strict=True)]


def _owner(weight: str) -> str:
    """The layer that a weight is of: "gan/dense_1" for "gan/dense_1/kernel:0", "dense_1" for Keras 1's "dense_1_W"."""
    if old := _KERAS_1_WEIGHT.fullmatch(weight):
        return old[1]
    return weight.rpartition("/")[0]


def _numbered_models(group: "Group", name: str, seen: "set[Group]", depth: int) -> "Iterator[KerasModel[Dataset]]":
    """Those of a Keras 3 file: every group of layers, wherever it is. Optimisers and metrics have none."""
    if depth > MAX_DEPTH:
        raise DataError(f"its groups lie inside one another more than {MAX_DEPTH} deep.")
    for key in members(group):
        child = subgroup(group, key)
        if child is None:
            continue
        if child in seen or len(seen) == MAX_LAYERS:
            raise DataError(f"group {quoted(child.name)} is one too many, or is reached twice; save the weights again.")
        seen.add(child)
        if key in _LAYERS and (layers := list(_numbered_layers(child))):
            yield KerasModel(name=name, layers=layers, in_order=False)
        yield from _numbered_models(child, name if key in _LAYERS else quoted(key), seen, depth + 1)


def _numbered_layers(group: "Group") -> "Iterator[KerasLayer[Dataset]]":
    """Those with weights of their own."""
    for key in members(group):
        weights = subgroup(group, f"{key}/vars")
        if weights is None or not (numbers := members(weights)):
            continue
        arrays = [array_at(weights, str(number), f"layer {quoted(key)}") for number in range(len(numbers))]
        yield _layer(key, arrays, given=(strings(weights, "name") or [key])[0])


def _layer(
    name: str, arrays: list["Dataset"], *, given: str | None = None, keras_1: bool = False
) -> "KerasLayer[Dataset]":
    """A layer that its writer `given` another name than Keras did, or not; Keras' tells kind and number."""
    last = name.rpartition("/")[2]
    kind, _, number = last.rpartition("_")
    if not (number.isdecimal() and len(number) < 10):
        kind, number = last, "0"
    return KerasLayer(
        name=quoted(given or name), kind=_KINDS.get(kind), number=int(number), arrays=arrays, keras_1=keras_1
    )
