import contextlib
import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gansmith.data.archives import inflate
from gansmith.data.formats import svhn
from gansmith.data.formats.svhn import read_mat, read_svhn
from gansmith.errors import DataError
from tests.helpers.make_sets import mat_element, mat_file, mat_matrix, svhn_mat

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (7, 3, 5, 4), np.uint8)


@pytest.fixture
def labels():
    return np.array([0, 1, 9, 5, 3, 2, 0])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "train_32x32.mat"


def test_an_empty_array_of_endless_sides_is_refused(path):
    sides = mat_element(5, np.array([2**31 - 1] * 3 + [0], "<i4").tobytes())
    content = mat_element(6, struct.pack("<2I", 9, 0)) + sides + mat_element(1, b"X") + mat_element(2, b"")
    path.write_bytes(mat_file([struct.pack("<2I", 14, len(content)) + content], compress=False))
    with pytest.raises(DataError, match=r"announces 0 bytes \(\(2147483647, .* can be read"):
        read_mat(path)


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("labels_as", [np.uint8, np.float64])
def test_svhn_reads_back_bit_exact(path, images, labels, compress, labels_as):
    path.write_bytes(svhn_mat(images, labels, compress, labels_as))
    found = read_svhn(path)
    assert np.array_equal(found.images, images)
    assert found.images.dtype == found.labels.dtype == np.uint8
    assert found.labels.tolist() == labels.tolist()
    assert found.class_names == tuple("0123456789")


def test_a_single_image_whose_last_axis_matlab_dropped_is_read(path, images):
    pixels = images[0].transpose(1, 2, 0)
    path.write_bytes(mat_file([mat_matrix("X", pixels), mat_matrix("y", np.array([[4]], np.uint8))]))
    assert np.array_equal(read_svhn(path).images, images[:1])


def test_doubles_stored_as_bytes_and_big_endian_files_are_read(path):
    small = np.arange(6, dtype=np.uint8).reshape(2, 3)
    path.write_bytes(mat_file([mat_matrix("a", small, array_class=6)]))
    assert np.array_equal(read_mat(path)["a"], small)
    content = (
        struct.pack(">6I", 6, 8, 11, 0, 5, 8) + struct.pack(">2i", 1, 2) + struct.pack(">2H", 1, 1)[::1] + b"b\0\0\0"
    )
    content += struct.pack(">2H2H", 4, 4, 258, 3)
    path.write_bytes(mat_file([])[:124] + b"\x01\x00MI" + struct.pack(">2I", 14, len(content)) + content)
    assert read_mat(path)["b"].tolist() == [[258, 3]]


def refuse(path, content, message):
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_mat(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize(
    ("array_class", "message"),
    [
        (1, "holds a cell array;"),
        (2, "holds a struct;"),
        (3, "holds an object;"),
        (4, "holds text;"),
        (5, "holds a sparse array;"),
        (16, "holds a function handle;"),
        (17, "holds an opaque object;"),
        (99, "holds a variable of class 99;"),
    ],
)
def test_what_is_no_numeric_array_is_refused_by_its_kind(path, array_class, message, compress):
    matrix = mat_matrix("X", np.zeros((2, 2)), array_class=array_class)
    refuse(path, mat_file([matrix], compress), message + " only plain numeric arrays of MATLAB v5 are read.")


def with_bytes(at, new):
    return lambda content: content[:at] + new + content[at + len(new) :]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda b: b"MATLAB 7.3 MAT-file" + b[19:], "is a MATLAB v7.3 file (HDF5)"),
        (lambda b: b"\x89HDF\r\n\x1a\n" + b[8:], "is a MATLAB v7.3 file (HDF5)"),
        (lambda b: b"", "is not a MATLAB v5 file"),
        (lambda b: b[:127], "is not a MATLAB v5 file"),
        (with_bytes(124, b"\0\2"), "is not a MATLAB v5 file"),
        (lambda b: b[:131], "ends inside a tag"),
        (lambda b: b[:-60], "ends inside a variable"),
        (with_bytes(128, b"\x09"), "element of type 9 where a variable should be"),
        (with_bytes(136, b"\x05"), "whose flags are 8 bytes of type 5"),
        (with_bytes(140, b"\x04"), "without its flags"),
        (with_bytes(140, b"\x10"), "whose flags are 16 bytes"),
        (with_bytes(144, b"\x09\x08"), "an array of complex numbers"),
        (with_bytes(160, b"\xff\xff\xff\xff"), "holds X with the sides (-1,"),
        (with_bytes(160, b"\xff\xff\xff\x7f"), "announces 32,212,254,705 bytes"),
        (with_bytes(156, b"\xff\xff\xff\xff"), "whose sides are 4,294,967,295 bytes"),
        (with_bytes(156, b"\x04"), "whose name are"),
        (with_bytes(184, b"\x08"), "stored as the unknown type 8"),
        (with_bytes(188, b"\xff"), "and holds 255"),
        (with_bytes(132, b"\0\0"), "announces 0 bytes for X"),
    ],
)
def test_a_damaged_file_is_named_with_what_is_wrong(path, images, damage, message):
    refuse(path, damage(mat_file([mat_matrix("X", images[:, :, :, :1])], compress=False)), message)


