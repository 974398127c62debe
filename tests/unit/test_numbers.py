"""Random streams, pixels, losses, updates: facts with known answers."""

import math
from itertools import chain

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from gansmith.objectives.adversarial import LOSSES, Targets, clip_probability, discriminator_loss, generator_loss
from gansmith.pixels import to_display, to_model, to_pixels
from gansmith.rng import latents, stream
from gansmith.schema import OPTIMIZERS, Adam, RMSprop
from gansmith.training.optim import RULES, gradients_finite, make_optimizer
from tests.helpers.listed import assert_listed


def test_a_stream_is_fixed_by_seed_name_and_clock():
    def draw(*key):
        return torch.rand(4, generator=stream(*key)).tolist()

    assert draw(1, "a", 2) == draw(1, "a", 2)
    assert len({tuple(draw(*key)) for key in [(1, "a", 2), (2, "a", 2), (1, "b", 2), (1, "a", 3)]}) == 4


def test_a_stream_is_the_same_for_ever():
    """The run folders of today must continue tomorrow: this number may only change with a note in the changelog."""
    assert stream(0, "latents/d", 64).initial_seed() == 3050746578006816415


def test_latents_follow_their_law():
    normal = latents("normal", 10_000, 3, stream(0, "z", 0))
    uniform = latents("uniform", 10_000, 3, stream(0, "z", 0))
    assert abs(normal.std().item() - 1) < 0.02
    assert -1 <= uniform.min() < -0.99
    assert 0.99 < uniform.max() <= 1
    assert abs(uniform.std().item() - 1 / math.sqrt(3)) < 0.01


@pytest.mark.parametrize("pixel_range", ["-1..1", "0..1"])
def test_every_level_survives_the_round_trip(pixel_range):
    levels = torch.arange(256, dtype=torch.uint8)
    images = to_model(levels, pixel_range)
    low, high = (float(end) for end in pixel_range.split(".."))
    assert (images.min().item(), images.max().item()) == (low, high)
    assert torch.equal(to_pixels(images, pixel_range), levels)


def test_displays_of_the_articles_make_their_mistakes():
    x = torch.tensor([-1.0, -0.5, -0.1, 0.0, 0.5, 1.0])
    assert to_display(x, "0..1", "clipped").tolist() == [0, 0, 0, 0, 128, 255]
    assert (
        to_display(x, "0..1", "wrapped").tolist() == np.array([-255, -127, -25, 0, 127, 255]).astype(np.uint8).tolist()
    )
    assert to_display(x, "-1..1", "doubled").tolist() == [127, 191, 242, 255, 255, 255]


def test_pixels_outside_the_range_are_clipped():
    assert to_pixels(torch.tensor([-3.0, 3.0]), "-1..1").tolist() == [0, 255]


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_per_sample_and_pull_the_right_way(name):
    real, fake = (torch.full((4,), 0.4, requires_grad=True) for _ in range(2))
    loss = LOSSES[name]
    of_d = discriminator_loss(loss, {"real": real, "fake": fake}, Targets())
    of_g = generator_loss(loss, fake, real if loss.fake is None else None, Targets())
    assert of_d.shape == of_g.shape == (4,)
    pull_real, pull_fake = torch.autograd.grad(of_d.sum(), (real, fake))
    assert (pull_real < 0).all(), "D must raise real logits"
    assert (pull_fake > 0).all(), "D must lower fake logits"
    assert (torch.autograd.grad(of_g.sum(), fake)[0] < 0).all(), "G must raise fake logits"


@pytest.mark.parametrize("name", LOSSES)
def test_losses_say_where_they_come_from(name):
    assert LOSSES[name].source


def test_cross_entropy_with_plain_targets_is_the_non_saturating_loss():
    logits = torch.tensor([0.3, -2.0, 1.5, 0.1])
    ours, usual = LOSSES["binary-cross-entropy"], LOSSES["non-saturating"]
    for part in ("real", "fake", "generator"):
        assert_close(getattr(ours, part)(logits, Targets()), getattr(usual, part)(logits, Targets()))
    assert ours.averages_halves, "Keras takes the mean over a batch of both kinds"
    assert not usual.averages_halves


def test_targets_move_the_answer_that_costs_least():
    logit = torch.tensor([math.log(9)], requires_grad=True)  # a probability of 0.9
    loss = LOSSES["binary-cross-entropy"].real(logit, Targets(real=0.9))
    (gradient,) = torch.autograd.grad(loss.sum(), logit)
    assert abs(gradient.item()) < 1e-7


def test_clipped_probabilities_have_keras_bounds_and_no_gradient_outside():
    logits = torch.tensor([-20.0, -3.0, 20.0], requires_grad=True)
    clipped = clip_probability(logits, 1e-7)
    assert_close(clipped, torch.tensor([-16.118, -3.0, 15.942]), rtol=0, atol=1e-3)
    (gradient,) = torch.autograd.grad(clipped.sum(), logits)
    assert gradient.tolist() == [0, 1, 0]


def test_the_largest_clipped_loss_is_keras_plateau():
    loss = LOSSES["binary-cross-entropy"].generator(clip_probability(torch.tensor([-50.0]), 1e-7), Targets())
    assert loss.item() == pytest.approx(16.1181, abs=1e-4)


