"""Gradient penalties: closed forms, second derivatives, and how a recipe's steps use them."""

import copy

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gansmith.engine import make_engine
from gansmith.errors import RecipeError
from gansmith.nn.conv import Conv2dSame
from gansmith.nn.stack import Stack
from gansmith.objectives.penalties import PENALTIES, penalty_of, slope_norms, uniform_shape
from gansmith.planning import trial
from gansmith.recipes import recipe
from gansmith.rng import stream
from gansmith.training.batch import make_batch
from gansmith.training.loop import train_step
from gansmith.training.state import build
from gansmith.training.steps import discriminator_step
from tests.helpers.plain import PLAIN

ENGINE = make_engine("cpu", "fp32")
SHAPE = (5, 2, 3, 4)


def noise(name, shape=SHAPE):
    return torch.randn(shape, dtype=torch.float64, generator=stream(0, name, 0))


def linear(weight):
    return lambda images, _kind: images.flatten(1) @ weight.flatten()


def quadratic(matrix):
    """x^T A x / 2, A symmetric: the slope at x is A x."""
    return lambda images, _kind: (images.flatten(1) @ matrix * images.flatten(1)).sum(1) / 2


def uniform(name, real):
    shape = uniform_shape(PENALTIES[name], real)
    return torch.rand(shape, dtype=torch.float64, generator=stream(0, "uniform", 0))


def symmetric():
    matrix = noise("matrix", (24, 24))
    return matrix + matrix.T


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("r1", lambda norm: norm**2 / 2),
        ("r2", lambda norm: norm**2 / 2),
        ("r1+r2", lambda norm: norm**2),
        ("wgan-gp", lambda norm: (norm - 1) ** 2),
        ("dragan", lambda norm: (norm - 1) ** 2),
    ],
)
def test_of_a_linear_critic_a_penalty_depends_on_the_norm_of_its_weights_alone(name, expected):
    weight, real, fake = noise("weight", (24,)), noise("real"), noise("fake")
    found = penalty_of(PENALTIES[name], linear(weight), real, fake, uniform(name, real))
    assert_close(found, expected(weight.norm()).expand(5))


@pytest.mark.parametrize("name", PENALTIES)
def test_of_a_quadratic_critic_a_penalty_is_that_of_a_times_x_at_its_images(name):
    matrix, real, fake = symmetric(), noise("real"), noise("fake")
    numbers = uniform(name, real)

    def norms(images):
        return (images.flatten(1) @ matrix).norm(dim=1)

    deviations = torch.stack([image.std() for image in real]).view(5, 1, 1, 1)
    expected = {
        "r1": lambda: norms(real) ** 2 / 2,
        "r2": lambda: norms(fake) ** 2 / 2,
        "r1+r2": lambda: (norms(real) ** 2 + norms(fake) ** 2) / 2,
        "wgan-gp": lambda: (norms((1 - numbers) * real + numbers * fake) - 1) ** 2,
        "dragan": lambda: (norms(real + deviations / 2 * numbers) - 1) ** 2,
    }
    assert_close(penalty_of(PENALTIES[name], quadratic(matrix), real, fake, numbers), expected[name]())


@pytest.mark.parametrize("name", PENALTIES)
def test_the_gradient_of_a_penalty_for_the_weights_is_right(name):
    real, fake = noise("real"), noise("fake")
    numbers = uniform(name, real)

    def penalty(weight, second):
        def critic(images, _kind):
            return torch.tanh(images.flatten(1) @ weight) @ second

        return penalty_of(PENALTIES[name], critic, real, fake, numbers)

    weights = noise("weight", (24, 6)).requires_grad_(), noise("second", (6,)).requires_grad_()
    assert torch.autograd.gradcheck(penalty, weights)


