import numpy as np
import pytest
import torch
from torch import nn

from gansmith.errors import DataError, UsageError
from gansmith.interop.keras import dump, expected, load
from gansmith.nn.conv import Conv2dSame, ConvTranspose2dSame
from gansmith.nn.norm import BatchNorm
from gansmith.nn.stack import Stack
from gansmith.nn.upsample import UpsampleConv2d
from gansmith.rng import stream


def norm(features):
    return BatchNorm(features, decay=0.9, epsilon=1e-3, bessel=False)


def generator():
    """Every kind of layer that a generator may have, from 4 latents to 3 channels of 4 by 6."""
    return Stack(
        nn.Linear(4, 36),
        norm(36),
        nn.ReLU(),
        nn.Unflatten(1, (6, 2, 3)),
        UpsampleConv2d(6, 5, 3, transposed=True),
        norm(5),
        UpsampleConv2d(5, 4, 3),
        ConvTranspose2dSame(4, 3, 5, 2),
    )


def discriminator():
    return Stack(Conv2dSame(3, 4, 5, 2), nn.Conv2d(4, 2, 2), nn.Flatten(), nn.Linear(6, 5), norm(5), nn.Linear(5, 1))


def filled(network):
    with torch.no_grad():
        for number, tensor in enumerate(network.state_dict().values()):
            tensor.copy_(torch.rand(tensor.shape, generator=stream(0, "test", number)))
    return network


NETWORKS = pytest.mark.parametrize("make", [generator, discriminator])


@NETWORKS
def test_dump_and_load_are_inverse_to_the_bit(make):
    network, other = filled(make()), make()
    load(other, dump(network))
    for name, tensor in network.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor), name
    for mine, again in zip(dump(network), dump(other), strict=True):
        np.testing.assert_array_equal(mine, again)


@NETWORKS
def test_what_is_expected_is_what_is_dumped(make):
    network = make()
    shapes = [shape for layer in expected(network) for _, shape in layer.weights]
    assert shapes == [array.shape for array in dump(network)]


def test_layers_are_named_and_shaped_as_keras_does():
    layers = [(layer.kind, layer.description, layer.weights[0]) for layer in expected(generator())]
    assert layers == [
        ("Dense", "layer 1 (Linear 4→36)", ("kernel", (4, 36))),
        ("BatchNormalization", "layer 2 (BatchNorm of 36 features)", ("gamma", (36,))),
        ("Conv2DTranspose", "layer 3 (UpsampleConv2d 6→5 kernel 3)", ("kernel", (3, 3, 5, 6))),
        ("BatchNormalization", "layer 4 (BatchNorm of 5 features)", ("gamma", (5,))),
        ("Conv2D", "layer 5 (UpsampleConv2d 5→4 kernel 3)", ("kernel", (3, 3, 5, 4))),
        ("Conv2DTranspose", "layer 6 (ConvTranspose2dSame 4→3 kernel 5)", ("kernel", (5, 5, 3, 4))),
    ]
    names = [name for name, _ in expected(generator())[1].weights]
    assert names == ["gamma", "beta", "moving_mean", "moving_variance"]


def test_features_that_become_a_image_are_put_channels_last():
    network = Stack(nn.Linear(1, 12), norm(12), nn.Dropout(), nn.Unflatten(1, (2, 2, 3)), nn.Conv2d(2, 1, 1))
    image = torch.arange(12.0).reshape(2, 2, 3)
    with torch.no_grad():
        for tensor in (network.layers[0].weight, network.layers[0].bias, network.layers[1].running_mean):
            tensor.copy_(image.reshape(tensor.shape))
    kernel, bias, _, _, mean, *_ = dump(network)
    channels_last = image.permute(1, 2, 0).flatten().numpy()
    for array in (kernel[0], bias, mean):
        np.testing.assert_array_equal(array, channels_last)


