import copy
import math

import pytest
import torch

from gansmith.errors import DivergedError
from gansmith.nn.modes import inference_mode
from gansmith.pixels import to_model
from gansmith.recipes import recipe
from gansmith.rng import latents, stream
from gansmith.runs import create_run
from gansmith.training.engine import make_engine
from gansmith.training.loop import check_finite, due, train_step
from gansmith.training.state import build
from gansmith.training.steps import discriminator_step, generator_step

ENGINE = make_engine("cpu", "fp32")


def tiny(name="demo", *changes):
    return recipe(name, ["model.width=8", "batch=4", *changes])


def given(small, clock=0):
    z = latents(small.latents.law, small.batch, small.latents.size, stream(0, "z", clock))
    pixels = torch.randint(0, 256, (small.batch, 1, 28, 28), generator=stream(0, "x", clock)).to(torch.uint8)
    return to_model(pixels, small.data.pixel_range), z


def snapshot(network):
    return copy.deepcopy(network.state_dict())


def changed(network, before):
    return [name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])]


@pytest.mark.parametrize("name", ["demo", "fashion-dcgan", "mnist-dcgan"])
def test_the_discriminator_step_moves_all_of_d_and_nothing_of_g(name):
    small = tiny(name)
    gan = build(small, ENGINE)
    real, z = given(small)
    before_g, before_d = snapshot(gan.G), snapshot(gan.D)
    values = discriminator_step(gan, real, z, small.objective, ENGINE, stream(0, "d", 0), 0)
    assert changed(gan.G, before_g) == []
    assert set(changed(gan.D, before_d)) == set(before_d)
    assert {key: value.shape for key, value in values.items()} == dict.fromkeys(
        ("loss/d", "logits/real", "logits/fake"), (small.batch,)
    )


@pytest.mark.parametrize(("name", "moves_d"), [("demo", False), ("fashion-dcgan", False), ("mnist-dcgan", True)])
def test_the_generator_step_moves_d_only_where_the_article_does(name, moves_d):
    small = tiny(name)
    gan = build(small, ENGINE)
    _, z = given(small)
    before_g, before_d = snapshot(gan.G), snapshot(gan.D)
    values = generator_step(gan, z, small.objective, ENGINE, stream(0, "g", 0), 0)
    assert set(changed(gan.G, before_g)) == set(before_g)
    assert set(changed(gan.D, before_d)) == (set(before_d) if moves_d else set())
    assert all(parameter.requires_grad for parameter in gan.D.parameters())
    assert values["loss/g"].shape == (small.batch,)


def test_the_real_logits_are_those_of_the_real_pictures_in_either_order():
    logits = []
    for first in ("true", "false"):
        small = tiny("fashion-dcgan", f"objective.fakes_first={first}", "model.dropout=0.0")
        gan = build(small, ENGINE)
        real, z = given(small)
        logits.append(discriminator_step(gan, real, z, small.objective, ENGINE, stream(0, "d", 0), 0)["logits/real"])
    torch.testing.assert_close(*logits)


def test_steps_draw_nothing_themselves():
    small = tiny("mnist-dcgan")
    gan = build(small, ENGINE)
    real, z = given(small)
    before = torch.random.get_rng_state()
    discriminator_step(gan, real, z, small.objective, ENGINE, stream(0, "d", 0), 0)
    generator_step(gan, z, small.objective, ENGINE, stream(0, "g", 0), 0)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_clock_and_the_average_advance_with_a_step():
    small = tiny("demo")
    gan = build(small, ENGINE)
    before = snapshot(gan.G_ema)
    train_step(gan, torch.zeros(4, 1, 28, 28, dtype=torch.uint8), small, ENGINE)
    assert gan.seen == small.batch
    assert gan.shown is gan.G_ema
    assert set(changed(gan.G_ema, before)) == set(before)


def test_a_recipe_learns_the_one_picture_it_is_shown():
    """Sixty steps on a single white square: G's pictures must move towards it from their grey start."""
    small = tiny("demo", "batch=8", "model.width=16")
    squares = torch.zeros(8, 1, 28, 28, dtype=torch.uint8)
    squares[..., 8:20, 8:20] = 255
    gan = build(small, ENGINE)

    def distance():
        with torch.no_grad(), inference_mode(gan.G):
            return (gan.G(given(small, 9)[1]) - to_model(squares, "-1..1")).abs().mean().item()

    before = distance()
    for _ in range(60):
        train_step(gan, squares, small, ENGINE)
    assert distance() < 0.7 * before


def test_due_tests_for_a_crossing():
    assert [seen for seen in range(0, 100, 8) if due(seen, 8, every=20)] == [0, 24, 40, 64, 80]


def test_a_value_that_is_not_finite_stops_the_run_and_is_named(tmp_path):
    gan = build(tiny(), ENGINE)
    gan.seen = 64
    values = {"loss/d": torch.ones(3), "loss/g": torch.tensor([1.0, math.nan])}
    with pytest.raises(DivergedError, match=r"loss/g became nan after 64 images; the last good checkpoint is in"):
        check_finite(gan, create_run(tmp_path, "x"), values)