def test_a_flat_critic_has_slope_zero_and_finite_gradients():
    weight = torch.zeros(24, dtype=torch.float64, requires_grad=True)
    norms = slope_norms(linear(weight), noise("real"), "real")
    assert norms.tolist() == [0] * 5
    (gradient,) = torch.autograd.grad((norms - 1).square().sum(), weight)
    assert gradient.isfinite().all()


def test_every_penalty_says_where_it_comes_from():
    assert all("arXiv:" in penalty.source for penalty in PENALTIES.values())


def test_slopes_are_in_full_precision_whatever_autocast_says():
    weight = torch.nn.Linear(24, 1, bias=False)
    images = noise("real").float()
    with torch.autocast("cpu", torch.bfloat16):
        norms = slope_norms(lambda x, _kind: weight(x.flatten(1))[:, 0], images, "real")
    assert norms.dtype == torch.float32
    assert_close(norms, weight.weight.norm().expand(5), rtol=1e-6, atol=0)


@pytest.mark.parametrize(("kernel", "stride", "channels"), [(4, 2, 1), (5, 2, 3), (3, 2, 1), (5, 1, 1), (3, 1, 3)])
def test_the_fast_convolutions_of_d_have_the_second_derivatives_of_the_reference(kernel, stride, channels):
    found = []
    for fast in (True, False):
        layer = Conv2dSame(channels, 4, kernel, stride, fast=fast).double()
        with torch.no_grad():
            layer.weight.copy_(noise("kernel", layer.weight.shape))
            layer.bias.copy_(noise("bias", (4,)))
        D = Stack(layer, nn.Softplus(), nn.Flatten(), nn.Linear(4 * (8 // stride) * (12 // stride), 1).double())
        with torch.no_grad():
            D.layers[3].weight.copy_(noise("dense", D.layers[3].weight.shape))
        norms = slope_norms(lambda images, _kind, D=D: D(images)[:, 0], noise("x", (3, channels, 8, 12)), "real")
        norms.square().sum().backward()
        found.append([norms, layer.weight.grad, layer.bias.grad, D.layers[3].weight.grad])
    assert_close(*found, rtol=1e-10, atol=1e-12)


def test_the_gradient_in_phases_passes_torchs_own_check_of_second_derivatives():
    layer = Conv2dSame(1, 2, 3, 2).double()
    for parameter in layer.parameters():
        parameter.data = noise("parameter", parameter.shape)

    def convolved(x, weight, bias):
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, x)

    inputs = [noise("x", (2, 1, 4, 4)).requires_grad_(), *layer.parameters()]
    assert torch.autograd.gradcheck(convolved, inputs)
    assert torch.autograd.gradgradcheck(convolved, inputs)


def penalised(*changes):
    return recipe(PLAIN, ["model.width=8", "batch_size=4", "objective.gamma=2.0", "objective.penalty=r1", *changes])


def given(small, clock=0):
    shape = (small.batch_size, small.data.channels, small.data.height, small.data.width)
    pixels = torch.randint(0, 256, shape, generator=stream(0, "x", clock)).to(torch.uint8)
    return make_batch(small, clock, pixels, ENGINE)


def gradients(small):
    """Of D's parameters in its first step."""
    gan = build(small, ENGINE)
    discriminator_step(gan, given(small), small.objective, ENGINE)
    return torch.cat([parameter.grad.flatten() for parameter in gan.D.parameters()])


@pytest.mark.parametrize("name", PENALTIES)
def test_every_penalty_reaches_d_in_proportion_to_its_weight(name):
    plain = gradients(recipe(PLAIN, ["model.width=8", "batch_size=4"]))
    once, thrice = (
        gradients(penalised(f"objective.penalty={name}", f"objective.gamma={gamma}")) - plain
        for gamma in (100.0, 300.0)
    )
    assert once.norm() > 1e-3 * plain.norm()
    assert_close(thrice, 3 * once, rtol=1e-3, atol=1e-4 * once.abs().max().item())


def test_a_lazy_penalty_comes_in_every_third_update_with_three_times_its_weight():
    each, lazy = penalised(), penalised("objective.penalty_every=3")
    due = [given(lazy, clock).penalty is not None for clock in range(0, 28, 4)]
    assert due == [True, False, False, True, False, False, True]

    plain = gradients(recipe(PLAIN, ["model.width=8", "batch_size=4"]))
    assert_close(gradients(lazy) - plain, 3 * (gradients(each) - plain), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("every", "expected"), [(1, 5.0), (4, 2.0)])
def test_a_trial_of_the_time_gives_a_lazy_penalty_its_share(monkeypatch, every, expected):
    """On a clock of its own: a step takes a second, and four more with a penalty."""
    now = [0.0]

    def step(gan, _pixels, small, _engine, _labels, _held_out):
        now[0] += 5 if gan.seen // small.batch_size % every == 0 else 1
        return {"loss/g": torch.zeros(1)}

    monkeypatch.setattr(trial, "train_step", step)
    monkeypatch.setattr(trial.time, "perf_counter", lambda: now[0])
    assert trial.seconds_per_step(penalised(f"objective.penalty_every={every}"), ENGINE) == expected


def test_the_penalty_has_its_weight_in_what_is_logged():
    small = penalised("objective.penalty=r1", "objective.penalty_every=5")
    gan, what = build(small, ENGINE), given(small)
    D = copy.deepcopy(gan.D)
    values = discriminator_step(gan, what, small.objective, ENGINE)
    assert_close(values["penalty"], 2.0 * slope_norms(lambda x, _kind: D(x), what.real, "real").square() / 2)


@pytest.mark.parametrize("name", ["r1+r2", "wgan-gp", "dragan"])
def test_a_batch_in_parts_is_penalised_as_the_whole_is(name):
    after = []
    for parts in (1, 2):
        small = recipe(
            "fashion-mlp",
            ["batch_size=4", f"microbatches={parts}", f"objective.penalty={name}", "objective.gamma=0.5"],
        )
        gan, what = build(small, ENGINE), given(small)
        values = discriminator_step(gan, what, small.objective, ENGINE)
        after.append([values["penalty"], *(parameter.grad for parameter in gan.D.parameters())])
    assert_close(*after, rtol=1e-4, atol=1e-6)


def test_dropout_in_a_penalty_draws_from_the_steps_stream():
    small = recipe("cifar-ships", ["model.width=8", "batch_size=2", "objective.penalty=r1", "objective.gamma=1.0"])
    found = [discriminator_step(build(small, ENGINE), given(small), small.objective, ENGINE) for _ in range(2)]
    assert torch.equal(found[0]["penalty"], found[1]["penalty"])


def test_a_penalty_with_batch_norm_in_d_is_refused_in_a_sentence():
    with pytest.raises(RecipeError, match=r"^penalty 'r1' .* batch norm in the D of model 'svhn-dcgan' .*\.$"):
        recipe("svhn-dcgan", ["objective.penalty=r1", "objective.gamma=1.0", "objective.discriminator_batch=mixed"])


def test_penalties_hold_in_bf16():
    """The loss in bf16, the penalty in fp32: it is that of a step in fp32 alone."""
    small = penalised()
    values = [
        discriminator_step(build(small, engine), given(small), small.objective, engine)["penalty"]
        for engine in (ENGINE, make_engine("cpu", "bf16"))
    ]
    assert_close(*values, rtol=1e-6, atol=0)


def test_ten_steps_of_pairs_with_both_penalties_in_bf16_stay_finite():
    small = penalised("objective.loss=relativistic", "objective.penalty=r1+r2")
    engine = make_engine("cpu", "bf16")
    gan = build(small, engine)
    for clock in range(10):
        pixels = torch.randint(0, 256, (4, 1, 28, 28), generator=stream(0, "x", clock)).to(torch.uint8)
        train_step(gan, pixels, small, engine)
    assert gan.seen == 40
