import contextlib
import io
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gansmith.data.formats.npz import read_npz
from gansmith.errors import DataError

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mnist.npz"


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (6, 5, 4), np.uint8)


def write(path, images, labels, save=np.savez_compressed):
    save(path, x_train=images, y_train=labels, x_test=images[:2], y_test=labels[:2])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_archive_like_keras_s_reads_back_bit_exact(path, images, save):
    write(path, images, np.arange(6, dtype=np.uint8), save)
    train, test = read_npz(path, "train"), read_npz(path, "test")
    assert np.array_equal(train.images, images[:, None])
    assert np.array_equal(test.images, images[:2, None])
    assert train.labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert train.images.dtype == train.labels.dtype == np.uint8


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_last_become_channels_first_whatever_the_order_in_memory(path, channels):
    images = np.random.default_rng(0).integers(0, 256, (6, 5, 7, channels), np.uint8)
    write(path, np.asfortranarray(images), np.arange(6).reshape(6, 1).astype(">i4"))
    found = read_npz(path, "train")
    assert np.array_equal(found.images, images.transpose(0, 3, 1, 2))
    assert found.labels.dtype == np.int64
    assert found.labels.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_numpy_s_format_is_read(path, images, version):
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in [("x_test", images), ("y_test", np.arange(6))]:
            content = io.BytesIO()
            np.lib.format.write_array(content, array, version)
            archive.writestr(f"{name}.npy", content.getvalue())
    assert np.array_equal(read_npz(path, "test").images, images[:, None])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (
            np.array([[["a", None]]], object),
            np.arange(1),
            "x_train.npy holds '|O' and no numbers; Python objects are never loaded",
        ),
        (np.zeros((1, 2, 2), [("a", "u1")]), np.arange(1), "only plain arrays of numbers are read"),
        (np.zeros((1, 2, 2)), np.arange(1), "holds '<f8'"),
        (np.zeros((1, 2, 2), np.uint16), np.arange(1), "x_train is uint16 of shape (1, 2, 2)"),
        (np.zeros((1, 2), np.uint8), np.arange(1), "x_train is uint8 of shape (1, 2)"),
        (np.zeros((1, 2, 2, 2), np.uint8), np.arange(1), "x_train is uint8 of shape (1, 2, 2, 2)"),
        (np.zeros((0, 2, 2), np.uint8), np.arange(0), "x_train.npy is empty"),
        (np.zeros((2, 2, 2), np.uint8), np.arange(3), "x_train holds 2 images, y_train labels of shape (3,)"),
        (np.zeros((2, 2, 2), np.uint8), np.array(["a", "b"]), "y_train.npy holds '<U1'"),
        (np.zeros((2, 2, 2), np.uint8), np.array([0, -1]), "y_train holds the label -1"),
    ],
)
def test_arrays_of_another_kind_are_refused_by_name(path, images, labels, message):
    write(path, images, labels)
    with pytest.raises(DataError) as caught:
        read_npz(path, "train")
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def header(text, version=1):
    length = len(text).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + text


PLAIN = b"{'descr': '|u1', 'fortran_order': False, 'shape': (%b), }"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a NumPy array"),
        (b"\x93NUMPX\1\0", "is not a NumPy array"),
        (header(b"", 9), "is not a NumPy array of version 1 to 3"),
        (header(b"{}"), "has the header b'{}'"),
        (header(PLAIN % b"9, 9, 9"), "announces 729 bytes ((9, 9, 9)) and holds 0"),
        (header(PLAIN % b"999999999999, 999999999, 9999999"), "announces 9,999,998,989"),
        (header(PLAIN % b"1" * 150), "only plain arrays"),
        (header(PLAIN % (b"1, " * 8 + b"1")), "up to 8 whole numbers"),
        (header(PLAIN % b"1 1, 2"), "up to 8 whole numbers"),
        (header(b"{'descr': __import__('os').system('true'), }"), "only plain arrays"),
        (b"\x93NUMPY\2\0\xff\xff\xff\xff{", "announces a header of 4,294,967,295 bytes"),
    ],
)
def test_a_header_is_checked_before_anything_is_read(path, content, message):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x_train.npy", content)
        archive.writestr("y_train.npy", content)
    with pytest.raises(DataError) as caught:
        read_npz(path, "train")
    assert message in str(caught.value)


def test_an_archive_without_the_arrays_says_what_it_holds(path, images):
    np.savez(path, images=images)
    with pytest.raises(DataError, match=r"has no x_test; it holds images"):
        read_npz(path, "test")
    write(path, np.zeros((100, 1000, 1000), np.uint8), np.arange(100))
    with pytest.raises(DataError, match=r"x_train\.npy would inflate .* a bomb"):
        read_npz(path, "train")
    path.write_bytes(b"\x93NUMPY")
    with pytest.raises(DataError, match="is not an NPZ archive"):
        read_npz(path, "test")
    path.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        read_npz(path, "test")


def test_damaged_pixels_are_found_by_their_checksum(path, images):
    write(path, images, np.arange(6), np.savez)
    content = path.read_bytes()
    at = content.index(images.tobytes())
    path.write_bytes(content[:at] + bytes([images.flat[0] ^ 1]) + content[at + 1 :])
    with pytest.raises(DataError, match=r"x_train\.npy is damaged"):
        read_npz(path, "train")


@FUZZ
@given(content=st.binary(max_size=150), start=st.sampled_from([b"", header(PLAIN % b"2, 2, 3"), header(b"{'descr': ")]))
def test_any_bytes_are_images_or_a_data_error(path, content, start):
    path.write_bytes(content)
    with contextlib.suppress(DataError):
        read_npz(path, "train")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x_train.npy", start + content)
        archive.writestr("y_train.npy", start + content)
    with contextlib.suppress(DataError):
        read_npz(path, "train")


@FUZZ
@given(where=st.floats(0, 1, exclude_max=True), what=st.binary(max_size=4), cut=st.integers(0, 4), packed=st.booleans())
def test_a_mutated_archive_is_images_or_a_data_error(path, images, where, what, cut, packed):
    write(path, images, np.arange(6), np.savez_compressed if packed else np.savez)
    content = path.read_bytes()
    at = int(where * len(content))
    path.write_bytes(content[:at] + what + content[at + cut :])
    with contextlib.suppress(DataError):
        assert np.array_equal(read_npz(path, "train").images, images[:, None])
