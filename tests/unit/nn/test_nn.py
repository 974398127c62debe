import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import pad
from torch.testing import assert_close

from gansmith.nn.conv import Conv2dSame, ConvTranspose2dSame, same_padding
from gansmith.nn.dropout import Dropout, drawing_from, kept_from_words
from gansmith.nn.ema import ema_decay, ema_update
from gansmith.nn.init import init_weights, leaky_gain, normal_kernel, scaled_kernel
from gansmith.nn.modes import eval_mode, frozen
from gansmith.nn.norm import BatchNorm
from gansmith.nn.stack import Stack
from gansmith.nn.summary import multiply_adds, summarize
from gansmith.nn.upsample import SubPixelConv2d, UpsampleConv2d, fold_upsampling
from gansmith.rng import stream


def filled(layer, clock=0):
    """The layer in float64 with normal weights."""
    for number, parameter in enumerate(layer.parameters()):
        with torch.no_grad():
            parameter.copy_(torch.randn(parameter.shape, generator=stream(0, f"weights/{number}", clock)))
    return layer.double()


def normal(*shape, name="x"):
    return torch.randn(*shape, generator=stream(0, name, 0), dtype=torch.float64)


def slowly(fast):
    """The reference of a fast layer."""
    reference = copy.deepcopy(fast)
    reference.fast = False
    return reference


def assert_same_values_and_gradients(fast, reference):
    """In float64, on images of 3 channels; those of 8x12 can be cut into blocks, those of 5x6 cannot."""
    for sides in ((8, 12), (5, 6)):
        _assert_same(fast, reference, normal(2, 3, *sides))


def values_and_gradients(layer, images):
    """What comes out, and the gradients of its sum of squares for the images, the weight and the bias."""
    x = images.clone().requires_grad_()
    y = layer(x)
    return y, *torch.autograd.grad(y.to(x.dtype).square().sum(), (x, layer.weight, layer.bias))


def _assert_same(fast, reference, images):
    results = [values_and_gradients(layer, images) for layer in (fast, reference)]
    for mine, theirs in zip(*results, strict=True):
        assert_close(mine, theirs, rtol=1e-10, atol=1e-10)


# The table of the specification's §2.6
@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"),
    [
        (28, 5, 2, (1, 2)),
        (14, 5, 2, (1, 2)),
        (32, 5, 2, (1, 2)),
        (7, 5, 2, (2, 2)),
        (28, 5, 1, (2, 2)),
        (28, 4, 2, (1, 1)),
    ],
)
def test_same_padding_is_tensorflows(size, kernel, stride, padding):
    assert same_padding(size, kernel, stride) == padding


def test_same_convolution_pads_one_before_and_two_after():
    layer = filled(Conv2dSame(2, 3, 5, 2))
    x = normal(2, 2, 8, 8)
    expected = nn.functional.conv2d(pad(x, (1, 2, 1, 2)), layer.weight, layer.bias, 2)
    assert_close(layer(x), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("kernel", "stride"), [(5, 2), (4, 2), (5, 1), (3, 2)])
def test_transposed_convolution_is_the_adjoint_of_the_convolution(kernel, stride):
    down, up = filled(Conv2dSame(3, 2, kernel, stride)), filled(ConvTranspose2dSame(2, 3, kernel, stride))
    up.weight.data, up.bias.data, down.bias.data = down.weight.data, torch.zeros(3).double(), torch.zeros(2).double()
    x, y = normal(1, 3, 8, 8, name="x"), normal(1, 2, 8 // stride, 8 // stride, name="y")
    assert_close((down(x) * y).sum(), (x * up(y)).sum(), rtol=1e-12, atol=1e-12)


# Of these, one and three output channels are computed in phases where the stride is 2, one where it is 3.
@pytest.mark.parametrize(("kernel", "stride"), [(5, 2), (4, 2), (3, 2), (2, 2), (7, 2), (5, 3), (4, 3), (5, 1), (4, 1)])
@pytest.mark.parametrize("channels", [1, 3, 9])
def test_the_fast_transposed_convolution_equals_its_reference(kernel, stride, channels):
    fast = filled(ConvTranspose2dSame(3, channels, kernel, stride))
    assert_same_values_and_gradients(fast, slowly(fast))


# One output channel of stride 1 is computed in blocks of 4 x 4 pixels, three in blocks of 2 x 2.
@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (4, 1), (5, 1), (7, 1), (5, 2), (4, 2), (3, 2)])
@pytest.mark.parametrize("channels", [1, 3, 9])
def test_the_fast_convolution_equals_its_reference(kernel, stride, channels):
    fast = filled(Conv2dSame(3, channels, kernel, stride))
    assert_same_values_and_gradients(fast, slowly(fast))


