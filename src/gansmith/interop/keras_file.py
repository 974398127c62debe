"""Reads the weights of known networks from a file that Keras saved; no code in the file is run."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import islice
from typing import BinaryIO

import numpy as np

from gansmith.errors import DataError, MissingExtraError
from gansmith.interop.keras import LayerWeights
from gansmith.interop.keras_layout import KerasLayer, KerasModel
from gansmith.system.processes import call_worker

TIMEOUT = 120
"""Time limit for reading a file, in seconds: 30 MB of weights take 1 s, and about 10 s on a busy machine."""
StoredLayer = KerasLayer[np.ndarray]
"""A layer of the file with its numbers."""
StoredModel = KerasModel[np.ndarray]
"""A model of the file with its numbers."""
Pair = tuple[StoredLayer, LayerWeights]
"""A stored layer, and the layer of our network that it belongs to."""
_KERAS_1_AXES = (0, 1, 3, 2)
"""Axes of kernels of transposed convolutions in Keras 1, (h, w, in, out), for later Keras' (h, w, out, in)."""
_MISSING: StoredLayer = KerasLayer(name="", kind=None, number=0, arrays=[])
"""Stands for a layer that the file does not have."""


def read_models(file: BinaryIO) -> list[StoredModel]:
    """Every model with weights in an HDF5 file on disk, read in a separate process.

    Raises DataError when the file is damaged, was not written by Keras, or has other than plain arrays;
    MissingExtraError without h5py.
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
    """The models in an answer of `keras_worker`. Raises DataError when the answer is an error."""
    header, _, numbers = answer.partition(b"\n")
    found = json.loads(header)
    if "error" in found:
        raise DataError(found["error"])
    return list(_with_numbers(found["models"], np.frombuffer(numbers, np.float32)))


def _with_numbers(models: list[dict], numbers: np.ndarray) -> Iterator[StoredModel]:
    """The described models with their arrays in place of shapes; they lie in `numbers` in the same order."""
    start = 0
    for model in models:
        for layer in model["layers"]:
            for place, shape in enumerate(layer["arrays"]):
                end = start + int(np.prod(shape))
                layer["arrays"][place] = numbers[start:end].reshape(shape)
                start = end
        yield KerasModel(**model | {"layers": [KerasLayer(**layer) for layer in model["layers"]]})


def find_networks(
    models: Sequence[StoredModel], expected: Mapping[str, Sequence[LayerWeights]]
) -> dict[str, list[np.ndarray]]:
    """The arrays of those `expected` networks that the models contain, as float32 in the order of `get_weights()`.

    A model may be one of the networks, or all of them in sequence. Raises DataError, naming the layer, when a model is
    neither in its layers' kinds, numbers of arrays and shapes, or has numbers that are not finite.
    """
    found: dict[str, list[Pair]] = {}
    for model in models:
        pairs = _match(model, expected)
        if again := found.keys() & pairs.keys():
            raise DataError(f"model {model.name} is a second {again.pop()}; save only the one that you want.")
        found |= pairs
    return {name: [array for pair in pairs for array in _finite_arrays(*pair)] for name, pairs in found.items()}


def _finite_arrays(stored: StoredLayer, expected: LayerWeights) -> Iterator[np.ndarray]:
    for array in stored.arrays:
        if not np.isfinite(array).all():
            raise DataError(
                f"layer {stored.name} has numbers that are not finite; give weights that were saved earlier."
            )
        yield array.transpose(_axes(stored, expected, array.ndim))


def _match(model: StoredModel, expected: Mapping[str, Sequence[LayerWeights]]) -> dict[str, list[Pair]]:
    """The expected networks that a model contains, each as pairs of a stored layer and the layer it belongs to.

    Raises DataError, naming the first difference from the most similar network, when there is none: that whose first
    layers fit, or, where no layer does, the one that takes and makes the same.
    """
    misfits = []
    for names in [*((name,) for name in expected), tuple(expected)]:
        pairs = [(name, layer) for name in names for layer in expected[name]]
        layers = [replace(layer, description=f"{name}'s {layer.description}") for name, layer in pairs]
        stored = model.layers if model.in_order else _in_order(model.layers, layers)
        misfit = _misfit(stored, layers)
        if misfit is None:
            matched = iter(zip(stored, layers, strict=True))
            return {name: list(islice(matched, len(expected[name]))) for name in names}
        alike, difference = _likeness(names, stored, layers)
        rank = (misfit[0], 0 if misfit[0] else alike, -abs(len(layers) - len(model.layers)))
        misfits.append((rank, f"{difference}{misfit[1]}"))
    raise DataError(f"{max(misfits)[1]}; give the recipe, or the .toml file, that these weights were trained with.")


@dataclass(frozen=True, slots=True)
class _Ends:
    """What goes into a network and what comes out of it: so many numbers, or images of so many channels."""

    start: tuple[int, bool]
    end: tuple[int, bool]

    @classmethod
    def of(cls, layers: Sequence[StoredLayer | LayerWeights]) -> "_Ends | None":
        """By the kernels of the first and the last layer that has one; None if they cannot be told."""
        kernels = [(layer, kernel) for layer in layers if len(kernel := _kernel(layer)) in (2, 4)]
        if not kernels or any(len(kernel) == 4 and kernel[0] != kernel[1] for _, kernel in (kernels[0], kernels[-1])):
            return None
        (first, start), (last, end) = kernels[0], kernels[-1]
        takes, makes = _takes_and_makes(first, start)[0], _takes_and_makes(last, end)[1]
        return cls((takes, len(start) == 4), (makes, len(end) == 4))

    def num_alike(self, other: "_Ends") -> int:
        """0 where both ends are of another kind, up to 4 where both are the same."""
        pairs = ((self.start, other.start), (self.end, other.end))
        return sum((mine[1] == theirs[1]) + (mine == theirs) for mine, theirs in pairs)

    def __str__(self) -> str:
        (takes, of_images), (makes, images) = self.start, self.end
        start = f"images of {_channels(takes)}" if of_images else f"{takes:,} numbers"
        return f"{start} to {f'images of {_channels(makes)}' if images else f'{makes:,}'}"


def _kernel(layer: StoredLayer | LayerWeights) -> tuple[int, ...]:
    """The shape of a layer's kernel: (in, out), or (h, w, ., .); () if it has none."""
    shapes = [array.shape for array in layer.arrays] if isinstance(layer, KerasLayer) else dict(layer.weights).values()
    return next((shape for shape in shapes if len(shape) > 1), ())


