"""Keras files that no honest program writes; `CASES` names each with what should be said of it."""

import os

import h5py
import numpy as np

from tests.helpers.keras_files import Namer, listed_layers, put_numbered, small_networks, write_listed, write_numbered

NETWORKS = small_networks()
KERNEL = "layers/dense/vars/0"
CASES = {}
"""name -> (function of a path that writes the file, part of what is said of it)."""


def case(message):
    """Register a function of a path as the case of its name."""

    def register(write):
        CASES[write.__name__.replace("_", " ")] = (write, message)
        return write

    return register


def with_kernel(path, make):
    """A generator of Keras 3 whose first kernel `make(file, name, honest)` puts there."""
    with h5py.File(path, "w") as file:
        put_numbered(file, NETWORKS.G)
        honest = file[KERNEL][()]
        del file[KERNEL]
        make(file, KERNEL, honest)


def with_listed(path, change):
    """A generator of Keras 2, changed afterwards."""
    write_listed(path, listed_layers(NETWORKS.G, Namer()))
    with h5py.File(path, "r+") as file:
        change(file)


@case("is neither HDF5 nor a .keras file (it starts with nothing)")
def an_empty_file(path):
    path.write_bytes(b"")


@case("is neither HDF5 nor a .keras file (it starts with 80049563")
def a_pickle(path):
    path.write_bytes(b"\x80\x04\x95cposix\nsystem\n(S'touch pickled'\ntR.")


@case("is damaged")
def a_start_and_nothing_more(path):
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(4096))


@case("is damaged (Unable to synchronously open file (truncated file")
def one_cut_short(path):
    write_numbered(path, NETWORKS.G)
    path.write_bytes(path.read_bytes()[:-1000])


@case("holds no layers with weights in Keras' layout")
def an_hdf5_file_of_something_else(path):
    with h5py.File(path, "w") as file:
        file["measurements"] = np.arange(100.0)


@case("layer 'dense' has '0' of type object; weights are floats")
def a_kernel_of_texts_of_any_length(path):
    with_kernel(path, lambda file, name, honest: file.create_dataset(name, honest.shape, h5py.string_dtype()))


@case("layer 'dense' has '0' of type |S3; weights are floats")
def a_kernel_of_texts(path):
    with_kernel(path, lambda file, name, honest: file.create_dataset(name, data=np.full(honest.shape, b"abc")))


@case("layer 'dense' has '0' of type object; weights are floats")
def a_kernel_of_references(path):
    with_kernel(path, lambda file, name, honest: file.create_dataset(name, honest.shape, h5py.ref_dtype))


@case("layer 'dense' has '0' of type int32; weights are floats")
def a_kernel_of_integers(path):
    with_kernel(path, lambda file, name, honest: file.create_dataset(name, data=honest.astype(np.int32)))


@case("layer 'dense' has '0' of type [('real', '<f4')")
def a_kernel_of_records(path):
    kind = np.dtype([("real", "<f4"), ("__reduce__", "<f4")])
    with_kernel(path, lambda file, name, honest: file.create_dataset(name, honest.shape, kind))


@case("layer 'dense' has '0' of type complex64; weights are floats")
def a_kernel_of_complex_numbers(path):
    with_kernel(path, lambda file, name, honest: file.create_dataset(name, data=honest.astype(np.complex64)))


@case("is a link to somewhere else")
def a_kernel_in_another_file(path):
    with_kernel(path, lambda file, name, honest: file.__setitem__(name, h5py.ExternalLink("/etc/passwd", "/")))


@case("is a link to somewhere else")
def a_kernel_behind_a_pipe(path):
    os.mkfifo(path.with_suffix(".pipe"))
    link = h5py.ExternalLink(str(path.with_suffix(".pipe")), "/")
    with_kernel(path, lambda file, name, honest: file.__setitem__(name, link))


@case("is a link to somewhere else")
def a_link_in_a_circle(path):
    with_kernel(path, lambda file, name, honest: file.__setitem__(name, h5py.SoftLink(f"/{name}")))


@case("is a link to somewhere else")
def a_layer_that_is_a_link(path):
    with h5py.File(path, "w") as file:
        put_numbered(file, NETWORKS.G)
        file["layers/dense_7"] = h5py.SoftLink("/layers/dense")


@case("is reached twice")
def a_group_inside_itself(path):
    with h5py.File(path, "w") as file:
        put_numbered(file, NETWORKS.G)
        file["layers/dense/layers"] = file["layers"]


@case("is reached twice")
def a_group_of_itself_alone(path):
    with h5py.File(path, "w") as file:
        file["layers"] = file["/"]


@case("keeps '0' in chunks, compressed or in other files")
def a_kernel_in_a_file_beside_it(path):
    secret = path.with_suffix(".secret")
    secret.write_bytes(bytes(100 * 392 * 4))
    with_kernel(
        path,
        lambda file, name, honest: file.create_dataset(
            name, honest.shape, "f4", external=[(str(secret), 0, h5py.h5f.UNLIMITED)]
        ),
    )


