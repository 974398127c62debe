import copy

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gansmith.checkpoints.load import load_checkpoint
from gansmith.checkpoints.manifest import find_checkpoint
from gansmith.checkpoints.save import save_checkpoint
from gansmith.engine import make_engine
from gansmith.nn.conv import Conv2dSame, ConvTranspose2dSame
from gansmith.nn.init import init_weights
from gansmith.nn.labels import Logit
from gansmith.nn.modes import eval_mode
from gansmith.nn.spectral import SpectralNorm, power_iteration
from gansmith.nn.stack import is_conditional
from gansmith.recipes import recipe
from gansmith.rng import stream
from gansmith.runs.run import create_run
from gansmith.training.batch import make_batch
from gansmith.training.loop import train_step
from gansmith.training.state import build
from gansmith.training.steps import discriminator_step
from tests.helpers.plain import PLAIN

ENGINE = make_engine("cpu", "fp32")


def normed(layer, iterations=0):
    made = SpectralNorm(layer)
    init_weights(made, stream(0, "init", 0))
    made.double()
    for _ in range(iterations):
        power_iteration(made)
    return made


def step(gan, small):
    shape = (small.batch_size, small.data.channels, small.data.height, small.data.width)
    pixels = torch.randint(0, 256, shape, generator=stream(0, "x", gan.seen)).to(torch.uint8)
    return train_step(gan, pixels, small, ENGINE)


def test_of_a_dense_layer_the_largest_singular_value_becomes_one():
    layer = nn.Linear(7, 5)
    made = normed(layer, iterations=200)
    x = torch.eye(7, dtype=torch.float64)
    matrix = made(x) - made(torch.zeros_like(x))
    assert_close(torch.linalg.matrix_norm(matrix, 2).item(), 1.0)
    assert_close(matrix.T, layer.weight / torch.linalg.matrix_norm(layer.weight, 2))


def test_of_a_convolution_it_is_that_of_the_kernel_as_a_matrix():
    layer = Conv2dSame(3, 4, 4, 2)
    made = normed(layer, iterations=300)
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64, generator=stream(0, "x", 0))
    sigma = torch.linalg.matrix_norm(layer.weight.flatten(1), 2)
    assert_close(made(x), layer(x) / sigma)


def test_of_a_logit_it_is_the_length_of_its_row():
    layer = Logit(6)
    made = normed(layer)
    x = torch.randn(3, 6, dtype=torch.float64, generator=stream(0, "x", 0))
    assert_close(made(x), x @ layer.weight[0] / layer.weight[0].norm())


def test_of_a_logit_with_classes_it_is_that_of_all_rows_and_no_class_is_steeper_than_the_root_of_two():
    layer = Logit(6, classes=4)
    made = normed(layer, iterations=300)
    assert is_conditional(made)
    x = torch.eye(6, dtype=torch.float64)
    sigma = torch.linalg.matrix_norm(layer.weight, 2)
    for label in range(4):
        slope = made(x, torch.full((6,), label))
        assert_close(slope, (layer.weight[0] + layer.weight[1 + label]) / sigma)
        assert slope.norm() <= 2**0.5


@pytest.mark.parametrize("layer", [nn.Linear(7, 5), Conv2dSame(3, 4, 4, 2), Logit(6), Logit(6, classes=4)])
def test_weights_and_directions_are_those_of_torchs_own_spectral_norm(layer):
    made = normed(layer)
    kernel = layer.weight.detach().flatten(1).clone()
    theirs = nn.Linear(kernel.shape[1], len(kernel), bias=False).double()
    theirs.weight = nn.Parameter(kernel)
    norm = nn.utils.parametrizations.spectral_norm(theirs).parametrizations.weight[0]
    norm._u, norm._v = made.u.clone(), nn.functional.normalize(kernel.T @ made.u, dim=0)
    for _ in range(3):
        theirs.eval()
        assert_close(theirs.weight, kernel / (kernel.T @ made.u).norm())
        theirs.train()
        _ = theirs.weight  # moves their direction by one iteration
        power_iteration(made)
        assert_close(norm._u, made.u)