def _takes_and_makes(layer: StoredLayer | LayerWeights, kernel: tuple[int, ...]) -> tuple[int, int]:
    """Features that go into a layer and come out of it."""
    before, after = kernel[-2:]
    if layer.kind is None and len(kernel) == 4:  # next to an image lie fewer channels than behind
        return min(before, after), min(before, after)
    keras_1 = isinstance(layer, KerasLayer) and layer.keras_1
    return (after, before) if layer.kind == "Conv2DTranspose" and not keras_1 else (before, after)


def _channels(count: int) -> str:
    return "1 channel" if count == 1 else f"{count:,} channels"


def _likeness(names: Sequence[str], stored: Sequence[StoredLayer], expected: Sequence[LayerWeights]) -> tuple[int, str]:
    """How alike the ends of a model and of our networks are, and a sentence on their difference."""
    mine, theirs = _Ends.of(stored), _Ends.of(expected)
    if mine is None or theirs is None:
        return 0, ""
    alike = mine.num_alike(theirs)
    return alike, "" if alike == 4 else f"it goes from {mine}, and {' with '.join(names)} from {theirs}: "


def _in_order(layers: list[StoredLayer], expected: list[LayerWeights]) -> list[StoredLayer]:
    """Layers that are numbered within their kind, in the order of the expected layers; then the remaining layers."""
    left = sorted(layers, key=lambda layer: layer.number)
    ordered = []
    for layer in expected:
        found = next((each for each in left if each.kind == layer.kind), _MISSING)
        ordered.append(found)
        if found is not _MISSING:
            left.remove(found)
    return ordered + left


def _misfit(stored: list[StoredLayer], expected: list[LayerWeights]) -> tuple[int, str] | None:
    """The position of the first layer that differs and the difference in words, or None."""
    padded = stored + [_MISSING] * (len(expected) - len(stored))
    for place, (mine, layer) in enumerate(zip(padded, expected, strict=False)):
        if difference := _difference(mine, layer):
            return place, difference
    if len(stored) > len(expected):
        return len(expected), f"layer {stored[len(expected)].name} is one layer too many"
    return None


def _difference(stored: StoredLayer, expected: LayerWeights) -> str | None:
    """The difference between a stored layer and the expected one in words, or None."""
    description = expected.description
    if stored is _MISSING:
        return f"the file has no {expected.kind} for {description}"
    if stored.kind not in (None, expected.kind):
        return f"layer {stored.name} is a {stored.kind}, but {description} is a {expected.kind}"
    if len(stored.arrays) != len(expected.weights):
        names = ", ".join(name for name, _ in expected.weights)
        return f"layer {stored.name} has {len(stored.arrays)} arrays, but {description} has {names}"
    for array, (name, shape) in zip(stored.arrays, expected.weights, strict=True):
        if array.shape != tuple(shape[axis] for axis in _axes(stored, expected, len(shape))):
            theano = len(shape) == 4 and array.shape in ((*shape[:1:-1], *shape[:2]), (*shape[2:], *shape[:2]))
            order = " in Theano's order" if theano else ""
            return f"layer {stored.name} has {name} {array.shape}{order}, but {description} has {shape}"
    return None


def _axes(stored: StoredLayer, expected: LayerWeights, num: int) -> tuple[int, ...]:
    """The order in which an array of `num` axes has its axes in the file; the same order leads back."""
    is_swapped = stored.keras_1 and expected.kind == "Conv2DTranspose" and num == 4
    return _KERAS_1_AXES if is_swapped else tuple(range(num))