def test_damage_in_compressed_data_is_found(path, images, labels):
    content = svhn_mat(images, labels)
    refuse(path, content[:200] + b"\0\0\0\0" + content[204:], "damaged zlib data")
    refuse(path, content[:300], "ends inside its zlib data")
    (length,) = struct.unpack("<I", content[132:136])
    checksum = 136 + length - 4
    refuse(path, content[:checksum] + b"abcd" + content[checksum + 4 :], "damaged zlib data")
    packed = zlib.compress(mat_matrix("X", images) + b"more")
    refuse(path, mat_file([]) + struct.pack("<2I", 15, len(packed)) + packed, "more in it than it announces")
    packed = zlib.compress(mat_element(9, bytes(16)))
    refuse(path, mat_file([]) + struct.pack("<2I", 15, len(packed)) + packed, "a compressed element of type 9")


def test_a_bomb_is_inflated_no_further_than_its_first_megabytes(path, monkeypatch):
    inflated = []
    part = inflate.Inflated._part
    monkeypatch.setattr(inflate.Inflated, "_part", lambda self, size: inflated.append(r := part(self, size)) or r)
    refuse(path, mat_file([mat_matrix("X", np.zeros((100, 1_000_000), np.uint8))]), "over 100 times as many")
    assert sum(map(len, inflated)) <= inflate.RATIO_SLACK


def test_nothing_is_inflated_beyond_what_a_variable_announces(path, monkeypatch):
    packed = zlib.compress(mat_matrix("X", np.zeros((2, 2), np.uint8)) + bytes(10_000_000))
    inflated = []
    part = inflate.Inflated._part
    monkeypatch.setattr(inflate.Inflated, "_part", lambda self, size: inflated.append(r := part(self, size)) or r)
    refuse(path, mat_file([]) + struct.pack("<2I", 15, len(packed)) + packed, "more in it than it announces")
    assert sum(map(len, inflated)) < 200


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "has no X and no y; it holds nothing"),
        ({"X": np.zeros((2, 2, 3, 1), np.uint8), "z": np.zeros((1, 1), np.uint8)}, "has no y; it holds X, z"),
        ({"X": np.zeros((2, 2, 3, 1)), "y": np.ones((1, 1))}, "X is float64 of shape (2, 2, 3, 1)"),
        ({"X": np.zeros((2, 2, 1, 1), np.uint8), "y": np.ones((1, 1))}, "X is uint8 of shape (2, 2, 1, 1)"),
        ({"X": np.zeros((2, 2), np.uint8), "y": np.ones((1, 1))}, "X is uint8 of shape (2, 2)"),
        ({"X": np.zeros((2, 2, 3, 0), np.uint8), "y": np.ones((0, 1))}, "X is uint8 of shape (2, 2, 3, 0)"),
        ({"X": np.zeros((2, 2, 3, 2), np.uint8), "y": np.ones((1, 2))}, "X holds 2 images, y has the shape (1, 2)"),
        ({"X": np.zeros((2, 2, 3, 2), np.uint8), "y": np.full((2, 1), 11.0)}, "other labels than 1 to 10"),
        ({"X": np.zeros((2, 2, 3, 2), np.uint8), "y": np.full((2, 1), 1.5)}, "other labels than 1 to 10"),
        ({"X": np.zeros((2, 2, 3, 2), np.uint8), "y": np.full((2, 1), np.nan)}, "other labels than 1 to 10"),
    ],
)
def test_a_file_that_is_not_svhn_says_why(path, arrays, message):
    path.write_bytes(mat_file([mat_matrix(name, array) for name, array in arrays.items()]))
    with pytest.raises(DataError) as caught:
        read_svhn(path)
    assert message in str(caught.value)


def test_too_many_variables_and_a_missing_file_are_data_errors(path, monkeypatch):
    monkeypatch.setattr(svhn, "MAX_VARIABLES", 2)
    refuse(path, mat_file([mat_matrix(name, np.zeros((1, 1))) for name in "abc"]), "in 3 variables")
    path.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        read_svhn(path)


@FUZZ
@given(content=st.binary(max_size=200))
def test_any_bytes_are_arrays_or_a_data_error(path, content):
    header = mat_file([])
    for start in (b"", header, header + struct.pack("<2I", 14, 500) + mat_element(6, struct.pack("<2I", 9, 0))):
        path.write_bytes(start + content)
        with contextlib.suppress(DataError):
            read_mat(path)
    packed = zlib.compress(content)
    path.write_bytes(header + struct.pack("<2I", 15, len(packed)) + packed)
    with contextlib.suppress(DataError):
        read_mat(path)


@FUZZ
@given(
    compress=st.booleans(), where=st.floats(0, 1, exclude_max=True), what=st.binary(max_size=4), cut=st.integers(0, 4)
)
def test_a_mutated_file_is_images_or_a_data_error(path, images, labels, compress, where, what, cut):
    content = svhn_mat(images, labels, compress)
    at = 120 + int(where * (len(content) - 120))
    path.write_bytes(content[:at] + what + content[at + cut :])
    with contextlib.suppress(DataError):
        assert read_svhn(path).images.ndim == 4