def descend(optimizer, objective, updates_done, seen=0):
    with optimizer.update(updates_done, seen) as add:
        add(objective)


def moved(settings, gradient, updates=1):
    parameter = torch.nn.Parameter(torch.zeros(len(gradient), dtype=torch.float64))
    optimizer = make_optimizer(settings, [parameter])
    for number in range(updates):
        descend(optimizer, (parameter * torch.tensor(gradient, dtype=torch.float64)).sum(), number)
    return parameter.detach()


def test_rmsprop_adds_epsilon_outside_the_root():
    g, epsilon = 1e-3, 0.5
    expected = -0.1 * g / (math.sqrt(0.1) * g + epsilon)
    assert moved(RMSprop(lr=0.1, epsilon=epsilon), [g]).item() == pytest.approx(expected, rel=1e-12)


def test_gradients_are_clipped_element_by_element_before_the_optimiser():
    plain = moved(RMSprop(lr=0.1, epsilon=0.5), [1.0, -1.0, 0.25])
    assert_close(moved(RMSprop(lr=0.1, epsilon=0.5, clip_value=1.0), [7.0, -9.0, 0.25]), plain, rtol=0, atol=0)


def test_the_rate_decays_with_the_updates_done():
    rates = [0.1, 0.1 / 1.5, 0.1 / 2]
    expected = -sum(rate * 1 / (math.sqrt(1 - 0.9**t) + 1e-7) for t, rate in enumerate(rates, start=1))
    assert moved(RMSprop(lr=0.1, lr_decay=0.5), [1.0], updates=3).item() == pytest.approx(expected, rel=1e-12)


def test_adams_first_update_is_the_rate_against_the_gradients_sign():
    assert_close(moved(Adam(lr=0.1), [3.0, -0.02]), torch.tensor([-0.1, 0.1]).double(), rtol=1e-5, atol=0)


SETTINGS = [
    RMSprop(lr=0.1, lr_decay=0.1, clip_value=0.7),
    Adam(lr=0.1, beta1=0.5),
    Adam(lr=0.1, beta1=0.0),
    Adam(lr=0.1, beta1=0.9, epsilon=0.1, epsilon_hat=True),
]
"""At least one for every optimiser."""


def test_every_optimiser_has_a_rule_and_is_tested_here():
    assert_listed(OPTIMIZERS, RULES, "RULES in src/gansmith/training/optim.py")
    assert_listed(OPTIMIZERS, {settings.name for settings in SETTINGS}, "SETTINGS in tests/unit/test_numbers.py")


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_fused_update_is_the_formula(settings):
    """Over five updates of a channels-last kernel, whose gradient comes in another layout, and of a vector."""
    generator = stream(0, "parameters", 0)
    shapes, moved_by = ((3, 2, 5, 5), (4,)), {}
    start = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    factors = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    for fused in (True, False):
        parameters = [torch.nn.Parameter(tensor.clone()) for tensor in start]
        parameters[0].data = parameters[0].data.to(memory_format=torch.channels_last)
        optimizer = make_optimizer(settings, parameters, fused=fused)
        for number in range(5):
            loss = sum((p**3 * factor).sum() for p, factor in zip(parameters, factors, strict=True))
            descend(optimizer, loss, number)
        moved_by[fused] = [*parameters, *chain.from_iterable(optimizer.state.values())]
    for mine, theirs in zip(*moved_by.values(), strict=True):
        assert_close(mine, theirs, rtol=1e-12, atol=1e-12)
    assert not torch.equal(moved_by[True][0], start[0])


def test_an_update_leaves_what_it_does_not_move_alone():
    mine, other = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
    descend(make_optimizer(RMSprop(lr=0.1), [mine]), (mine * other).sum(), 0)
    assert other.grad is None
    assert other.tolist() == [1, 1]
    assert (mine < 1).all()


def test_a_parameter_without_effect_is_named():
    used, unused = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(3, 4))
    with pytest.raises(ValueError, match=r"no gradient reaches a parameter of shape \[3, 4\]"):
        descend(make_optimizer(RMSprop(lr=0.1), [used, unused]), used.sum(), 0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_looking_for_what_is_not_finite_changes_no_bit_of_a_gradient(dtype):
    largest, least = torch.finfo(dtype).max, torch.finfo(dtype).smallest_normal
    vector = torch.tensor([0.0, -0.0, largest, -largest, least, least / 4, -1 / 3], dtype=dtype)
    kernel = vector.repeat(40).view(2, 5, 4, 7).contiguous(memory_format=torch.channels_last)
    before = [tensor.clone() for tensor in (vector, kernel)]
    assert gradients_finite([vector, kernel])
    for mine, was in zip((vector, kernel), before, strict=True):
        assert mine.numpy().tobytes() == was.numpy().tobytes()
        assert mine.stride() == was.stride()
    for value in (math.nan, math.inf, -math.inf):
        for place in ((0, 0, 0, 0), (1, 4, 3, 6), (1, 2, 3, 4)):
            broken = kernel.clone()
            broken[place] = value
            assert not gradients_finite([vector, broken])