@case("keeps '0' in chunks, compressed or in other files")
def a_kernel_put_together_from_others(path):
    def make(file, name, honest):
        layout = h5py.VirtualLayout(honest.shape, "f4")
        layout[:] = h5py.VirtualSource("/etc/passwd", "data", honest.shape)
        file.create_virtual_dataset(name, layout)

    with_kernel(path, make)


@case("keeps '0' in chunks, compressed or in other files")
def a_bomb_of_zeros(path):
    with_kernel(
        path,
        lambda file, name, honest: file.create_dataset(
            name, data=np.zeros((4096, 4096), np.float32), chunks=(4096, 4096), compression="gzip"
        ),
    )


@case("layer 'dense' announces '0' of shape (1000000000, 1000000000), and the file does not")
def a_shape_beyond_all_memory(path):
    with_kernel(path, lambda file, name, honest: file.create_dataset(name, (10**9, 10**9), "f4"))


@case("layer 'dense' announces '0' of shape (100, 392), and the file does not hold")
def a_kernel_that_was_never_written(path):
    with_kernel(path, lambda file, name, honest: file.create_dataset(name, honest.shape, "f4"))


@case("layer 'dense' has kernel (392, 100), where G's layer 1 (Linear 100→392) has (100, 392)")
def a_kernel_turned_round(path):
    with_kernel(path, lambda file, name, honest: file.create_dataset(name, data=honest.T))


@case("layer 'dense' has kernel (), where")
def a_kernel_of_one_number(path):
    with_kernel(path, lambda file, name, honest: file.create_dataset(name, data=np.float32(1)))


@case("layer 'dense' announces '0', and there is no such array")
def a_kernel_of_nothing(path):
    with_kernel(path, lambda file, name, honest: file.create_dataset(name, data=h5py.Empty("f4")))


@case("layer 'dense' announces '0', and there is no such array")
def a_kernel_that_is_a_group(path):
    with_kernel(path, lambda file, name, honest: file.create_group(name))


@case("layer 'dense' announces '0', and there is no such array")
def a_kernel_that_is_missing(path):
    with_kernel(path, lambda file, name, honest: None)


@case("layer 'dense' holds numbers that are not finite")
def a_kernel_with_one_nan(path):
    def make(file, name, honest):
        honest[3, 5] = np.nan
        file[name] = honest

    with_kernel(path, make)


@case("layer 'dense' holds numbers that are not finite")
def a_kernel_too_large_for_float32(path):
    with_kernel(path, lambda file, name, honest: file.create_dataset(name, data=honest * np.float64(1e60)))


@case("group '/layers' has 2,018 members; up to 1,000 are read")
def thousands_of_layers(path):
    with h5py.File(path, "w") as file:
        put_numbered(file, NETWORKS.G)
        for number in range(2000):
            file.create_group(f"layers/dense_{number + 10}")


@case("more than 32 deep")
def groups_in_groups_in_groups(path):
    with h5py.File(path, "w") as file:
        file.create_group("layers/sequential/" * 5000)


@case("it announces")
def one_array_a_hundred_times(path):
    write_listed(path, listed_layers(NETWORKS.G, Namer()))
    with h5py.File(path, "r+") as file:
        file.attrs["layer_names"] = np.array([b"dense_1"] * 100)


@case("layer 'dense_1' is listed and not there")
def a_layer_that_is_missing(path):
    with_listed(path, lambda file: file.__delitem__("dense_1"))


@case("layer '/' is listed and not there")
def a_layer_that_is_the_root(path):
    with_listed(path, lambda file: file.attrs.__setitem__("layer_names", np.array([b"/"])))


@case("announces '../dense_1/dense_1/kernel:0', and there is no such array")
def a_weight_in_the_layer_beside(path):
    paths = np.array([b"../dense_1/dense_1/kernel:0", b"batch_normalization_1/beta:0"])
    with_listed(path, lambda file: file["batch_normalization_1"].attrs.__setitem__("weight_names", paths))


@case("attribute 'layer_names' of group '/' holds int64, no text")
def layers_with_numbers_for_names(path):
    with_listed(path, lambda file: file.attrs.__setitem__("layer_names", np.arange(8)))


@case("attribute 'layer_names' of group '/' is longer than Keras writes any")
def a_list_of_five_thousand_layers(path):
    with_listed(path, lambda file: file.attrs.__setitem__("layer_names", np.array([b"a"] * 5000)))


@case("layer 'a\\x1b[2J\\u202e\\n")
def a_name_that_moves_the_cursor(path):
    with_listed(path, lambda file: file.attrs.__setitem__("layer_names", ["a\x1b[2J\u202e\n" + "b" * 300]))


@case("it was written on Theano, which turns every kernel round")
def kernels_of_theano(path):
    write_listed(path, listed_layers(NETWORKS.G, Namer()), backend="theano")


@case("is damaged")
def a_text_of_four_gigabytes(path):
    """The length of the text in `keras_version`, in its 16-byte reference to a heap, is set to 2^32 - 1."""
    write_listed(path, listed_layers(NETWORKS.G, Namer()), version="13.37.4242")
    content = bytearray(path.read_bytes())
    at = content.index(b"keras_version\0")
    reference = content.index(b"\x0a\x00\x00\x00", at)
    assert at < reference < at + 100
    content[reference : reference + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(bytes(content))
