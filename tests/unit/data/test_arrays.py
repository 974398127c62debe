"""Images in arrays: .npy, .npz and IDX files, and arrays of NumPy and torch."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch

import gansmith
from gansmith.data.dataset import Request, open_dataset
from gansmith.data.given import name_of_images
from gansmith.data.images.resize import ImageShape
from gansmith.errors import DataError

COUNT = 24
IMAGES = np.random.default_rng(0).integers(0, 256, (COUNT, 12, 10, 3), np.uint8)
LABELS = np.arange(COUNT) % 3


def opened(name, channels=3, split="train"):
    shape = ImageShape(channels=channels, height=12, width=10)
    return open_dataset(Request(name=str(name), split=split, shape=shape))


def pixels(dataset):
    return dataset.batch(torch.arange(len(dataset))).numpy()


@pytest.mark.parametrize("channels", [0, 1, 3, 4])
@pytest.mark.parametrize("order", ["C", "F"])
def test_what_is_packed_of_a_npy_file_is_the_array(channels, order):
    images = np.random.default_rng(1).integers(1, 256, (9, 12, 10, max(channels, 1)), np.uint8)
    np.save("x.npy", np.asarray(images if channels else images[..., 0], order=order))
    assert np.array_equal(pixels(opened("x.npy", max(channels, 1))), images.transpose(0, 3, 1, 2))


def test_grey_with_alpha_is_read_as_any_such_image():
    images = np.random.default_rng(1).integers(1, 256, (9, 12, 10, 2), np.uint8)
    np.save("x.npy", images)
    assert np.array_equal(pixels(opened("x.npy", 4))[:, 3], images[..., 1])


@pytest.mark.parametrize("beside", ["x_labels.npy", "x-labels.npy", "labels.npy"])
def test_labels_beside_a_npy_file_are_classes(beside):
    np.save("x.npy", IMAGES)
    np.save(beside, LABELS[:, None])
    assert opened("x.npy").labels.tolist() == LABELS.tolist()
    assert len(opened("x.npy[0,2]")) == 16


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (LABELS[:-1], "it has the shape (23,) and not (24,)"),
        (LABELS / 2, "holds '<f8'; only whole numbers are read"),
        (np.eye(3)[LABELS].astype(int), "it has the shape (24, 3) and not (24,)"),
        (np.array(["cat", "dog", "owl"])[LABELS], "holds '<U3' and no numbers"),
    ],
)
@pytest.mark.parametrize("form", ["npy", "npz"])
def test_labels_that_do_not_fit_are_a_note(form, labels, why):
    if form == "npy":
        np.save("x.npy", IMAGES)
        np.save("x_labels.npy", labels)
    else:
        np.savez("x.npz", x=IMAGES, y=labels)
    dataset = opened(f"x.{form}")
    assert len(dataset) == COUNT
    assert dataset.labels is None
    (note,) = [note for note in dataset.index["notes"] if "gives no classes" in note]
    assert why in note


def test_a_negative_label_is_no_class():
    np.save("x.npy", IMAGES)
    np.save("labels.npy", np.where(LABELS == 2, -1, LABELS))
    assert opened("x.npy").labels.tolist() == [0, 1, -1] * 8


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    ("images", "labels"), [("images", "labels"), ("x", "y"), ("arr_0", "arr_1"), ("pictures", "targets")]
)
def test_the_only_images_of_a_npz_are_taken_with_their_labels(save, images, labels):
    save("x.npz", **{images: IMAGES, labels: LABELS})
    dataset = opened("x.npz")
    assert np.array_equal(pixels(dataset), IMAGES.transpose(0, 3, 1, 2))
    assert dataset.labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize("form", ["{}_images {}_labels val", "x_{} y_{} val", "{} {}_labels validation"])
def test_the_parts_of_a_npz_are_splits(form):
    images, labels, validation = form.split()
    arrays = {}
    for part, count in (("train", 24), (validation, 8), ("test", 6)):
        arrays |= {images.format(part): IMAGES[:count], labels.format(part): LABELS[:count]}
    np.savez("x.npz", **arrays)
    train, test = opened("x.npz"), opened("x.npz", split="test")
    assert (len(train), len(test)) == (24, 6)
    assert train.labels.tolist() == LABELS.tolist()
    assert "train/: 24 of 38 images; val/ 8 and test/ 6 are not trained on" in train.index["notes"]


def test_an_array_of_several_is_named_in_brackets_and_classes_behind_it():
    np.savez("x.npz", images=IMAGES, masks=IMAGES[..., 0], labels=LABELS)
    with pytest.raises(
        DataError, match=r"several arrays of images \(images, masks\); name one: --data 'x.npz\[images\]'"
    ):
        opened("x.npz")
    assert np.array_equal(pixels(opened("x.npz[masks]", 1))[:, 0], IMAGES[..., 0])
    assert len(opened("x.npz[images][1]")) == 8
    with pytest.raises(DataError, match="has no array 'image'; it holds images, masks, labels"):
        opened("x.npz[image]")


@pytest.mark.parametrize("zipped", [False, True])
def test_an_idx_file_alone_is_read_with_the_labels_that_lie_beside_it(zipped):
    def write(name, array):
        head = bytes([0, 0, 8, array.ndim]) + b"".join(side.to_bytes(4, "big") for side in array.shape)
        content = head + array.astype(np.uint8).tobytes()
        name, content = (f"{name}.gz", gzip.compress(content)) if zipped else (name, content)
        Path(name).write_bytes(content)
        return name

    name = write("emnist-letters-train-images-idx3-ubyte", IMAGES[..., 0])
    write("emnist-letters-train-labels-idx1-ubyte", LABELS)
    dataset = opened(name, 1)
    assert np.array_equal(pixels(dataset)[:, 0], IMAGES[..., 0])
    assert dataset.labels.tolist() == LABELS.tolist()


OTHERS = [
    (IMAGES / 255, r"float64 of shape .* from 0 to 1; .*: x = \(x \* 255\)"),
    (IMAGES / np.float32(127.5) - 1, r"float32 .* from -1 to 1; .*: x = \(x \* 127\.5 \+ 127\.5\)"),
    (IMAGES.astype(float), r": x = x\.round\(\)\.clip\(0, 255\)\.astype\('uint8'\)$"),
    (IMAGES.astype(float) * 9, "once x is scaled"),
    (IMAGES > 9, r"bool .*: x = x\.astype\('uint8'\) \* 255"),
    (IMAGES.astype(np.uint16) * 200, r"uint16 .*x >> 8"),
    (IMAGES.astype(np.int64), r"int64 .*: x = x\.clip\(0, 255\)\.astype\('uint8'\)$"),
    (IMAGES.astype(np.int64) + 200, "int64 .* once x is scaled"),
    (np.where(IMAGES > 9, np.nan, IMAGES), "values that are not finite"),
    (IMAGES.transpose(0, 3, 1, 2), r"channels first; move them last: x = x\.transpose\(0, 2, 3, 1\)"),
    (IMAGES[0], "a single image"),
    (IMAGES[0, 0], r"uint8 of shape \(10, 3\)"),
    (IMAGES.repeat(2, 3), "with C = 1, 2, 3 or 4"),
    (IMAGES[:0], "empty"),
]


@pytest.mark.parametrize(("array", "says"), OTHERS)
@pytest.mark.parametrize("form", ["npy", "npz", "array", "tensor"])
def test_an_array_of_another_kind_is_told_the_line_that_converts_it(array, says, form):
    if form == "npy":
        np.save("x.npy", array)
        name = "x.npy"
    elif form == "npz":
        np.savez("x.npz", images=array)
        name = "x.npz"
    else:
        name = torch.from_numpy(array.copy()) if form == "tensor" else array
    with pytest.raises(DataError, match=says) as caught:
        gansmith.check_data(name)
    assert len(str(caught.value).splitlines()) == 1


def test_the_line_that_converts_floats_gives_the_images_back():
    for x, shape in ((IMAGES / 255, IMAGES.shape), (IMAGES / 127.5 - 1, IMAGES.shape), (IMAGES * 1.0, IMAGES.shape)):
        with pytest.raises(DataError) as caught:
            gansmith.check_data(x)
        found = eval(str(caught.value).rpartition(": x = ")[2], {"x": x})
        assert found.shape == shape
        assert np.array_equal(found, IMAGES)


class Hostile:
    def __reduce__(self):
        return Path.touch, (Path("ran"),)


def test_python_objects_are_never_loaded():
    np.save("x.npy", np.array([Hostile()], object), allow_pickle=True)
    np.savez("x.npz", images=np.array([Hostile()], object))
    for name in ("x.npy", "x.npz"):
        with pytest.raises(DataError, match="Python objects are never loaded"):
            gansmith.check_data(name)
    assert not Path("ran").exists()


@pytest.mark.parametrize("cut", [3, 40, 200])
def test_a_truncated_file_is_a_sentence(cut):
    np.save("x.npy", IMAGES)
    Path("x.npy").write_bytes(Path("x.npy").read_bytes()[:cut])
    with pytest.raises(DataError):
        gansmith.check_data("x.npy")


@pytest.mark.parametrize("kind", [b"<f9", b"<f3", b"<c3", b"<f12"])
def test_numbers_that_no_machine_has_are_a_sentence(kind):
    np.save("x.npy", IMAGES / 255)
    Path("x.npy").write_bytes(Path("x.npy").read_bytes().replace(b"<f8", kind)[: -len(kind) + 3 or None])
    with pytest.raises(DataError):
        gansmith.check_data("x.npy")


def test_a_tensor_that_numpy_cannot_take_is_a_sentence():
    for tensor in (torch.zeros(2, 9, 9, dtype=torch.bfloat16), torch.zeros(2, 9, 9, device="meta")):
        with pytest.raises(DataError, match="cannot be an array of NumPy"):
            gansmith.check_data(tensor)


def test_a_header_that_promises_more_than_there_is_costs_nothing():
    np.save("x.npy", IMAGES)
    content = Path("x.npy").read_bytes()
    Path("x.npy").write_bytes(content.replace(b"(24, 12, 10, 3), }", b"(24000000000, 12, 10, 3), }")[: len(content)])
    with pytest.raises(DataError, match=r"announces .* and holds"):
        gansmith.check_data("x.npy")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("x.pt", b"PK\3\4" + bytes(60), "is a torch file, which may run code"),
        ("x.pkl", b"\x80\4]", "is a pickle file, which may run code"),
        ("x.csv", b"label,pixel0\n", r"is a CSV file.*reshape\(-1, H, W\)"),
        ("x.h5", b"\x89HDF\r\n\x1a\n", "is an HDF5 file.*h5py"),
        ("x.mat", b"MATLAB 5.0 MAT-file", "is a MATLAB file.*loadmat"),
        ("x.tfrecord", b"\0\1", "is a TFRecord file"),
    ],
)
def test_files_of_other_programs_are_told_how_they_become_arrays(name, content, says):
    Path(name).write_bytes(content)
    with pytest.raises(DataError, match=says) as caught:
        gansmith.check_data(name)
    assert "np.save('x.npy'" in str(caught.value)


def test_an_array_among_images_is_told_apart(tmp_path):
    from tests.helpers.small_images import write_images

    write_images(tmp_path / "photos", ["1.png", "2.png"])
    np.save(tmp_path / "photos" / "x.npy", IMAGES)
    np.savez(tmp_path / "photos" / "x.npz", IMAGES)
    report = gansmith.check_data(tmp_path / "photos")
    reasons = {one.name: one.reasons for one in report.files if one.outcome == "dropped"}
    assert reasons == {name: ("is an array among images; give it alone",) for name in ("x.npy", "x.npz")}


def test_an_array_given_in_python_is_kept_under_its_content():
    first = name_of_images(IMAGES)
    assert first == name_of_images(torch.from_numpy(IMAGES)) == name_of_images(np.asfortranarray(IMAGES))
    assert (
        len({first, name_of_images(IMAGES, LABELS), name_of_images(IMAGES, LABELS[::-1]), name_of_images(255 - IMAGES)})
        == 4
    )
    assert np.array_equal(np.load(first), IMAGES)
    labelled = opened(name_of_images(IMAGES, torch.from_numpy(LABELS)))
    assert labelled.labels.tolist() == LABELS.tolist()
    assert opened(first).labels is None


@pytest.mark.parametrize(
    ("images", "labels", "says"),
    [
        (IMAGES, LABELS[:-1], r"the labels are int64 of shape \(23,\); give a whole number for each of the 24"),
        (IMAGES, LABELS / 2, "the labels are float64"),
        ("photos", LABELS, "labels in an array go with images in an array"),
        ([1, 2], None, "got list"),
    ],
)
def test_what_does_not_belong_together_is_refused(images, labels, says):
    with pytest.raises(DataError, match=says):
        name_of_images(images, labels)
