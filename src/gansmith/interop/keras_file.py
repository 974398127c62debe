"""The weights of known networks out of the HDF5 files that Keras has written since 2016; nothing in them is run.

Up to Keras 2, and as `.h5` in Keras 3, a file lists its layers in order: `layer_names` at the root (`save_weights`) or
in the group `model_weights` (`save`), and for each layer `weight_names`. A model inside a model is one layer there,
with its trainable weights before the others. Keras 3's `.weights.h5`, which is also what a `.keras` file holds, says
`layers/conv2d_1/vars/0`: numbered within their kind, from which only the wanted network tells the order.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedIOBase
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np

from gansmith.errors import DataError
from gansmith.interop.hdf5 import array_at, members, open_hdf5, read, shown, strings, subgroup
from gansmith.interop.keras import LayerWeights

if TYPE_CHECKING:
    from h5py import Dataset, Group

MAX_LAYERS = 1000
"""Most layers looked at, and most groups of a Keras 3 file: a GAN and its optimisers have some hundred."""

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
_TURNED = (0, 1, 3, 2)
"""Keras 1 keeps kernels of transposed convolutions as (h, w, in, out), later ones as (h, w, out, in)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Layer:
    name: str
    """As the file's writer knew it, fit to be shown."""
    kind: str | None
    """The class in Keras, where the name tells it."""
    number: int
    """Place among those of its kind, in files that tell no other order."""
    arrays: list["Dataset"]
    keras_1: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class _Model:
    """Layers that belong together: in the order of the network, or else numbered within their kind."""

    name: str
    layers: list[_Layer]
    in_order: bool


_Pair = tuple[_Layer, LayerWeights]


def read_networks(
    file: BufferedIOBase, label: str, wanted: Mapping[str, Sequence[LayerWeights]]
) -> dict[str, list[np.ndarray]]:
    """Those of the `wanted` networks that the HDF5 file holds, in float32 and in the order of `get_weights()`.

    A model in the file may be one of them or all of them in a row. Every model must be, with every layer's kind, number
    of arrays and shapes; these are compared before a number is read. Raises DataError, beginning with `label` and
    naming the layer, when anything differs, is damaged, or is not plain data; MissingExtraError without h5py.
    """
    with open_hdf5(file, label) as root:
        found: dict[str, list[_Pair]] = {}
        for model in _models(root):
            pairs = _fitted(model, wanted)
            if again := found.keys() & pairs.keys():
                raise DataError(f"model {model.name} is a second {again.pop()}; save the one that you want by itself.")
            found |= pairs
        return {name: [array for pair in pairs for array in _read(*pair)] for name, pairs in found.items()}


def _read(stored: _Layer, layer: LayerWeights) -> Iterator[np.ndarray]:
    for array in stored.arrays:
        numbers = read(array, f"layer {stored.name}")
        yield numbers.transpose(_TURNED) if _is_turned(stored, layer, numbers.ndim) else numbers


def _models(root: "Group") -> list[_Model]:
    """Every model of the file that has weights. Raises DataError when there is none."""
    saved_model = subgroup(root, "model_weights")
    for group in (root, saved_model):
        if group is not None and (names := strings(group, "layer_names")) is not None:
            models = list(_listed_models(group, names))
            break
    else:
        models = list(_numbered_models(root, "the file's", set(), 0))
    if not models:
        raise DataError("it holds no layers with weights in Keras' layout; give what save_weights() or save() wrote.")
    return models


def _listed_models(group: "Group", names: list[str]) -> Iterator[_Model]:
    """Those of a file that lists its layers: each model that is a layer there, and the other layers together."""
    if "theano" in (strings(group, "backend") or []):
        raise DataError(
            "it was written on Theano, which turns every kernel round; load it in Keras 2 on TensorFlow and save it."
        )
    keras_1 = (strings(group, "keras_version") or ["1"])[0].startswith("1")
    own: list[_Layer] = []
    for name in names:
        layers = _listed_layers(group, name, keras_1)
        if len(layers) > 1:
            yield _Model(name=shown(name), layers=layers, in_order=True)
        else:
            own += layers
        if len(own) > MAX_LAYERS:
            raise DataError(f"it lists more than {MAX_LAYERS:,} layers with weights.")
    if own:
        yield _Model(name="the file's", layers=own, in_order=True)


def _listed_layers(group: "Group", name: str, keras_1: bool) -> list[_Layer]:
    """The layers with weights under one listed name: none, one, or those of a model inside the model."""
    layer_group = subgroup(group, name)
    if layer_group is None:
        raise DataError(f"layer {shown(name)} is listed and not there; save the weights again.")
    arrays: dict[str, list[Dataset]] = {}
    for path in strings(layer_group, "weight_names") or []:
        array = array_at(layer_group, path, f"layer {shown(name)}")
        arrays.setdefault(_owner(path), []).append(array)
    names = arrays if len(arrays) > 1 else [name for _ in arrays]
    return [_layer(each, list_, keras_1=keras_1) for each, list_ in zip(names, arrays.values(), strict=True)]


def _owner(weight: str) -> str:
    """The layer that a weight is of: "gan/dense_1" for "gan/dense_1/kernel:0", "dense_1" for Keras 1's "dense_1_W"."""
    if old := _KERAS_1_WEIGHT.fullmatch(weight):
        return old[1]
    return weight.rpartition("/")[0]


