"""What the networks that fit any image promise besides what every pair does."""

import pytest
import torch
from torch.autograd import gradgradcheck
from torch.func import functional_call

from gansmith.models.base import Spec, model_config
from gansmith.nn.init import init_weights
from gansmith.nn.summary import multiply_adds, summarize
from gansmith.rng import stream

NAMES = ["thin-dcgan", "residual"]
SIDES = [(16, 16), (17, 19), (28, 28), (32, 32), (37, 50), (50, 37), (45, 80), (96, 64), (128, 128), (16, 256), (8, 9)]
LATENTS = 6


def spec_of(channels=1, height=28, width=28, classes=0, latents=LATENTS):
    return Spec(channels=channels, height=height, width=width, latents=latents, num_classes=classes)


def made(name, spec, width=8):
    pair = model_config({"name": name, "width": width}).networks(spec)
    init_weights(pair.G, stream(0, "G", 0))
    init_weights(pair.D, stream(0, "D", 0))
    return pair


def stirred(network):
    """In float64, every parameter moved a little: nothing that starts at zero stays there."""
    for number, parameter in enumerate(network.parameters()):
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=stream(0, f"stir/{number}", 0))
    return network.double()


def latents(num, size=LATENTS):
    return torch.randn(num, size, generator=stream(0, "z", 0))


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("sides", SIDES, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_any_size_and_number_of_channels_is_met(name, sides, channels):
    spec = spec_of(channels, *sides)
    with torch.device("meta"):
        pair = model_config({"name": name}).networks(spec)
        images = pair.G(torch.empty(2, LATENTS))
        assert images.shape == (2, channels, *sides)
        assert pair.D(images).shape == (2,)


@pytest.mark.parametrize("sides", SIDES, ids=str)
@pytest.mark.parametrize(("name", "least", "most"), [("thin-dcgan", 4, 8), ("residual", 4, 7)])
def test_the_first_image_has_4_to_8_pixels_on_its_shorter_side(name, least, most, sides):
    with torch.device("meta"):
        pair = model_config({"name": name}).networks(spec_of(1, *sides))
    height, width, _ = next(row.shape for row in summarize(pair.G, (LATENTS,)).layers if len(row.shape) == 3)
    assert least <= min(height, width) <= most


# For 64 latents and the default width: total and trainable parameters, and multiply-adds of an image, of G and of D
PINNED = {
    ("thin-dcgan", (1, 28, 28)): ((310_417, 310_193, 7_890_944), (109_281, 109_281, 2_885_632)),
    ("thin-dcgan", (3, 64, 64)): ((945_555, 945_075, 60_316_672), (429_921, 429_921, 22_544_384)),
    ("residual", (1, 28, 28)): ((176_160, 176_160, 23_114_240), (168_097, 168_097, 23_190_720)),
    ("residual", (3, 64, 64)): ((377_824, 377_824, 129_179_648), (369_761, 369_761, 129_705_984)),
}


@pytest.mark.parametrize(("name", "shape"), PINNED)
def test_parameters_and_multiply_adds_are_as_pinned(name, shape):
    with torch.device("meta"):
        pair = model_config({"name": name}).networks(spec_of(*shape, latents=64))
    found = []
    for network, given in ((pair.G, (64,)), (pair.D, shape)):
        table = summarize(network, given)
        found.append((table.total, table.trainable, multiply_adds(network, given)))
    assert tuple(found) == PINNED[name, shape]


@pytest.mark.parametrize("name", NAMES)
def test_twice_the_width_is_about_four_times_the_work(name):
    work = []
    for width in (32, 64):
        with torch.device("meta"):
            pair = model_config({"name": name, "width": width}).networks(spec_of())
        work.append(multiply_adds(pair.G, (LATENTS,)))
    assert 2 < work[1] / work[0] < 4  # grouped convolutions, and those to pixels, grow less


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("name", NAMES)
def test_in_bf16_images_and_logits_are_near_those_of_fp32(name, classes):
    pair = made(name, spec_of(3, 24, 40, classes), width=16)
    z, labels = latents(8), (torch.arange(8) % 3,) if classes else ()
    images = pair.G(z, *labels)
    logits = pair.D(images, *labels)
    with torch.autocast("cpu", torch.bfloat16):
        rough = pair.G(z, *labels), pair.D(images, *labels)
    for exact, near in zip((images, logits), rough, strict=True):
        assert (near - exact).norm() < 0.02 * exact.norm()
    assert rough[1].dtype == torch.float32, "a difference of logits needs its digits"


def test_thin_images_are_in_range_whatever_the_weights():
    pair = made("thin-dcgan", spec_of())
    pair.G.layers[-2].weight.data *= 1000
    images = pair.G(latents(4))
    assert images.abs().max() == 1


def test_residual_images_have_no_bounds():
    pair = made("residual", spec_of())
    pair.G.layers[-1].weight.data *= 1000
    assert pair.G(latents(4)).abs().max() > 2


def differentiated_twice(network, *inputs, labels=()):
    """Whether second derivatives for inputs and parameters are those of finite differences."""
    names = [name for name, _ in network.named_parameters()]
    parameters = [parameter.detach().requires_grad_() for parameter in network.parameters()]

    def outputs(x, *weights):
        return functional_call(network, dict(zip(names, weights, strict=True)), (x, *labels))

    return gradgradcheck(outputs, (*(x.double().requires_grad_() for x in inputs), *parameters), fast_mode=True)


@pytest.mark.parametrize(("sides", "classes"), [((8, 8), 0), ((9, 11), 3)], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_discriminators_can_be_differentiated_twice(name, sides, classes):
    pair = made(name, spec_of(1, *sides, classes))
    images = torch.randn(2, 1, *sides, generator=stream(0, "images", 0))
    assert differentiated_twice(stirred(pair.D), images, labels=(torch.tensor([2, 0]),) if classes else ())


@pytest.mark.parametrize("name", NAMES)
def test_generators_can_be_differentiated_twice(name):
    pair = made(name, spec_of(1, 9, 11, classes=3))
    assert differentiated_twice(stirred(pair.G).eval(), latents(2), labels=(torch.tensor([2, 0]),))


@pytest.mark.parametrize("name", NAMES)
def test_labels_reach_images_and_logits(name):
    pair = made(name, spec_of(classes=3))
    G, D = stirred(pair.G).eval(), stirred(pair.D)
    z, one, other = latents(2).double(), torch.tensor([0, 0]), torch.tensor([1, 1])
    images = G(z, one)
    assert not torch.allclose(images, G(z, other), atol=1e-3)
    assert not torch.allclose(D(images, one), D(images, other), atol=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_every_parameter_of_a_conditional_pair(name):
    pair = made(name, spec_of(classes=3))
    labels = torch.tensor([2, 0, 1])
    pair.D(pair.G(latents(3), labels), labels).sum().backward()
    for network in (pair.G, pair.D):
        for parameter_name, parameter in network.named_parameters():
            assert parameter.grad is not None, parameter_name
            assert parameter.grad.isfinite().all(), parameter_name


@pytest.mark.parametrize("name", NAMES)
def test_a_image_is_judged_by_itself(name):
    """No norm in D: a penalty on the gradient of one image is that image's own."""
    D = made(name, spec_of()).D
    images = torch.randn(4, 1, 28, 28, generator=stream(0, "images", 0))
    torch.testing.assert_close(D(images)[:1], D(images[:1]), rtol=1e-4, atol=1e-5)
