"""One pass of G an iteration: both steps take the same images."""

import pytest
import torch
from torch import nn

from gansmith.engine import make_engine
from gansmith.errors import RecipeError
from gansmith.nn.spectral import SpectralNorm
from gansmith.nn.stack import Stack
from gansmith.recipes import recipe
from gansmith.rng import stream
from gansmith.training.loop import train_step
from gansmith.training.optim import make_optimizer
from gansmith.training.state import build
from tests.helpers.plain import PLAIN

ENGINE = make_engine("cpu", "fp32")
SHARED = "objective.generator_reuses_images=true"


def after_a_step(small, calls=None):
    """The state after an iteration, and its values; `calls` gathers what each network was called with."""
    gan = build(small, ENGINE)
    for name, network in (("G", gan.G), ("D", gan.D)):
        if calls is not None:
            network.register_forward_pre_hook(lambda _, given, name=name: calls.append((name, given[0].detach())))
    pixels = torch.randint(0, 256, (4, 1, 28, 28), generator=stream(0, "x", 0)).to(torch.uint8)
    values = train_step(gan, pixels, small, ENGINE)
    return {**values, **gan.G.state_dict(), **{f"D {name}": tensor for name, tensor in gan.D.state_dict().items()}}


def test_without_batch_norm_it_is_what_the_same_latents_give_at_twice_the_price():
    plain, shared = (
        after_a_step(recipe(PLAIN, ['model={name="residual", width=8}', "batch_size=4", change]))
        for change in ("objective.generator_reuses_latents=true", SHARED)
    )
    for name, value in plain.items():
        torch.testing.assert_close(shared[name], value, rtol=1e-5, atol=1e-7, msg=name)


def test_g_runs_once_and_d_sees_its_images_in_both_steps():
    calls = []
    after_a_step(recipe(PLAIN, ["model.width=8", "batch_size=4", SHARED]), calls)
    assert [name for name, _ in calls] == ["G", "D", "D"]
    _, (_, of_d_step), (_, of_g_step) = calls
    assert torch.equal(of_d_step[4:], of_g_step)


def test_a_generator_with_spectral_norm_is_moved_by_them_too():
    small = recipe(PLAIN, ["model.width=8", "batch_size=4", "ema_half_life=0", SHARED])
    gan = build(small, ENGINE)
    gan.G = Stack(SpectralNorm(nn.Linear(small.latents.size, 28 * 28)), nn.Unflatten(1, (1, 28, 28)))
    gan.optimizer_g = make_optimizer(small.generator_optimizer, gan.G.parameters())
    before = [tensor.clone() for tensor in gan.G.state_dict().values()]
    train_step(gan, torch.zeros(4, 1, 28, 28, dtype=torch.uint8), small, ENGINE)
    for old, new in zip(before, gan.G.state_dict().values(), strict=True):
        assert not torch.equal(old, new)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["objective.generator_reuses_latents=true"], "generator_reuses_latents has no effect where"),
        (
            ['model={name="residual", width=8}', "microbatches=2"],
            "would save no memory: objective.generator_reuses_images keeps",
        ),
    ],
)
def test_what_it_makes_useless_is_refused(changes, words):
    with pytest.raises(RecipeError, match=words):
        recipe(PLAIN, ["batch_size=4", SHARED, *changes])
