"""Files in the layouts of Keras 1, 2 and 3, written here by their rules; `parity` has files that Keras 3 wrote."""

import io
import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from gansmith.errors import DataError, MissingExtraError
from gansmith.interop.keras import expected_layers, get_weights
from gansmith.interop.keras_file import find_networks, parse_answer, read_models
from gansmith.interop.keras_worker import write_answer
from gansmith.nn.conv import Conv2dSame
from gansmith.nn.stack import Stack
from gansmith.recipes import load_recipe
from tests.helpers.hostile_hdf5 import CASES
from tests.helpers.keras_files import (
    CHANGES,
    KERAS_1,
    SMALL,
    Namer,
    inner_model,
    listed_layers,
    listed_layers_1,
    put_numbered,
    small_networks,
    wanted,
    write_listed,
    write_numbered,
    write_numbered_stack,
)

NETWORKS = small_networks()
WANTED = wanted(NETWORKS)
FILE = "weights.h5"


def found(path=FILE, wanted=WANTED):
    """What is in the file, read in this process: faster than in one of its own."""
    content, answered = Path(path).read_bytes(), io.BytesIO()
    write_answer(io.BytesIO(content), len(content), answered)
    return find_networks(parse_answer(answered.getvalue()), wanted)


def same(arrays, network):
    for mine, other in zip(arrays, get_weights(network), strict=True):
        np.testing.assert_array_equal(mine, other)


def both_are_there(arrays):
    assert sorted(arrays) == ["D", "G"]
    same(arrays["G"], NETWORKS.G)
    same(arrays["D"], NETWORKS.D)


@pytest.mark.parametrize("whole", [False, True], ids=["save_weights", "save"])
def test_a_generator_of_keras_2_is_read(whole):
    write_listed(FILE, listed_layers(NETWORKS.G, Namer()), whole=whole)
    arrays = found()
    assert list(arrays) == ["G"]
    same(arrays["G"], NETWORKS.G)


def test_a_discriminator_of_keras_2_is_told_from_a_generator():
    write_listed(FILE, listed_layers(NETWORKS.D, Namer()))
    assert list(found()) == ["D"]


def test_a_stack_of_two_models_of_keras_2_is_both():
    name = Namer()
    G, D = listed_layers(NETWORKS.G, name), listed_layers(NETWORKS.D, name)
    write_listed(FILE, [inner_model("sequential_1", G), inner_model("sequential_2", D)], whole=True)
    both_are_there(found())


def test_a_stack_of_the_layers_of_both_is_both():
    name = Namer()
    write_listed(FILE, listed_layers(NETWORKS.G, name) + listed_layers(NETWORKS.D, name))
    both_are_there(found())


def test_a_model_with_layers_after_it_is_both():
    name = Namer()
    write_listed(FILE, [inner_model("generator", listed_layers(NETWORKS.G, name)), *listed_layers(NETWORKS.D, name)])
    both_are_there(found())


def test_models_that_are_attributes_are_told_apart_whichever_comes_first():
    """What `save_weights` of a tf.keras model with a train step of its own lists."""
    name = Namer()
    D, G = listed_layers(NETWORKS.D, name), listed_layers(NETWORKS.G, name)
    write_listed(FILE, [inner_model("discriminator", D), inner_model("generator", G)], version="2.4.0")
    both_are_there(found())


def test_layers_that_their_writer_named_are_taken_in_the_files_order():
    names = iter("zyxwvutsrqponmlkjihgfedcba")
    write_listed(FILE, [(next(names), weights) for _, weights in listed_layers(NETWORKS.G, Namer())])
    same(found()["G"], NETWORKS.G)


@pytest.mark.parametrize("version", ["1.2.2", ""])
def test_keras_1_turns_its_transposed_kernels(version):
    name = Namer(stems=KERAS_1)
    layers = [inner_model("sequential_1", listed_layers_1(NETWORKS.G, name)), *listed_layers_1(NETWORKS.D, name)]
    write_listed(FILE, layers, version=version)
    both_are_there(found())


def test_a_generator_of_keras_3_is_read():
    write_numbered(FILE, NETWORKS.G, given={0: "my first layer"})
    same(found()["G"], NETWORKS.G)


def test_a_stack_of_keras_3_is_both():
    write_numbered_stack(FILE, NETWORKS)
    both_are_there(found())


def test_two_models_that_are_attributes_are_both():
    with h5py.File(FILE, "w") as file:
        put_numbered(file.create_group("discriminator"), NETWORKS.D)
        put_numbered(file.create_group("generator"), NETWORKS.G)
        file["d_optimizer/vars/0"] = np.int64(1)
        file["g_loss_metric/vars/0"] = np.float32(1)
    both_are_there(found())


