"""The published layouts of CIFAR-10 and SVHN, written from other images, opened as the sets they are."""

import shutil
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image

from gansmith.data.dataset import Request, open_dataset
from gansmith.data.datasets import stacked
from gansmith.data.images.resize import ImageShape
from gansmith.errors import DataError
from gansmith.rng import stream
from tests.helpers import make_sets

NUM = 12


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (NUM, 3, 32, 32), np.uint8), np.arange(NUM) % 10


def opened(name, split="train"):
    shape = ImageShape(channels=3, height=32, width=32)
    return open_dataset(Request(name=name, split=split, shape=shape))


@pytest.mark.parametrize("layout", ["python.tar.gz", "binary.tar.gz", "python", "binary"])
def test_cifar10_is_opened_in_each_published_layout(tmp_path, images, monkeypatch, layout):
    levels, labels = images
    kind = layout.partition(".")[0]
    files = getattr(make_sets, f"cifar_{kind}_files")(levels, labels)
    (tmp_path / "cifar10").mkdir()
    if layout.endswith(".gz"):
        make_sets.write_tar_gz(tmp_path / f"cifar10/cifar-10-{layout}", files)
    else:
        make_sets.write_folder(tmp_path / "cifar10", files)
    monkeypatch.setenv("GANSMITH_DATA", str(tmp_path))
    both = opened("cifar10", "both")
    assert np.array_equal(both.images, levels)
    assert both.labels.tolist() == labels.tolist()
    assert len(opened("cifar10", "train")) == 10
    ships = opened("cifar10[ship]", "both")
    assert np.array_equal(ships.batch(torch.arange(len(ships))).numpy(), levels[labels == 8])


def test_svhn_is_opened_as_published_with_ten_meaning_zero(tmp_path, images, monkeypatch):
    levels, labels = images
    (tmp_path / "train_32x32.mat").write_bytes(make_sets.svhn_mat(levels, labels))
    monkeypatch.setenv("GANSMITH_DATA", str(tmp_path))
    svhn = opened("svhn")
    assert np.array_equal(svhn.images, levels)
    assert svhn.labels.tolist() == labels.tolist()
    with pytest.raises(DataError, match="without its 'test' split; splits there: train"):
        opened("svhn", "test")


def test_keras_own_archive_of_mnist_is_opened(tmp_path, images, monkeypatch):
    levels, labels = images
    arrays = {"x_train": levels[:, 0], "y_train": labels, "x_test": levels[:3, 1], "y_test": labels[:3]}
    np.savez_compressed(tmp_path / "mnist.npz", **arrays)
    monkeypatch.setenv("GANSMITH_DATA", str(tmp_path))
    shape = ImageShape(channels=1, height=32, width=32)
    both = open_dataset(Request(name="mnist", split="both", shape=shape))
    assert np.array_equal(both.images[:, 0], np.concatenate([arrays["x_train"], arrays["x_test"]]))


def test_stacked_mnist_is_three_digits_a_image_drawn_alike_each_time(tmp_path, monkeypatch):
    digits = np.arange(20) % 10
    levels = np.broadcast_to((20 * digits).astype(np.uint8)[:, None, None], (20, 28, 28))
    np.savez_compressed(tmp_path / "mnist.npz", x_train=levels, y_train=digits, x_test=levels, y_test=digits)
    monkeypatch.setenv("GANSMITH_DATA", str(tmp_path))
    monkeypatch.setitem(stacked.COUNTS, "train", 500)
    request = Request(name="stacked-mnist", split="train", shape=ImageShape(channels=3, height=28, width=28))
    dataset = open_dataset(request)
    planes = dataset.images[:, :, 14, 14] // 20
    assert dataset.images.shape == (500, 3, 28, 28)
    assert dataset.labels.tolist() == (planes @ [100, 10, 1]).tolist()
    assert len(set(dataset.labels.tolist())) > 350
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path / "another"))
    assert np.array_equal(open_dataset(request).images, dataset.images)
    shutil.rmtree(tmp_path / "another")
    monkeypatch.setattr(stacked, "stream", lambda seed, *key: stream(seed + 1, *key))
    assert not np.array_equal(open_dataset(request).images, dataset.images)


def test_celeba_is_opened_as_published_cropped_to_a_square(tmp_path, monkeypatch):
    faces = np.random.default_rng(1).integers(0, 256, (9, 218, 178, 3), np.uint8)
    make_sets.write_celeba_zip(tmp_path / "img_align_celeba.zip", faces)
    monkeypatch.setenv("GANSMITH_DATA", str(tmp_path))
    celeba = opened("celeba")
    assert celeba.images.shape == (9, 3, 32, 32)
    assert celeba.labels is None
    with pytest.raises(DataError, match="has no labels, so no class can be chosen"):
        opened("celeba[smiling]")


@pytest.mark.parametrize("packed", [True, False])
def test_cifar10_as_images_has_train_before_test_and_its_classes(tmp_path, monkeypatch, packed):
    colours = {("test", "ship"): 10, ("train", "ship"): 50, ("train", "cat"): 90, ("test", "cat"): 130}
    place = tmp_path / "images" if packed else tmp_path / "cifar10"
    for (split, kind), level in colours.items():
        (place / split / kind).mkdir(parents=True)
        Image.new("RGB", (32, 32), (level, 0, 0)).save(place / split / kind / "0001.png")
    if packed:
        with tarfile.open(tmp_path / "cifar-10-images.tar", "w") as tar:
            tar.add(place / "test", "test")
            tar.add(place / "train", "train")
    monkeypatch.setenv("GANSMITH_DATA", str(tmp_path))
    both = opened("cifar10", "both")
    assert "is a copy of cifar10 of its own, not the published files" in both.index["notes"][0]
    assert sorted(both.images[:2, 0, 0, 0].tolist()) == [50, 90]
    assert sorted(both.images[2:, 0, 0, 0].tolist()) == [10, 130]
    assert sorted(opened("cifar10", "test").images[:, 0, 0, 0].tolist()) == [10, 130]
    ships = opened("cifar10[ship]", "both")
    assert ships.batch(torch.arange(2))[:, 0, 0, 0].tolist() == [50, 10]
