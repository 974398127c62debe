import pytest
import torch
from torch.autograd import gradgradcheck
from torch.testing import assert_close

from gansmith.nn.init import init_weights
from gansmith.nn.resample import Double, Halve
from gansmith.nn.residual import Basis, OnBasis, ResidualBlock
from gansmith.rng import stream

SIDES = [(8, 8), (7, 8), (9, 5), (2, 3)]


def normal(*shape, name="x"):
    return torch.randn(*shape, generator=stream(0, name, 0), dtype=torch.float64)


def half(sides):
    return tuple(-(-side // 2) for side in sides)


@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize("layer", [Halve, Double])
def test_fast_resampling_equals_its_reference(layer, sides):
    make, shape = (Halve, sides) if layer is Halve else ((lambda fast: Double(*sides, fast=fast)), half(sides))
    results = []
    for fast in (True, False):
        x = normal(2, 3, *shape).requires_grad_()
        y = make(fast=fast)(x)
        (pull,) = torch.autograd.grad((y**3).sum(), x, create_graph=True)
        results.append((y, pull, *torch.autograd.grad(pull.square().sum(), x)))
    for mine, theirs in zip(*results, strict=True):
        assert_close(mine, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("sides", SIDES)
def test_doubling_is_four_times_the_transposed_map_of_halving(sides):
    large, small = normal(1, 2, *sides), normal(1, 2, *half(sides), name="y")
    assert_close((Double(*sides)(small) * large).sum(), 4 * (small * Halve()(large)).sum(), rtol=1e-12, atol=1e-12)


def test_doubling_keeps_pixels_and_puts_means_between_them():
    row = torch.tensor([[1.0, 3.0, 7.0]])[None, None]
    assert Double(1, 5)(row).flatten().tolist() == [1, 2, 3, 5, 7]


def test_halving_keeps_an_even_image_as_it_is_inside():
    assert Halve()(torch.ones(1, 1, 9, 9))[0, 0, 1:-1, 1:-1].eq(1).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_resampling_keeps_the_type_under_autocast(dtype):
    x = torch.ones(1, 2, 4, 4, dtype=dtype)
    with torch.autocast("cpu", torch.bfloat16):
        assert Halve()(x).dtype == Double(8, 8)(x).dtype == dtype


@pytest.mark.parametrize("layer", [Halve(), Double(5, 6)], ids=["halve", "double"])
def test_resampling_can_be_differentiated_twice(layer):
    assert gradgradcheck(lambda x: layer(x) ** 3, normal(1, 2, 3, 3).requires_grad_())


def test_a_block_starts_as_the_identity_and_does_not_stay_it():
    block, x = ResidualBlock(8, depth=3), normal(2, 8, 5, 5).float()
    init_weights(block, stream(0, "init", 0))
    assert torch.equal(block(x), x)
    (pull,) = torch.autograd.grad(block(x).square().sum(), block.narrow.weight)
    assert pull.abs().max() > 0


def test_a_deeper_row_of_blocks_starts_with_smaller_kernels():
    blocks = [ResidualBlock(32, depth) for depth in (1, 16)]
    for block in blocks:
        init_weights(block, stream(0, "init", 0))
    assert_close(blocks[0].mix.weight, 2 * blocks[1].mix.weight)


def test_the_basis_and_its_mirror_are_transposed_maps():
    there, back = Basis(4, 3, 5).double(), OnBasis(4, 3, 5).double()
    init_weights(there, stream(0, "init", 0))
    back.load_state_dict(there.state_dict())
    features, image = normal(2, 4), normal(2, 4, 3, 5, name="image")
    assert_close((there(features) * image).sum(), (features * back(image)).sum())
