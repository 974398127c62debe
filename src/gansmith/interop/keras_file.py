"""The weights of known networks out of a file that Keras saved; nothing in it is run or believed."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from itertools import islice
from typing import BinaryIO

import numpy as np

from gansmith.errors import DataError, MissingExtraError
from gansmith.interop.keras import LayerWeights
from gansmith.interop.keras_layout import Layer, Model
from gansmith.system.processes import call_worker

TIMEOUT = 120
"""Seconds that reading may take: 30 MB of weights take one, on a machine that is too busy some ten."""

StoredLayer = Layer[np.ndarray]
StoredModel = Model[np.ndarray]
Pair = tuple[StoredLayer, LayerWeights]

_TURNED = (0, 1, 3, 2)
"""Keras 1 keeps kernels of transposed convolutions as (h, w, in, out), later ones as (h, w, out, in)."""

_MISSING: StoredLayer = Layer(name="", kind=None, number=0, arrays=[])


def read_models(file: BinaryIO) -> list[StoredModel]:
    """Every model with weights in an HDF5 file on disk, read in a process of its own.

    Raises DataError when the file is damaged, is not Keras', or holds anything but plain arrays; MissingExtraError
    without h5py.
    """
    if find_spec("h5py") is None:
        raise MissingExtraError("Keras' files need an extra package: pip install 'gansmith[keras]'.")
    file.seek(0)
    try:
        process = call_worker("gansmith.interop.keras_worker", content=file, timeout=TIMEOUT)
        process.check_returncode()
    except subprocess.SubprocessError as error:
        raise DataError("it is damaged (HDF5's library hangs or crashes on it); save the weights again.") from error
    return parse_answer(process.stdout)


def parse_answer(answer: bytes) -> list[StoredModel]:
    """The models in what `keras_worker` wrote. Raises DataError when it says that something is wrong."""
    header, _, numbers = answer.partition(b"\n")
    facts = json.loads(header)
    if "error" in facts:
        raise DataError(facts["error"])
    return list(_models(facts["models"], np.frombuffer(numbers, np.float32)))


def _models(facts: list[dict], numbers: np.ndarray) -> Iterator[StoredModel]:
    """The models with the numbers of their layers, which come in the same order."""
    start = 0
    for model in facts:
        layers = []
        for layer in model["layers"]:
            arrays = []
            for shape in layer.pop("shapes"):
                end = start + int(np.prod(shape))
                arrays.append(numbers[start:end].reshape(shape))
                start = end
            layers.append(Layer(arrays=arrays, **layer))
        yield Model(name=model["name"], in_order=model["in_order"], layers=layers)


def find_networks(
    models: Sequence[StoredModel], wanted: Mapping[str, Sequence[LayerWeights]]
) -> dict[str, list[np.ndarray]]:
    """Those of the `wanted` networks that are there, in float32 and in the order of `get_weights()`.

    A model may be one of them, or all of them in a row. Every model must be, in every layer's kind, number of arrays
    and shapes. Raises DataError, naming the layer, when one differs or holds numbers that are not finite.
    """
    found: dict[str, list[Pair]] = {}
    for model in models:
        pairs = _fitted(model, wanted)
        if again := found.keys() & pairs.keys():
            raise DataError(f"model {model.name} is a second {again.pop()}; save the one that you want by itself.")
        found |= pairs
    return {name: [array for pair in pairs for array in _checked(*pair)] for name, pairs in found.items()}


def _checked(stored: StoredLayer, wanted: LayerWeights) -> Iterator[np.ndarray]:
    for array in stored.arrays:
        if not np.isfinite(array).all():
            raise DataError(f"layer {stored.name} holds numbers that are not finite; take weights saved before that.")
        yield array.transpose(_TURNED) if _is_turned(stored, wanted, array.ndim) else array


def _fitted(model: StoredModel, wanted: Mapping[str, Sequence[LayerWeights]]) -> dict[str, list[Pair]]:
    """The wanted networks that a model is, each stored layer beside the one it is for.

    Raises DataError, saying where the closest of them differs, when it is none of them.
    """
    misfits = []
    for names in [*((name,) for name in wanted), tuple(wanted)]:
        layers = [replace(each, description=f"{name}'s {each.description}") for name in names for each in wanted[name]]
        stored = model.layers if model.in_order else _in_order(model.layers, layers)
        misfit = _misfit(stored, layers)
        if misfit is None:
            pairs = iter(zip(stored, layers, strict=True))
            return {name: list(islice(pairs, len(wanted[name]))) for name in names}
        misfits.append((misfit[0], -abs(len(layers) - len(model.layers)), misfit[1]))
    raise DataError(f"{max(misfits)[2]}; give the recipe, or the .toml file, that these weights were trained with.")


def _in_order(layers: list[StoredLayer], wanted: list[LayerWeights]) -> list[StoredLayer]:
    """Layers numbered within their kind in the order of the wanted ones, then those that are left."""
    left = sorted(layers, key=lambda layer: layer.number)
    ordered = []
    for layer in wanted:
        found = next((each for each in left if each.kind == layer.kind), _MISSING)
        ordered.append(found)
        if found is not _MISSING:
            left.remove(found)
    return ordered + left


def _misfit(stored: list[StoredLayer], wanted: list[LayerWeights]) -> tuple[int, str] | None:
    """The place of the first layer that differs and how it does, or None."""
    padded = stored + [_MISSING] * (len(wanted) - len(stored))
    for place, (mine, layer) in enumerate(zip(padded, wanted, strict=False)):
        if difference := _difference(mine, layer):
            return place, difference
    return (len(wanted), f"layer {stored[len(wanted)].name} is one too many") if len(stored) > len(wanted) else None


def _difference(stored: StoredLayer, wanted: LayerWeights) -> str | None:
    """How a stored layer differs from the one there should be, or None."""
    description = wanted.description
    if stored is _MISSING:
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


def _shape_in_file(stored: StoredLayer, wanted: LayerWeights, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(shape[axis] for axis in _TURNED) if _is_turned(stored, wanted, len(shape)) else shape


def _is_turned(stored: StoredLayer, wanted: LayerWeights, num_axes: int) -> bool:
    return stored.keras_1 and wanted.kind == "Conv2DTranspose" and num_axes == 4
