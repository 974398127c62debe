"""Files as Keras 1, 2 and 3 lay them out, written from the formats' rules with h5py."""

import h5py
import numpy as np

from gansmith.interop.keras import dump, expected
from gansmith.recipes import recipe

SMALL = "mnist-dcgan"
CHANGES = ("model.width=8",)
KERAS_1 = {
    "Dense": "dense",
    "Conv2D": "convolution2d",
    "Conv2DTranspose": "deconvolution2d",
    "BatchNormalization": "batchnormalization",
}
KERAS_2 = {
    "Dense": "dense",
    "Conv2D": "conv2d",
    "Conv2DTranspose": "conv2d_transpose",
    "BatchNormalization": "batch_normalization",
}
WEIGHTS_1 = {"kernel": "W", "bias": "b", "moving_mean": "running_mean", "moving_variance": "running_std"}


def small_networks():
    """G and D of a small recipe; no two numbers of theirs are alike."""
    made = recipe(SMALL, CHANGES)
    networks = made.model.build(made.spec)
    for seed, network in enumerate((networks.G, networks.D)):
        numbers = np.random.default_rng(seed)
        for tensor in network.state_dict().values():
            low = -0.2 if tensor.dim() > 1 else 0.1  # variances are positive
            tensor.copy_(tensor.new_tensor(numbers.uniform(low, 0.2, tensor.shape)))
    return networks


def wanted(networks):
    return {"G": expected(networks.G), "D": expected(networks.D)}


def weights_of(network):
    """[(kind, [(weight's name, array)])] for each layer that has weights."""
    arrays = iter(dump(network))
    return [(layer.kind, [(name, next(arrays)) for name, _ in layer.weights]) for layer in expected(network)]


class Namer:
    """Numbers layers within their kind: from 1 as Keras 1 and 2 do, or the first without a number as Keras 3 does."""

    def __init__(self, first=1, stems=KERAS_2):
        self.first, self.stems, self.used = first, stems, {}

    def __call__(self, kind):
        number = self.used[kind] = self.used.get(kind, self.first - 1) + 1
        stem = self.stems.get(kind, kind)
        return f"{stem}_{number}" if number else stem


def listed_layers(network, name):
    """[(layer, [(weight's path, array)])] as Keras 2 lists them, with a layer without weights after each."""
    layers = []
    for kind, weights in weights_of(network):
        layer = name(kind)
        layers.append((layer, [(f"{layer}/{weight}:0", array) for weight, array in weights]))
        layers.append((name("activation"), []))
    return layers


def listed_layers_1(network, name):
    """The same in Keras 1: other names, and kernels of transposed convolutions as (h, w, in, out)."""
    layers = []
    for kind, weights in weights_of(network):
        layer = name(kind)
        stored = [
            (
                f"{layer}_{WEIGHTS_1.get(weight, weight)}",
                array.transpose(0, 1, 3, 2) if kind == "Conv2DTranspose" and weight == "kernel" else array,
            )
            for weight, array in weights
        ]
        layers.append((layer, stored))
    return layers


def inner_model(name, layers):
    """A model that is a layer: the weights that are trained come before the moving statistics of all its layers."""
    weights = [weight for _, some in layers for weight in some]
    return name, sorted(weights, key=lambda weight: "/moving_" in weight[0])


def write_listed(path, layers, *, whole=False, version="2.0.8", backend="tensorflow"):
    """`save_weights`, or `save` when `whole`. h5py 2 made texts of one length of a list, and a free one of a single."""
    with h5py.File(path, "w", libver="earliest") as file:
        group = file.create_group("model_weights") if whole else file
        if whole:
            file.attrs["model_config"] = b'{"class_name": "Sequential"}'
            file.create_group("optimizer_weights").attrs["weight_names"] = np.array([b"RMSprop/iterations:0"])
        group.attrs["layer_names"] = np.array([name.encode() for name, _ in layers])
        group.attrs["backend"] = backend.encode()
        if version:
            group.attrs["keras_version"] = version.encode()
        for name, weights in layers:
            layer = group.create_group(name)
            layer.attrs["weight_names"] = np.array([weight.encode() for weight, _ in weights])
            for weight, array in weights:
                layer.create_dataset(weight, array.shape, array.dtype)[:] = array


def put_numbered(group, network, given=None):
    """Keras 3: layers/<kind>_<number>/vars/0.., in the group of a model; `given` names layers by their place."""
    name = Namer(first=0)
    for place, (kind, weights) in enumerate(weights_of(network)):
        layer = name(kind)
        variables = group.create_group(f"layers/{layer}/vars")
        variables.attrs["name"] = (given or {}).get(place, layer)
        for number, (_, array) in enumerate(weights):
            variables[str(number)] = array
        group.create_group(f"layers/{name('activation')}/vars")
    group.create_group("vars").attrs["name"] = "sequential"


def write_numbered(path, network, given=None):
    with h5py.File(path, "w") as file:
        put_numbered(file, network, given)


def write_numbered_stack(path, networks):
    """A compiled stack of two models, with the states of two optimisers."""
    with h5py.File(path, "w") as file:
        for model, network in (("sequential", networks.G), ("functional", networks.D)):
            put_numbered(file.create_group(f"layers/{model}"), network)
        file["layers/functional/optimizer/vars/0"] = np.int32(7)
        file["optimizer/vars/0"] = np.int32(7)
        file["optimizer/vars/1"] = np.zeros((3, 3), np.float32)
        file.create_group("vars").attrs["name"] = "gan"