def test_features_that_were_a_image_are_put_channels_last_and_no_others():
    network = Stack(nn.Conv2d(3, 2, 1), nn.Flatten(), norm(12), nn.Linear(12, 12), nn.Linear(12, 1), nn.Flatten(0))
    image = torch.arange(12.0).reshape(2, 2, 3)
    with torch.no_grad():
        for tensor in (network.layers[2].bias, network.layers[3].weight[5], network.layers[4].weight[0]):
            tensor.copy_(image.flatten())
    _, _, _, beta, _, _, first, _, second, _ = dump(network)
    channels_last = image.permute(1, 2, 0).flatten().numpy()
    np.testing.assert_array_equal(beta, channels_last)
    np.testing.assert_array_equal(first[:, 5], channels_last)
    np.testing.assert_array_equal(second[:, 0], np.arange(12))


def test_a_image_flattened_at_once_is_grey_or_has_to_be_said():
    grey, colour = Stack(nn.Flatten(), nn.Linear(784, 1)), Stack(nn.Flatten(), nn.Linear(12, 1))
    filled(grey)
    filled(colour)
    np.testing.assert_array_equal(dump(grey)[0], grey.layers[1].weight.detach().numpy().T)
    with pytest.raises(UsageError, match="12 features may be a grey image or one in colour"):
        dump(colour)
    ours = colour.layers[1].weight.detach().numpy().reshape(3, 4)
    np.testing.assert_array_equal(dump(colour, channels=3)[0].reshape(4, 3), ours.T)


@pytest.mark.parametrize("dtype", [">f4", "<f4", "float16", "float64"])
def test_arrays_of_other_floats_and_byte_orders_are_converted(dtype):
    network, other = filled(generator()), generator()
    load(other, [array.astype(dtype) for array in dump(network)])
    for name, tensor in network.state_dict().items():
        expectation = tensor.half().float() if dtype == "float16" else tensor
        assert torch.equal(other.state_dict()[name], expectation), name


def replaced(arrays, index, array):
    return [*arrays[:index], array, *arrays[index + 1 :]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda arrays: replaced(arrays, 6, np.zeros((3, 3, 6, 5))),
            "layer 3 (UpsampleConv2d 6→5 kernel 3) wants kernel (3, 3, 5, 6), got (3, 3, 6, 5).",
        ),
        (
            lambda arrays: replaced(arrays, 5, np.zeros(36, int)),
            "layer 2 (BatchNorm of 36 features) wants moving_variance in floats of 16 to 64 bits, got int64.",
        ),
        (
            lambda arrays: replaced(arrays, 1, np.array(["0"] * 36, dtype=object)),
            "layer 1 (Linear 4→36) wants bias in floats of 16 to 64 bits, got object.",
        ),
        (
            lambda arrays: arrays[:-1],
            "the network wants 16 arrays, got 15: layer 6 (ConvTranspose2dSame 4→3 kernel 5) is left without its bias.",
        ),
        (
            lambda arrays: [*arrays, arrays[0]],
            "the network wants 16 arrays, got 17: it ends with layer 6 (ConvTranspose2dSame 4→3 kernel 5).",
        ),
    ],
)
def test_a_mismatch_names_the_layer_and_changes_nothing(change, message):
    network = filled(generator())
    before = dump(network)
    with pytest.raises(DataError) as caught:
        load(network, change([array + 1 for array in before]))
    assert str(caught.value) == message
    for mine, again in zip(before, dump(network), strict=True):
        np.testing.assert_array_equal(mine, again)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (Stack(nn.Linear(2, 2), nn.BatchNorm1d(2)), "there is no rule for the weights of BatchNorm1d in Keras."),
        (nn.TransformerEncoderLayer(4, 2), "only a plain chain of layers has a counterpart in Keras"),
    ],
)
def test_networks_without_a_counterpart_are_refused(network, message):
    with pytest.raises(UsageError, match=message):
        expected(network)


def test_dumped_arrays_are_copies():
    network = filled(discriminator())
    for array in dump(network):
        array.fill(7)
    assert all((tensor != 7).all() for tensor in network.state_dict().values())