@pytest.mark.parametrize(
    ("fast", "channels"),
    [
        (ConvTranspose2dSame(16, 1, 5, 2), 16),
        (ConvTranspose2dSame(16, 3, 5, 2), 16),
        (Conv2dSame(16, 3, 7), 16),
        (Conv2dSame(1, 16, 5, 2), 1),
        (UpsampleConv2d(16, 8, 5), 16),
    ],
    ids=["phases of 1", "phases of 3", "blocks", "gradient in phases", "folded"],
)
def test_in_bf16_fast_layers_err_no_more_than_their_references(fast, channels):
    exact, images = filled(fast), normal(8, channels, 8, 8)
    wanted = values_and_gradients(slowly(exact), images)
    errors = {}
    for name, layer in (("fast", exact), ("reference", slowly(exact))):
        with torch.autocast("cpu", torch.bfloat16):
            found = values_and_gradients(copy.deepcopy(layer).float(), images.float())
        errors[name] = sum(((a.double() - b).norm() / b.norm()) ** 2 for a, b in zip(found, wanted, strict=True))
    assert errors["fast"] <= 1.5 * errors["reference"]


def test_a_gradient_in_phases_has_a_gradient_itself():
    """Of a penalty on the gradient, as R1 is: Mescheder et al. 2018, arXiv:1801.04406."""
    fast = filled(Conv2dSame(3, 4, 5, 2))
    results = []
    for layer in (fast, slowly(fast)):
        x = normal(2, 3, 8, 8).requires_grad_()
        (gradient,) = torch.autograd.grad((layer(x) ** 3).sum(), x, create_graph=True)
        results.append(torch.autograd.grad(gradient.square().sum(), (x, layer.weight, layer.bias)))
    for mine, theirs in zip(*results, strict=True):
        assert_close(mine, theirs, rtol=1e-10, atol=1e-10)


def test_transposed_convolution_with_gaps_is_refused():
    with pytest.raises(ValueError, match="kernel=1 leaves gaps at stride=2"):
        ConvTranspose2dSame(1, 1, 1, 2)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
def test_folded_upsampling_equals_its_reference(kernel, transposed):
    fast = filled(UpsampleConv2d(3, 4, kernel, transposed=transposed))
    assert_same_values_and_gradients(fast, slowly(fast))


def test_transposed_upsampling_is_upsampling_and_a_transposed_convolution():
    layer = filled(UpsampleConv2d(3, 4, 5, transposed=True))
    after = ConvTranspose2dSame(3, 4, 5).double()
    after.load_state_dict(layer.state_dict())
    x = normal(2, 3, 5, 6)
    assert_close(layer(x), after(nn.functional.interpolate(x, scale_factor=2)), rtol=0, atol=1e-12)


def test_a_sub_pixel_convolution_can_be_any_folded_upsampling():
    upsampling, sub_pixel = filled(UpsampleConv2d(3, 4, 5)), SubPixelConv2d(3, 4, 3).double()
    with torch.no_grad():
        sub_pixel.weight.copy_(fold_upsampling(upsampling.weight))
        sub_pixel.bias.copy_(upsampling.bias.repeat_interleave(4))
    x = normal(2, 3, 5, 6)
    assert_close(sub_pixel(x), upsampling(x), rtol=1e-12, atol=1e-12)


def test_an_even_kernel_cannot_be_upsampled():
    with pytest.raises(ValueError, match="kernel=4 has no centre"):
        UpsampleConv2d(1, 1, 4)


@pytest.mark.parametrize("from_words", [True, False])
def test_dropout_drops_its_share_and_keeps_the_mean(from_words):
    layer, x = Dropout(0.4, from_words=from_words), torch.ones(1_000_000)
    with drawing_from(stream(0, "dropout", 0), layer):
        y = layer(x)
    assert abs((y == 0).double().mean().item() - 0.4) < 0.0015
    assert abs(y.double().mean().item() - 1) < 0.0025
    assert y.unique().tolist() == pytest.approx([0, 1 / 0.6])


def test_dropout_repeats_with_its_stream_and_is_off_in_inference_mode():
    layer, x = Dropout(0.5), torch.ones(999)
    draws = []
    for _ in range(2):
        with drawing_from(stream(0, "dropout", 7), layer):
            draws.append(layer(x))
    assert torch.equal(*draws)
    assert torch.equal(layer.eval()(x), x)


def test_dropout_without_a_stream_is_refused():
    with pytest.raises(ValueError, match="drawing_from"):
        Dropout(0.5)(torch.ones(3))