def test_the_layers_of_keras_2_13_are_under_another_name():
    with h5py.File("new.h5", "w") as file:
        put_numbered(file, NETWORKS.G)
        file.move("layers", "_layer_checkpoint_dependencies")
    same(found("new.h5")["G"], NETWORKS.G)


def test_more_than_ten_layers_of_a_kind_keep_their_numbers_order():
    network = Stack(*[Conv2dSame(1, 1, 3) for _ in range(12)])
    for number, tensor in enumerate(network.state_dict().values()):
        tensor.fill_(number)
    write_numbered(FILE, network)
    assert [int(array.flat[0]) for array in found(wanted={"G": expected_layers(network)})["G"]] == list(range(24))


@pytest.mark.parametrize(("kind", "exact"), [("<f2", False), ("<f4", True), (">f4", True), ("<f8", True)])
def test_floats_of_any_width_and_byte_order_are_read(kind, exact):
    layers = listed_layers(NETWORKS.G, Namer())
    write_listed(FILE, [(name, [(path, array.astype(kind)) for path, array in some]) for name, some in layers])
    for mine, other in zip(found()["G"], get_weights(NETWORKS.G), strict=True):
        assert mine.dtype == np.float32
        np.testing.assert_allclose(mine, other, rtol=0, atol=0 if exact else 1e-4)


def test_files_are_read_without_h5py_only_with_a_friendly_sentence(monkeypatch):
    write_numbered(FILE, NETWORKS.G)
    monkeypatch.setattr("gansmith.interop.keras_file.find_spec", lambda name: None)
    with Path(FILE).open("rb") as file, pytest.raises(MissingExtraError, match=r"pip install 'gansmith\[keras\]'"):
        read_models(file)
    assert MissingExtraError.exit_code == 6


def changed(layers, layer, change):
    """The layers with one of them replaced by what `change` makes of it."""
    return [change(name, weights) if name == layer else (name, weights) for name, weights in layers]


def taller(name, weights):
    return name, [(path, np.zeros((array.shape[0] + 1, *array.shape[1:]), np.float32)) for path, array in weights]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda layers: changed(layers, "conv2d_transpose_3", taller),
            r"layer 'conv2d_transpose_3' has kernel \(6, 5, ",
        ),
        (
            lambda layers: changed(layers, "dense_1", lambda name, weights: (name, weights[:1])),
            r"layer 'dense_1' has 1 arrays, but G's layer 1 \(Linear 100→392\) has kernel, bias;",
        ),
        (
            lambda layers: [("conv2d_9" if name == "dense_1" else name, weights) for name, weights in layers],
            r"layer 'conv2d_9' is a Conv2D, but G's layer 1 \(Linear 100→392\) is a Dense;",
        ),
        (lambda layers: layers[:-2], r"the file has no Conv2DTranspose for G's layer 9"),
        (lambda layers: [*layers, ("last", layers[0][1])], r"layer 'last' is one layer too many;"),
        (
            lambda layers: [
                (name, [(path, a.transpose(3, 2, 0, 1) if a.ndim == 4 else a) for path, a in weights])
                for name, weights in layers
            ],
            r"layer 'conv2d_transpose_1' has kernel \(8, 4, 5, 5\) in Theano's order, but",
        ),
    ],
    ids=["a shape", "a count", "a kind", "a layer too few", "a layer too many", "kernels in Theano's order"],
)
def test_a_mismatch_names_the_layer(change, message):
    write_listed(FILE, change(listed_layers(NETWORKS.G, Namer())))
    with pytest.raises(DataError, match=message):
        found()


def test_a_mismatch_in_the_second_half_of_a_stack_names_its_layer():
    name = Namer()
    layers = listed_layers(NETWORKS.G, name) + listed_layers(NETWORKS.D, name)
    write_listed(FILE, changed(layers, "conv2d_3", taller))
    with pytest.raises(DataError, match=r"layer 'conv2d_3' has kernel .* but D's layer 3"):
        found()


def test_a_mismatch_in_keras_3_calls_the_layer_as_its_writer_did():
    with h5py.File(FILE, "w") as file:
        put_numbered(file, NETWORKS.G, given={8: "to pixels"})
        del file["layers/conv2d_transpose_3/vars/0"]
        file["layers/conv2d_transpose_3/vars/0"] = np.zeros((3, 3, 1, 1), np.float32)
    with pytest.raises(DataError, match=r"layer 'to pixels' has kernel \(3, 3, 1, 1\), but G's layer 9"):
        found()


