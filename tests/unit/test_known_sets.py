"""The published layouts of CIFAR-10 and SVHN, written from other pictures, opened as the sets they are."""

import make_sets
import numpy as np
import pytest
import torch

from gansmith.data.fit import Wanted
from gansmith.data.source import Request, open_pictures
from gansmith.errors import DataError

NUM = 12


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 256, (NUM, 3, 32, 32), np.uint8), np.arange(NUM) % 10


def opened(name, split="train"):
    shape = Wanted(channels=3, height=32, width=32)
    return open_pictures(Request(name=name, split=split, shape=shape))


@pytest.mark.parametrize("layout", ["python.tar.gz", "binary.tar.gz", "python", "binary"])
def test_cifar10_is_opened_in_each_published_layout(tmp_path, pictures, monkeypatch, layout):
    images, labels = pictures
    kind = layout.partition(".")[0]
    files = getattr(make_sets, f"cifar_{kind}_files")(images, labels)
    (tmp_path / "cifar10").mkdir()
    if layout.endswith(".gz"):
        make_sets.write_tar_gz(tmp_path / f"cifar10/cifar-10-{layout}", files)
    else:
        make_sets.write_folder(tmp_path / "cifar10", files)
    monkeypatch.setenv("GANSMITH_DATA", str(tmp_path))
    both = opened("cifar10", "both")
    assert np.array_equal(both.images, images)
    assert both.labels.tolist() == labels.tolist()
    assert len(opened("cifar10", "train")) == 10
    ships = opened("cifar10[ship]", "both")
    assert np.array_equal(ships.batch(torch.arange(len(ships))).numpy(), images[labels == 8])


def test_svhn_is_opened_as_published_with_ten_meaning_zero(tmp_path, pictures, monkeypatch):
    images, labels = pictures
    (tmp_path / "train_32x32.mat").write_bytes(make_sets.svhn_mat(images, labels))
    monkeypatch.setenv("GANSMITH_DATA", str(tmp_path))
    svhn = opened("svhn")
    assert np.array_equal(svhn.images, images)
    assert svhn.labels.tolist() == labels.tolist()
    with pytest.raises(DataError, match="without its 'test' split; splits there: train"):
        opened("svhn", "test")


def test_keras_own_archive_of_mnist_is_opened(tmp_path, pictures, monkeypatch):
    images, labels = pictures
    arrays = {"x_train": images[:, 0], "y_train": labels, "x_test": images[:3, 1], "y_test": labels[:3]}
    np.savez_compressed(tmp_path / "mnist.npz", **arrays)
    monkeypatch.setenv("GANSMITH_DATA", str(tmp_path))
    shape = Wanted(channels=1, height=32, width=32)
    both = open_pictures(Request(name="mnist", split="both", shape=shape))
    assert np.array_equal(both.images[:, 0], np.concatenate([arrays["x_train"], arrays["x_test"]]))