def test_every_kernel_of_the_small_discriminator_is_divided():
    D = build(recipe(PLAIN, ["model.width=8", "batch_size=4", "model.spectral_norm=true"]), ENGINE).D
    kernels = [name for name, parameter in D.named_parameters() if parameter.dim() > 1]
    divided = [f"{name}.layer.weight" for name, layer in D.named_modules() if isinstance(layer, SpectralNorm)]
    assert kernels == divided


def test_the_gradient_takes_the_norm_for_a_function_of_the_weights():
    """W^T u over its own norm: u v^T is the derivative of sigma, as in the paper's eq. 12."""
    made = normed(nn.Linear(4, 3), iterations=3)
    x = torch.randn(6, 4, dtype=torch.float64, generator=stream(0, "x", 0))

    def output(weight):
        return torch.func.functional_call(made, {"layer.weight": weight}, x)

    assert torch.autograd.gradcheck(output, made.layer.weight.detach().clone().requires_grad_())
    assert torch.autograd.gradgradcheck(output, made.layer.weight.detach().clone().requires_grad_())


def test_a_forward_pass_moves_no_state_in_either_mode():
    made = normed(nn.Linear(4, 3))
    before = copy.deepcopy(made.state_dict())
    made(torch.ones(1, 4, dtype=torch.float64))
    with eval_mode(made):
        made(torch.ones(1, 4, dtype=torch.float64))
    assert all(torch.equal(tensor, before[name]) for name, tensor in made.state_dict().items())


def test_each_iteration_of_the_training_is_one_power_iteration():
    small = recipe(PLAIN, ["model.width=8", "batch_size=4", "model.spectral_norm=true"])
    gan = build(small, ENGINE)
    expected = copy.deepcopy(gan.D)
    power_iteration(expected)
    step(gan, small)
    norms = [layer for layer in gan.D.modules() if isinstance(layer, SpectralNorm)]
    assert len(norms) == 4
    for found, wanted in zip(norms, (x for x in expected.modules() if isinstance(x, SpectralNorm)), strict=True):
        assert torch.equal(found.u, wanted.u)


def test_a_kernel_of_zeros_stays_finite_in_its_direction():
    made = normed(nn.Linear(4, 3))
    with torch.no_grad():
        made.layer.weight.zero_()
    power_iteration(made)
    assert made.u.isfinite().all()


@pytest.mark.parametrize("layer", [nn.ReLU(), ConvTranspose2dSame(2, 3, 4, 2)])
def test_a_layer_whose_rows_are_not_its_output_channels_is_refused(layer):
    with pytest.raises(TypeError, match=rf"^{type(layer).__name__} has no kernel of one row for each output channel"):
        SpectralNorm(layer)


def test_checkpoints_carry_the_direction_and_go_on_exactly(tmp_path):
    small = recipe(PLAIN, ["model.width=8", "batch_size=4", "precision=fp32", "model.spectral_norm=true"])
    gan, run = build(small, ENGINE), create_run(tmp_path, "small")
    for _ in range(3):
        step(gan, small)
    save_checkpoint(run, gan, small)
    again = build(small, ENGINE)
    load_checkpoint(find_checkpoint(run).folder, again)
    for _ in range(2):
        step(gan, small)
        step(again, small)
    for name, tensor in gan.D.state_dict().items():
        assert torch.equal(tensor, again.D.state_dict()[name]), name


def test_a_batch_in_parts_sees_one_and_the_same_norm():
    after = []
    for parts in (1, 2):
        small = recipe("fashion-mlp", ["batch_size=4", f"microbatches={parts}"])
        gan = build(small, ENGINE)
        dense = next(number for number, layer in enumerate(gan.D.layers) if isinstance(layer, nn.Linear))
        gan.D.layers[dense] = SpectralNorm(gan.D.layers[dense])
        pixels = torch.randint(0, 256, (4, 1, 28, 28), generator=stream(0, "x", 0)).to(torch.uint8)
        values = discriminator_step(gan, make_batch(small, 0, pixels, ENGINE), small.objective, ENGINE)
        after.append([values["loss/d"], *(parameter.grad for parameter in gan.D.parameters())])
    assert_close(*after, rtol=1e-4, atol=1e-6)