@pytest.mark.parametrize("rate", [0.02, 0.5, 0.98])
def test_every_decision_of_a_word_drops_the_same_share(rate):
    """torch's default range would leave the highest bit of one decision in four at zero."""
    kept = kept_from_words(torch.empty(400_000), rate, stream(0, "words", 0)).view(-1, 4)
    for decision in range(4):
        assert abs(kept[:, decision].double().mean().item() - (1 - rate)) < 0.006


def test_a_mask_is_laid_out_as_what_it_masks():
    x = torch.empty(2, 3, 4, 5).to(memory_format=torch.channels_last)
    assert kept_from_words(x, 0.5, stream(0, "words", 0)).stride() == x.stride()
    part = kept_from_words(torch.empty(2, 3, 5, 5)[:, :, :4], 0.5, stream(0, "words", 0))
    assert part.shape == (2, 3, 4, 5)
    assert part.is_contiguous()


def test_dropout_of_almost_everything_drops_almost_everything():
    kept = kept_from_words(torch.empty(10_000), 0.999999, stream(0, "words", 0))
    assert kept.double().mean().item() < 0.001


@pytest.mark.parametrize("shape", [(6, 3), (6, 3, 4, 5)])
def test_batch_norm_with_bessel_is_torchs_own(shape):
    mine = BatchNorm(3, decay=0.9, epsilon=1e-3, bessel=True).double()
    theirs = (nn.BatchNorm1d if len(shape) == 2 else nn.BatchNorm2d)(3, eps=1e-3, momentum=0.1).double()
    for clock in range(3):
        x = torch.randn(shape, generator=stream(0, "x", clock), dtype=torch.float64)
        assert_close(mine(x), theirs(x), rtol=0, atol=1e-12)
    assert_close(mine.running_var, theirs.running_var, rtol=0, atol=1e-12)
    assert_close(mine.eval()(x), theirs.eval()(x), rtol=0, atol=1e-12)


def test_batch_norm_without_bessel_keeps_the_biased_variance():
    layer, x = BatchNorm(3, decay=0.9, epsilon=1e-3, bessel=False).double(), normal(6, 3)
    layer(x)
    assert_close(layer.running_var, 0.9 + 0.1 * x.var(0, correction=0), rtol=0, atol=1e-12)


def test_batch_norm_without_bessel_can_go_backward_after_a_second_pass():
    layer, x = BatchNorm(3, decay=0.9, epsilon=1e-3, bessel=False).double(), normal(6, 3).requires_grad_()
    y = layer(x)
    layer(x)
    (gradient,) = torch.autograd.grad((y**3).sum(), x)
    assert gradient.abs().sum() > 0


def test_glorot_weights_fill_their_limits_and_repeat():
    def weights(seed):
        network = Stack(Conv2dSame(3, 5, 3), nn.Linear(7, 4))
        init_weights(network, stream(seed, "init", 0))
        return network.state_dict()

    first = weights(1)
    limit = (6 / ((3 + 5) * 9)) ** 0.5
    assert 0.9 * limit < first["layers.0.weight"].abs().max() <= limit
    assert not first["layers.0.bias"].any()
    assert all(torch.equal(a, b) for a, b in zip(first.values(), weights(1).values(), strict=True))
    assert not torch.equal(first["layers.1.weight"], weights(2)["layers.1.weight"])


def test_a_normal_kernel_has_its_standard_deviation_and_leaves_the_rest():
    marked, plain = normal_kernel(nn.Linear(300, 300), 0.02), nn.Linear(300, 300)
    init_weights(Stack(marked, plain), stream(1, "init", 0))
    assert abs(marked.weight.std().item() - 0.02) < 2e-4
    assert marked.weight.abs().max() > 0.06, "the law is not truncated"
    assert plain.weight.abs().max() <= math.sqrt(6 / 600)
    assert not marked.bias.any()


@pytest.mark.parametrize(
    ("layer", "shape"), [(nn.Linear(400, 300), (400,)), (nn.Conv2d(64, 64, 3, groups=4, padding=1), (64, 9, 9))]
)
def test_a_scaled_kernel_keeps_the_mean_square_times_its_gain(layer, shape):
    init_weights(scaled_kernel(layer, 2), stream(1, "init", 0))
    x = torch.randn(50, *shape, generator=stream(0, "x", 0))
    y = layer(x)[..., 1:-1, 1:-1] if len(shape) == 3 else layer(x)
    assert y.square().mean().sqrt().item() == pytest.approx(2, rel=0.05)