def _numbered_models(group: "Group", name: str, seen: set[int], depth: int) -> Iterator[_Model]:
    """Those of a Keras 3 file: every group of layers, wherever it is. Optimisers and metrics have none."""
    if depth > MAX_DEPTH:
        raise DataError(f"its groups lie inside one another more than {MAX_DEPTH} deep.")
    for key in members(group):
        child = subgroup(group, key)
        if child is None:
            continue
        address = _address(child)
        if address in seen or len(seen) == MAX_LAYERS:
            raise DataError(f"group {shown(child.name)} is one too many, or is reached twice; save the weights again.")
        seen.add(address)
        if key in _LAYERS:
            layers = [layer for layer in (_numbered_layer(child, each) for each in members(child)) if layer]
            if layers:
                yield _Model(name=name, layers=layers, in_order=False)
        yield from _numbered_models(child, name if key in _LAYERS else shown(key), seen, depth + 1)


def _numbered_layer(group: "Group", key: str) -> _Layer | None:
    """A layer of a Keras 3 file, or None when it has no weights of its own."""
    weights = subgroup(group, f"{key}/vars")
    if weights is None or not (numbers := members(weights)):
        return None
    arrays = [array_at(weights, str(number), f"layer {shown(key)}") for number in range(len(numbers))]
    given = strings(weights, "name") or [key]
    return _layer(key, arrays, given=given[0])


def _address(group: "Group") -> int:
    from h5py import h5o

    return h5o.get_info(group.id).addr


def _layer(name: str, arrays: list["Dataset"], *, given: str | None = None, keras_1: bool = False) -> _Layer:
    """A layer called `name`, from which its kind and number follow when Keras gave it, or rather `given`."""
    stem, _, number = name.rpartition("/")[2].rpartition("_")
    if not (number.isdecimal() and len(number) < 10):
        stem, number = name.rpartition("/")[2], "0"
    return _Layer(name=shown(given or name), kind=_KINDS.get(stem), number=int(number), arrays=arrays, keras_1=keras_1)


def _fitted(model: _Model, wanted: Mapping[str, Sequence[LayerWeights]]) -> dict[str, list[_Pair]]:
    """The wanted networks that a model is, each stored layer beside the one it is for.

    Raises DataError, saying where the closest of them differs, when it is none of them.
    """
    misfits = []
    for names in [*((name,) for name in wanted), tuple(wanted)]:
        layers = [(name, layer) for name in names for layer in wanted[name]]
        stored = model.layers if model.in_order else _in_order(model.layers, [layer for _, layer in layers])
        misfit = _misfit(stored, layers)
        if misfit is None:
            pairs = [(name, (mine, layer)) for mine, (name, layer) in zip(stored, layers, strict=True) if mine]
            return {name: [pair for owner, pair in pairs if owner == name] for name in names}
        misfits.append((misfit[0], -abs(len(layers) - len(model.layers)), misfit[1]))
    raise DataError(f"{max(misfits)[2]}; give the recipe, or the .toml file, that these weights were trained with.")


def _in_order(layers: list[_Layer], wanted: list[LayerWeights]) -> list[_Layer | None]:
    """Layers numbered within their kind in the order of the wanted ones, None where one is missing, then the rest."""
    left = sorted(layers, key=lambda layer: layer.number)
    ordered: list[_Layer | None] = []
    for layer in wanted:
        found = next((each for each in left if each.kind == layer.kind), None)
        ordered.append(found)
        if found:
            left.remove(found)
    return ordered + left


def _misfit(stored: Sequence[_Layer | None], wanted: Sequence[tuple[str, LayerWeights]]) -> tuple[int, str] | None:
    """The place of the first layer that differs and how it does, or None."""
    for place, (mine, other) in enumerate(zip_longest(stored, wanted)):
        if other is None:
            return place, f"layer {mine.name} is one more than {wanted[-1][0]} has"
        if difference := _difference(mine, other[1], f"{other[0]}'s {other[1].description}"):
            return place, difference
    return None


def _difference(stored: _Layer | None, wanted: LayerWeights, description: str) -> str | None:
    """How a stored layer differs from the one there should be, or None."""
    if stored is None:
        return f"there is no {wanted.kind} for {description}"
    if stored.kind not in (None, wanted.kind):
        return f"layer {stored.name} is a {stored.kind}, where {description} is a {wanted.kind}"
    if len(stored.arrays) != len(wanted.weights):
        names = ", ".join(name for name, _ in wanted.weights)
        return f"layer {stored.name} has {len(stored.arrays)} arrays, where {description} has {names}"
    for array, (name, shape) in zip(stored.arrays, wanted.weights, strict=True):
        if array.shape != _shape_in_file(stored, wanted, shape):
            theano = len(shape) == 4 and array.shape in ((*shape[:1:-1], *shape[:2]), (*shape[2:], *shape[:2]))
            order = ", in the order of Theano" if theano else ""
            return f"layer {stored.name} has {name} {array.shape}{order}, where {description} has {shape}"
    return None


def _shape_in_file(stored: _Layer, wanted: LayerWeights, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(shape[axis] for axis in _TURNED) if _is_turned(stored, wanted, len(shape)) else shape


def _is_turned(stored: _Layer, wanted: LayerWeights, num_axes: int) -> bool:
    return stored.keras_1 and wanted.kind == "Conv2DTranspose" and num_axes == 4