def test_a_layer_of_another_kind_in_keras_3_is_named():
    with h5py.File(FILE, "w") as file:
        put_numbered(file, NETWORKS.G)
        file["layers/embedding/vars/0"] = np.zeros(3, np.float32)
    with pytest.raises(DataError, match="layer 'embedding' is one layer too many"):
        found()


def test_two_generators_are_not_chosen_from():
    with h5py.File(FILE, "w") as file:
        put_numbered(file.create_group("generator"), NETWORKS.G)
        put_numbered(file.create_group("ema_generator"), NETWORKS.G)
    with pytest.raises(DataError, match="model 'generator' is a second G; save only the one that you want"):
        found()


IN_PROCESS = [name for name, (_, message) in CASES.items() if "neither HDF5" not in message and "gigabytes" not in name]


@pytest.mark.parametrize("name", IN_PROCESS)
def test_a_hostile_file_is_refused(name, tmp_path):
    write, message = CASES[name]
    write(tmp_path / FILE)
    with pytest.raises(DataError, match=re.escape(message)):
        found(tmp_path / FILE)


def test_a_hostile_file_cannot_take_memory_or_time(tmp_path):
    write, _ = CASES["a text of four gigabytes"]
    write(tmp_path / FILE)
    with (tmp_path / FILE).open("rb") as file, pytest.raises(DataError, match="memory allocation failed"):
        read_models(file)


@pytest.mark.parametrize("death", ["os._exit(7)", "os.kill(os.getpid(), 11)"])
def test_a_reader_that_dies_is_a_damaged_file(death, tmp_path, monkeypatch):
    """What a hole in HDF5's library would look like from outside; the stand-in is put on the worker's path."""
    write_numbered(FILE, NETWORKS.G)
    (tmp_path / "h5py.py").write_text(f"import os\n{death}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Path(FILE).open("rb") as file, pytest.raises(DataError, match="HDF5's library hangs or crashes on it"):
        read_models(file)


def test_a_reader_that_hangs_is_ended(tmp_path, monkeypatch):
    write_numbered(FILE, NETWORKS.G)
    (tmp_path / "h5py.py").write_text("import time\ntime.sleep(3600)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr("gansmith.interop.keras_file.TIMEOUT", 0.3)
    with Path(FILE).open("rb") as file, pytest.raises(DataError, match="HDF5's library hangs or crashes on it"):
        read_models(file)


def networks_of(name, *changes):
    made = load_recipe(name, changes)
    return made.model.build(made.spec)


LATENTS = networks_of(SMALL, *CHANGES, "latents.size=64")
COLOUR = networks_of(SMALL, *CHANGES, "data.channels=3", "data.height=32", "data.width=32")
LARGER = networks_of(SMALL, *CHANGES, "data.height=32", "data.width=32", "data.channels=1")


@pytest.mark.parametrize("write", ["listed", "numbered"])
@pytest.mark.parametrize(
    ("network", "says"),
    [
        (
            LATENTS.G,
            r"goes from 64 numbers to images of 1 channel, and G from 100 numbers to images of 1 channel: layer",
        ),
        (
            COLOUR.G,
            r"goes from 100 numbers to images of 3 channels, and G from 100 numbers to images of 1 channel: layer",
        ),
        (LARGER.G, r"^layer \S+ has kernel \(100, \d+\), but G's layer 1 "),
        (COLOUR.D, r"goes from images of 3 channels to 1, and D from images of 1 channel to 1: layer"),
    ],
)
def test_a_network_of_another_size_is_compared_with_its_counterpart_by_what_goes_in_and_comes_out(write, network, says):
    if write == "listed":
        write_listed(FILE, listed_layers(network, Namer()))
    else:
        write_numbered(FILE, network)
    with pytest.raises(DataError, match=says):
        found()


def test_a_generator_of_dense_layers_is_no_discriminator():
    dense, larger = (
        networks_of("fashion-mlp"),
        networks_of("fashion-mlp", "data.height=32", "data.width=32", "data.channels=1"),
    )
    write_listed(FILE, listed_layers(larger.G, Namer()))
    with pytest.raises(DataError, match=r"goes from 30 numbers to 1,024, and G from 30 numbers to 784: layer"):
        found(wanted={"G": expected_layers(dense.G, channels=1), "D": expected_layers(dense.D, channels=1)})


def test_a_classifier_is_compared_with_the_discriminator():
    *layers, (name, weights), activation = listed_layers(NETWORKS.D, Namer())
    layers += [(name, [(key, array.repeat(10, -1)) for key, array in weights]), activation]
    write_listed(FILE, layers)
    with pytest.raises(
        DataError, match=r"goes from images of 1 channel to 10, and D from images of 1 channel to 1: layer"
    ):
        found()