def test_a_gain_of_zero_makes_a_kernel_of_zeros():
    layer = nn.Linear(3, 4)
    init_weights(scaled_kernel(layer, 0), stream(1, "init", 0))
    assert not layer.weight.any()


def test_the_leaky_gain_puts_back_what_the_bend_takes():
    x = torch.randn(100_000, generator=stream(0, "x", 0))
    bent = nn.functional.leaky_relu(x, 0.2) * leaky_gain(0.2)
    assert bent.square().mean().item() == pytest.approx(1, rel=0.02)


def test_glorot_refuses_a_layer_it_has_no_rule_for():
    with pytest.raises(TypeError, match="no rule for the parameters of PReLU"):
        init_weights(Stack(nn.PReLU()), stream(0, "init", 0))


def test_a_weights_share_halves_over_the_half_life():
    share = 1.0
    for _ in range(10):
        share *= ema_decay(batch_size=100, half_life=1000, seen=10**9)
    assert share == pytest.approx(0.5)


def test_the_average_starts_as_the_network_itself():
    assert ema_decay(batch_size=100, half_life=1000, seen=0) == 0
    assert ema_decay(batch_size=100, half_life=1000, seen=200) < 0.01


def test_the_average_moves_weights_and_copies_statistics():
    network = Stack(nn.Linear(2, 2), BatchNorm(2, decay=0.5, epsilon=1e-3, bessel=True))
    average = copy.deepcopy(network)
    with torch.no_grad():
        network.layers[0].weight += 1
    network(torch.randn(5, 2, generator=stream(0, "x", 0)))
    before = average.layers[0].weight.clone()
    ema_update(average, network, decay=0.75)
    assert_close(average.layers[0].weight, before + 0.25)
    assert torch.equal(average.layers[1].running_mean, network.layers[1].running_mean)


def test_frozen_and_inference_mode_put_back_what_was_there():
    network = Stack(nn.Linear(2, 2), nn.Linear(2, 2))
    network.layers[0].requires_grad_(False).eval()

    def flags():
        return [p.requires_grad for p in network.parameters()], [m.training for m in network.modules()]

    before = flags()
    with frozen(network), eval_mode(network):
        assert not any(flags()[0] + flags()[1])
    assert flags() == before


def test_an_unconditional_network_refuses_labels():
    with pytest.raises(ValueError, match="unconditional"):
        Stack(nn.ReLU())(torch.zeros(1), labels=torch.zeros(1))


def test_the_summary_counts_moving_statistics_as_non_trainable():
    network = Stack(Conv2dSame(1, 4, 3, 2), BatchNorm(4, decay=0.9, epsilon=1e-3, bessel=True), nn.Flatten())
    table = summarize(network, (1, 5, 6))
    assert [(row.kind, row.shape, row.parameters) for row in table.layers] == [
        ("Conv2dSame", (3, 3, 4), 40),
        ("BatchNorm", (3, 3, 4), 16),
        ("Flatten", (36,), 0),
    ]
    assert (table.total, table.trainable, table.non_trainable) == (56, 48, 8)
    assert network.training


def test_multiply_adds_are_those_of_products_and_convolutions():
    network = Stack(nn.Linear(5, 12), nn.ReLU(), nn.Unflatten(1, (3, 2, 2)), nn.Conv2d(3, 7, 3, padding=1), nn.Tanh())
    assert multiply_adds(network, (5,)) == 5 * 12 + 3 * 7 * 9 * 4
    assert multiply_adds(network.to("meta"), (5,)) == 5 * 12 + 3 * 7 * 9 * 4


@settings(max_examples=30, deadline=None)
@given(size=st.integers(1, 40), kernel=st.integers(1, 7), stride=st.integers(1, 4))
def test_same_convolution_divides_the_size_rounding_up(size, kernel, stride):
    layer = filled(Conv2dSame(1, 1, kernel, stride))
    assert layer(torch.zeros(1, 1, size, size).double()).shape[2:] == (-(-size // stride),) * 2


def test_images_and_their_gradients_go_through_a_stack_channels_last():
    layouts = []

    class Watch(nn.Module):
        def forward(self, x):
            layouts.append(x.is_contiguous(memory_format=torch.channels_last))
            if x.requires_grad:
                x.register_hook(lambda g: layouts.append(g.is_contiguous(memory_format=torch.channels_last)))
            return x

    network = Stack(nn.Linear(7, 60), nn.Unflatten(1, (3, 4, 5)), Watch(), nn.ReLU(), nn.Flatten())
    network(normal(2, 7).float()).square().sum().backward()
    assert layouts == [True, True]
