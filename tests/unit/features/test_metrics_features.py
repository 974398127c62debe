"""Feature networks: one protocol, whatever pieces images come in, and a sentence for what cannot be had."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from gansmith.data.dataset import Request, open_dataset
from gansmith.data.images.resize import ImageShape
from gansmith.errors import DataError, UsageError
from gansmith.features import classifiers
from gansmith.features.classifiers import CLASSIFIERS, FOLDER, model_card
from gansmith.features.dinov2 import Transformer
from gansmith.features.extract import chunk_size, extract
from gansmith.features.extractor import InputShape
from gansmith.features.inception import Inception, tensorflow_resized
from gansmith.features.networks import NAMES, default_features, load_extractor
from gansmith.features.random_network import kernel, scales_of
from tests.helpers import ROOT

TARGETS = {"mnist": 0.99, "fashion-mnist": 0.91, "notmnist": 0.93, "cifar10": 0.85}
MOST_BYTES = 2_000_000


@pytest.fixture(scope="module")
def clothes():
    """1,000 images uint8 (N, 28, 28, 1) that the network never saw, and their classes."""
    dataset = open_dataset(
        Request(name="fashion-10k", split="train", shape=ImageShape(channels=1, height=28, width=28))
    )
    return np.ascontiguousarray(dataset.images[:1000].transpose(0, 2, 3, 1)), dataset.labels[:1000]


@pytest.fixture(scope="module")
def results():
    """What benchmarks/quality/feature_networks.py wrote."""
    return json.loads((ROOT / "benchmarks/results/feature-networks.json").read_text())


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_the_fashion_network_names_images_it_never_saw(clothes):
    images, labels = clothes
    found = extract(load_extractor("fashion-mnist", channels=1, height=28, width=28), images)
    assert (found.probabilities.argmax(1) == labels).mean() >= 0.91
    assert found.probabilities.sum(1) == pytest.approx(1, abs=1e-12)
    assert found.vectors.shape == (1000, 128)
    assert found.vectors.dtype == found.probabilities.dtype == np.float64


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_shipped_network_is_small_and_was_as_accurate_as_asked(name):
    facts = model_card(name)
    assert (FOLDER / f"{name}.safetensors").stat().st_size == facts["bytes"] <= MOST_BYTES
    assert facts["test_accuracy"] >= TARGETS[name]
    assert len(facts["classes"]) == CLASSIFIERS[name].classes
    assert facts["licence"]
    assert {tensor.dtype for tensor in load_file(FOLDER / f"{name}.safetensors").values()} == {torch.float16}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_results_and_the_card_say_the_same(name, results):
    assert results[name]["test_accuracy"] == model_card(name)["test_accuracy"]


@pytest.mark.parametrize("name", ["fashion-mnist", "random"])
def test_pieces_change_no_value(name, clothes):
    images, network = clothes[0][:300], load_extractor(name, channels=1, height=28, width=28)
    whole = extract(network, images)
    for sizes in ([1, 299], [256, 44], [60] * 5):
        pieces = np.split(images, np.cumsum(sizes)[:-1])
        found = extract(network, iter(pieces))
        assert np.array_equal(found.vectors, whole.vectors)
    assert np.array_equal(extract(network, images[:7]).vectors, whole.vectors[:7])


@pytest.mark.parametrize("name", ["fashion-mnist", "random"])
def test_order_changes_no_value(name, clothes):
    images, network = clothes[0][:300], load_extractor(name, channels=1, height=28, width=28)
    order = np.random.default_rng(0).permutation(300)
    assert np.array_equal(extract(network, images[order]).vectors, extract(network, images).vectors[order])


@pytest.mark.parametrize(("height", "width", "channels", "features"), [
    (28, 28, 1, 192), (32, 32, 3, 256), (96, 64, 4, 256), (4, 4, 1, 64), (5, 200, 3, 64)
])  # fmt: skip
def test_the_random_network_sees_any_image(height, width, channels, features):
    network = load_extractor("random", channels=channels, height=height, width=width)
    images = noise(3, height, width, channels)
    found = extract(network, images)
    assert found.vectors.shape == (3, features) == (3, network.width)
    assert found.probabilities is None
    assert np.isfinite(found.vectors).all()
    assert found.vectors.std(0).min() > 0, "a feature that says nothing"
    assert network.resize == "none"


def test_the_random_networks_weights_are_the_same_everywhere():
    network = load_extractor("random", channels=3, height=32, width=32)
    assert network.hash == load_extractor("random", channels=3, height=64, width=32).hash
    assert network.hash == "4f82fbff59c7f49e8eb158071111a3d766d7f06d750f23e5057b4b6195e439ee"


def test_every_other_random_filter_sees_no_brightness():
    sums = kernel(0, 3).flatten(1).sum(1)
    assert sums[::2].abs().max() < 1e-6
    assert sums[1::2].abs().min() > 1e-3


def test_scales_end_where_maps_would_be_smaller_than_four():
    assert [scales_of(InputShape(channels=1, height=side, width=99)) for side in (4, 7, 8, 28, 32, 99)] == [
        1, 1, 2, 3, 4, 4
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["fashion-mnist", "random"])
@pytest.mark.parametrize("spoil", ["blur", "noise", "salt and pepper"])
def test_features_move_further_the_more_images_are_spoilt(name, spoil, clothes):
    images, network = clothes[0][:256], load_extractor(name, channels=1, height=28, width=28)
    clean = extract(network, images).vectors
    moved = [
        np.square(extract(network, spoilt(images, spoil, strength)).vectors - clean).mean() for strength in (1, 2, 4)
    ]
    assert 0 < moved[0] < moved[1] < moved[2]


def spoilt(images, how, strength):
    rng, pixels = np.random.default_rng(0), images.astype(np.float64)
    if how == "noise":
        pixels += rng.normal(0, 10 * strength, pixels.shape)
    elif how == "blur":
        for _ in range(strength):
            for axis in (1, 2):
                pixels = (np.roll(pixels, 1, axis) + 2 * pixels + np.roll(pixels, -1, axis)) / 4
    else:
        pixels = np.where(rng.random(pixels.shape) < 0.02 * strength, rng.choice([0, 255], pixels.shape), pixels)
    return pixels.round().clip(0, 255).astype(np.uint8)


def test_images_of_another_size_are_resized_and_it_is_said(clothes):
    images, labels = clothes
    large = np.repeat(np.repeat(images[:300], 2, 1), 2, 2)
    network = load_extractor("fashion-mnist", channels=1, height=56, width=56)
    assert network.resize == "bicubic antialiased to 28x28"
    assert network.hash == load_extractor("fashion-mnist", channels=1, height=28, width=28).hash
    assert (extract(network, large).probabilities.argmax(1) == labels[:300]).mean() > 0.85


def test_grey_images_are_repeated_for_a_network_of_colours():
    grey = load_extractor("cifar10", channels=1, height=32, width=32)
    assert grey.resize == "grey repeated to RGB"
    images = noise(2, 32, 32, 1)
    coloured = load_extractor("cifar10", channels=3, height=32, width=32)
    assert coloured.resize == "none"
    assert np.array_equal(extract(grey, images).vectors, extract(coloured, images.repeat(3, 3)).vectors)


def test_colour_is_not_thrown_away():
    with pytest.raises(UsageError, match="'mnist' take images of 1 channel, these have 3; use the features 'random'"):
        load_extractor("mnist", channels=3, height=28, width=28)
    with pytest.raises(UsageError, match="'cifar10' take images of 3 channels, these have 4"):
        load_extractor("cifar10", channels=4, height=32, width=32)


def test_a_mistyped_name_is_helped():
    with pytest.raises(UsageError, match=r"unknown features 'mnsit'\. Did you mean 'mnist'\?"):
        load_extractor("mnsit", channels=1, height=28, width=28)


def test_images_too_small_are_refused():
    with pytest.raises(UsageError, match=r"at least 4x4 pixels; these are 3x28 with 1\."):
        load_extractor("random", channels=1, height=3, width=28)


@pytest.mark.parametrize(("data", "name"), [
    ("mnist", "mnist"), ("mnist[0,1]", "mnist"), ("cifar10[ship]", "cifar10"), ("fashion-10k", "fashion-mnist"),
    ("svhn", "random"), ("my/images", "random")
])  # fmt: skip
def test_each_set_has_its_features(data, name):
    assert default_features(data) == name
    assert name in NAMES


@pytest.mark.parametrize("images", [
    np.zeros((2, 28, 28, 1), np.float32), np.zeros((2, 1, 28, 28), np.uint8), np.zeros((2, 28, 28), np.uint8)
])  # fmt: skip
def test_other_arrays_are_refused(images):
    with pytest.raises(ValueError, match=r"uint8 images \(N, 28, 28, 1\), got"):
        extract(load_extractor("random", channels=1, height=28, width=28), images)


def test_no_images_are_refused():
    with pytest.raises(ValueError, match="features need at least one image"):
        extract(load_extractor("random", channels=1, height=28, width=28), np.zeros((0, 28, 28, 1), np.uint8))


def test_chunks_are_smaller_for_larger_images():
    sizes = [chunk_size(load_extractor("random", channels=3, height=side, width=side)) for side in (32, 256, 2048)]
    assert sizes == [256, 16, 1]


def test_what_the_caller_computes_in_changes_no_value():
    network, images = load_extractor("mnist", channels=1, height=28, width=28), noise(4, 28, 28, 1)
    alone = extract(network, images)
    with torch.autocast("cpu", torch.bfloat16):
        assert np.array_equal(extract(network, images).vectors, alone.vectors)


def test_changed_weights_are_noticed(tmp_path, monkeypatch):
    for suffix in ("json", "safetensors"):
        shutil.copy(FOLDER / f"mnist.{suffix}", tmp_path)
    weights = load_file(tmp_path / "mnist.safetensors")
    weights["head.bias"][0] += 1
    save_file(weights, tmp_path / "mnist.safetensors")
    monkeypatch.setattr(classifiers, "FOLDER", tmp_path)
    with pytest.raises(DataError, match="is not the file that came with gansmith"):
        load_extractor("mnist", channels=1, height=28, width=28)


@pytest.mark.parametrize("name", ["inception", "dinov2"])
def test_absent_weights_are_named_with_the_command_that_fetches_them(name):
    with pytest.raises(DataError, match=f"'{name}' need their published weights: run gansmith features get {name}"):
        load_extractor(name, channels=3, height=32, width=32)


def test_weights_that_are_not_taken_are_refused(tmp_path):
    with pytest.raises(UsageError, match="'mnist' come with gansmith and take no weights"):
        load_extractor("mnist", channels=1, height=28, width=28, weights=tmp_path / "x.safetensors")


def test_pickled_weights_are_not_opened(tmp_path):
    for name, old in (("new.pth", False), ("old.pth", True)):
        torch.save({"fc.weight": torch.zeros(2)}, tmp_path / name, _use_new_zipfile_serialization=not old)
        with pytest.raises(DataError, match="is a pickled file, and reading it would run code from it"):
            load_extractor("dinov2", channels=3, height=32, width=32, weights=tmp_path / name)


@pytest.mark.parametrize("name", ["inception", "dinov2"])
def test_other_weights_are_refused(name, tmp_path):
    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(DataError, match="does not hold the weights of"):
        load_extractor(name, channels=3, height=32, width=32, weights=tmp_path / "other.safetensors")
    (tmp_path / "half.safetensors").write_bytes((tmp_path / "other.safetensors").read_bytes()[:-3])
    with pytest.raises(DataError, match="is damaged or no safetensors file"):
        load_extractor(name, channels=3, height=32, width=32, weights=tmp_path / "half.safetensors")
    with pytest.raises(DataError, match="does not exist"):
        load_extractor(name, channels=3, height=32, width=32, weights=tmp_path / "absent.safetensors")


def test_dinov2_takes_a_file_of_its_tensors(tmp_path):
    torch.manual_seed(0)
    network = Transformer(64, 2, 37)
    state = {name: torch.randn_like(tensor) * 0.05 for name, tensor in network.state_dict().items()}
    save_file({**state, "mask_token": torch.zeros(1, 64)}, tmp_path / "vit.safetensors")
    found = load_extractor("dinov2", channels=1, height=28, width=28, weights=tmp_path / "vit.safetensors")
    assert found.resize == "grey repeated to RGB, bicubic antialiased to 224x224"
    vectors = extract(found, noise(2, 28, 28, 1)).vectors
    assert vectors.shape == (2, 64)
    assert np.abs(vectors[0] - vectors[1]).max() > 0
    state["norm.bias"][3] = torch.nan
    save_file(state, tmp_path / "vit.safetensors")
    with pytest.raises(DataError, match=r"weights that are not finite, in norm\.bias"):
        load_extractor("dinov2", channels=1, height=28, width=28, weights=tmp_path / "vit.safetensors")


def test_inception_has_the_published_tensors():
    with torch.device("meta"):
        network = Inception()
    state = network.state_dict()
    assert len(state) == 564  # of the published 566, the last layer's two are not used
    # Keras counts 21,802,784 numbers in its Inception without the last layer, and its norms have no 17,216 scales.
    assert sum(tensor.numel() for name, tensor in state.items() if "num_batches" not in name) == 21_802_784 + 17_216
    assert state["Mixed_7c.branch3x3dbl_3b.conv.weight"].shape == (384, 384, 3, 1)


def test_tensorflow_1_lays_the_first_pixels_on_each_other():
    row = torch.tensor([0.0, 3.0, 9.0]).reshape(1, 1, 1, 3)
    assert tensorflow_resized(row, 6)[0, 0, 0].tolist() == [0, 1.5, 3, 6, 9, 9]
