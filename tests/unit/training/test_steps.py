import copy
import math

import numpy as np
import pytest
import torch

from gansmith.engine import make_engine
from gansmith.errors import DivergedError, RecipeError
from gansmith.nn.modes import eval_mode
from gansmith.objectives.adversarial import cross_entropy
from gansmith.pixels import to_model
from gansmith.recipes import recipe, recipe_names
from gansmith.rng import stream
from gansmith.schema import Adam
from gansmith.training.batch import make_batch
from gansmith.training.finite import check_finite
from gansmith.training.held_out_losses import validation_losses
from gansmith.training.loop import due, train_step
from gansmith.training.optim import NotFiniteError, all_finite, make_optimizer
from gansmith.training.state import build
from gansmith.training.steps import discriminator_step, generator_step
from tests.helpers.plain import PLAIN
from tests.helpers.stepped import assert_close, stepped_in_float64

ENGINE = make_engine("cpu", "fp32")


def tiny(name=PLAIN, *changes):
    return recipe(name, ["model.width=8", "batch_size=4", *changes])


def given(small, clock=0):
    data = small.data
    shape = (small.batch_size, data.channels, data.height, data.width)
    pixels = torch.randint(0, 256, shape, generator=stream(0, "x", clock)).to(torch.uint8)
    return make_batch(small, clock, pixels, ENGINE)


def descend(optimizer, objective, updates_done):
    with optimizer.update(updates_done, seen=0) as add:
        add(objective)


def snapshot(network):
    return copy.deepcopy(network.state_dict())


def changed(network, before):
    return [name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])]


STAY_AT_FIRST = {"fast": {"layers.7.u", "layers.7.layer.bias"}}
"""The direction of a single row is that row, and the hinge pulls the logit's bias both ways while logits are small."""


@pytest.mark.parametrize("name", recipe_names())
def test_the_discriminator_step_moves_all_of_d_and_nothing_of_g(name):
    small = tiny(name)
    gan = build(small, ENGINE)
    before_g, before_d = snapshot(gan.G), snapshot(gan.D)
    values = discriminator_step(gan, given(small), small.objective, ENGINE)
    assert changed(gan.G, before_g) == []
    assert set(changed(gan.D, before_d)) == set(before_d) - STAY_AT_FIRST.get(name, set())
    named = {"loss/d", "logits/real", "logits/fake"} | ({"penalty"} if small.objective.gamma else set())
    assert {key: value.shape for key, value in values.items()} == dict.fromkeys(named, (small.batch_size,))


MOVES_D = {"mnist-dcgan", "mnist-mlp", "mnist-small-dcgan", "svhn-dcgan", "celeba32-dcgan"}
"""Where the specification's §2.4 says so."""


@pytest.mark.parametrize(("name", "moves_d"), [(name, name in MOVES_D) for name in recipe_names()])
def test_the_generator_step_moves_d_only_where_the_article_does(name, moves_d):
    small = tiny(name)
    gan = build(small, ENGINE)
    before_g, before_d = snapshot(gan.G), snapshot(gan.D)
    values = generator_step(gan, given(small), small.objective, ENGINE)
    assert set(changed(gan.G, before_g)) == set(before_g)
    moved = {name for name in changed(gan.D, before_d) if "running" not in name}
    assert moved == ({name for name in before_d if "running" not in name} if moves_d else set())
    assert all(parameter.requires_grad for parameter in gan.D.parameters())
    assert values["loss/g"].shape == (small.batch_size,)


def test_the_real_logits_are_those_of_the_real_images_in_either_order():
    logits = []
    for first in ("true", "false"):
        small = tiny("fashion-dcgan", f"objective.fakes_first={first}", "model.dropout=0.0")
        gan = build(small, ENGINE)
        logits.append(discriminator_step(gan, given(small), small.objective, ENGINE)["logits/real"])
    torch.testing.assert_close(*logits)


def test_steps_draw_nothing_themselves():
    small = tiny("mnist-dcgan")
    gan = build(small, ENGINE)
    before = torch.random.get_rng_state()
    discriminator_step(gan, given(small), small.objective, ENGINE)
    generator_step(gan, given(small), small.objective, ENGINE)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_clock_and_the_average_advance_with_a_step():
    small = tiny(PLAIN)
    gan = build(small, ENGINE)
    before = snapshot(gan.G_ema)
    train_step(gan, torch.zeros(4, 1, 28, 28, dtype=torch.uint8), small, ENGINE)
    assert gan.seen == small.batch_size
    assert gan.shown is gan.G_ema
    assert set(changed(gan.G_ema, before)) == set(before)


def test_a_recipe_learns_the_one_image_it_is_shown():
    """Sixty steps on a single white square: G's images must move towards it from their grey start."""
    small = tiny(PLAIN, "batch_size=8", "model.width=16")
    squares = torch.zeros(8, 1, 28, 28, dtype=torch.uint8)
    squares[..., 8:20, 8:20] = 255
    gan = build(small, ENGINE)

    def distance():
        with torch.no_grad(), eval_mode(gan.G):
            return (gan.G(given(small, 9).z_g) - to_model(squares, "-1..1")).abs().mean().item()

    before = distance()
    for _ in range(60):
        train_step(gan, squares, small, ENGINE)
    assert distance() < 0.7 * before


def test_separate_batches_are_two_updates_of_d_in_their_order():
    small = tiny("mnist-small-dcgan")
    seen, weights = [], []
    gan = build(small, ENGINE)
    gan.D.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0].clone()))
    gan.D.register_forward_hook(lambda module, *_: weights.append(snapshot(module)))
    what = given(small)
    values = discriminator_step(gan, what, small.objective, ENGINE)
    assert [len(images) for images in seen] == [small.batch_size, small.batch_size]
    assert torch.equal(seen[0], what.real)
    assert not torch.equal(weights[0]["layers.0.weight"], weights[1]["layers.0.weight"])
    log_loss = torch.nn.functional.binary_cross_entropy_with_logits
    expected = log_loss(values["logits/real"], torch.full((4,), 0.9), reduction="none")
    expected += log_loss(values["logits/fake"], torch.zeros(4), reduction="none")
    torch.testing.assert_close(values["loss/d"], expected)


@pytest.mark.parametrize("name", ["fashion-mlp", "mnist-mlp"])
def test_a_batch_in_parts_moves_every_weight_as_the_whole_does(name):
    """One system whose D sees a mixed batch, and one with an update for each kind; in float64."""
    batches = [recipe(name, ["batch_size=8", f"microbatches={parts}"]) for parts in (1, 4)]
    whole, divided = (stepped_in_float64(small, given(small)) for small in batches)
    assert_close(divided, whole)


def test_label_noise_and_dropout_go_through_in_parts_too():
    small = recipe("cifar-ships", ["model.width=8", "batch_size=4", "microbatches=2"])
    gan, what = build(small, ENGINE), given(small)
    first, second = what.microbatches()
    assert torch.equal(torch.cat([first.targets.real, second.targets.real]), what.targets.real)
    assert first.targets.generator == what.targets.generator
    assert discriminator_step(gan, what, small.objective, ENGINE)["loss/d"].shape == (4,)


@pytest.mark.parametrize(("name", "change"), [("mnist-dcgan", "microbatches=2"), ("fashion-mlp", "microbatches=3")])
def test_parts_that_would_change_the_mathematics_are_refused(name, change):
    with pytest.raises(
        RecipeError,
        match=r"would change the result: it must divide batch_size=[0-9]+, and batch norm would see one microbatch",
    ):
        recipe(name, [change])


def test_latents_are_reused_where_the_article_does_and_new_elsewhere():
    again, new = given(tiny("mnist-mlp")), given(tiny("fashion-mlp"))
    assert torch.equal(again.z_d, again.z_g)
    assert not torch.equal(new.z_d, new.z_g)


def test_label_noise_lifts_both_of_ds_targets_and_not_gs():
    targets = given(recipe("cifar-ships", ["model.width=8", "batch_size=1000"])).targets
    for noisy, base in ((targets.real, 1), (targets.fake, 0)):
        assert noisy.shape == (1000,)
        assert base <= noisy.min() < base + 0.001
        assert base + 0.049 < noisy.max() < base + 0.05
    assert not torch.equal(targets.real - 1, targets.fake)
    assert targets.generator == 1


def test_a_target_above_one_pulls_back_a_logit_that_is_too_large():
    logit = torch.tensor([2.0, 40.0], requires_grad=True)
    cross_entropy(logit, 1.05).sum().backward()
    assert logit.grad.tolist() == pytest.approx([torch.sigmoid(torch.tensor(2.0)).item() - 1.05, -0.05], abs=1e-6)


def test_epsilon_hat_is_kerass_adam():
    """Kingma & Ba 2014, end of §2, by hand in float64; epsilon large enough to tell the two forms apart."""
    rule = Adam(lr=0.1, beta1=0.5, beta2=0.9, epsilon=0.3, epsilon_hat=True)
    p = torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    optimizer, q, m, v = make_optimizer(rule, [p]), np.array([1.0, -2.0]), 0.0, 0.0
    for t in range(1, 6):
        descend(optimizer, (p**3).sum(), t - 1)
        g = 3 * q**2
        m, v = 0.5 * m + 0.5 * g, 0.9 * v + 0.1 * g**2
        q = q - 0.1 * np.sqrt(1 - 0.9**t) / (1 - 0.5**t) * m / (np.sqrt(v) + 0.3)
    np.testing.assert_allclose(p.detach().numpy(), q, rtol=0, atol=1e-12)


def test_held_out_losses_are_sums_in_inference_mode_against_plain_targets():
    small = tiny("mnist-small-dcgan")
    gan, what = build(small, ENGINE), given(small)
    before = snapshot(gan.D)
    losses = validation_losses(gan, what.real, what.z_d, small.objective, ENGINE)
    assert changed(gan.D, before) == []
    with torch.no_grad(), eval_mode(gan.G, gan.D):
        real, fake = (torch.sigmoid(gan.D(images)) for images in (what.real, gan.G(what.z_d)))
    torch.testing.assert_close(losses["held_out/d"], -real.log() - (1 - fake).log())
    torch.testing.assert_close(losses["held_out/g"], -fake.log())


def test_due_tests_for_a_crossing():
    assert [seen for seen in range(0, 100, 8) if due(seen, 8, every=20)] == [0, 24, 40, 64, 80]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_a_step_leaves_is_looked_at(value):
    gan = build(tiny(), ENGINE)
    check_finite(gan, {"loss/d": torch.ones(3)}, 7)
    with pytest.raises(DivergedError, match=rf"^loss/g became {value} in step 7\.$"):
        check_finite(gan, {"loss/d": torch.ones(3), "loss/g": torch.tensor([1.0, value])}, 7)
    with torch.no_grad():
        next(gan.G_ema.parameters())[0, 0] = value
    with pytest.raises(DivergedError, match=rf"^layers\.0\.weight of the average of G became {value} in step 7\.$"):
        check_finite(gan, {"loss/d": torch.ones(3)}, 7)


def test_a_sum_that_overflows_stops_nothing():
    large = torch.full((4,), 3e38)
    assert all_finite([large, large])
    assert not all_finite([large, torch.tensor([1.0, math.nan])])


def test_an_update_refuses_a_gradient_before_it_is_used_or_clipped():
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = make_optimizer(Adam(lr=0.1, clip_value=1.0), [weight])
    with pytest.raises(NotFiniteError):
        descend(optimizer, (weight * torch.tensor([1.0, math.inf, 1.0])).sum(), 0)
    assert torch.equal(weight, torch.ones(3))
    assert not optimizer.slots["square"][0].any()


def test_an_update_notices_a_weight_that_it_moves_out_of_all_bounds():
    weight = torch.nn.Parameter(torch.full((3,), -3e38))
    with pytest.raises(NotFiniteError):
        descend(make_optimizer(Adam(lr=1e38), [weight]), (weight * 1e-3).sum(), 0)
    assert weight.tolist() == [-math.inf] * 3


def test_a_weight_of_d_that_is_not_finite_is_named_before_g_is_run():
    small = tiny(PLAIN, "discriminator_optimizer.lr=1e39")
    gan = build(small, ENGINE)
    before = snapshot(gan.G)
    with pytest.raises(DivergedError, match=r"^layers\.0\.weight of D became .* in step 1\.$"):
        train_step(gan, torch.zeros(4, 1, 28, 28, dtype=torch.uint8), small, ENGINE)
    assert changed(gan.G, before) == []


def test_the_watch_reads_every_tensor_that_a_step_leaves(monkeypatch):
    """And a good many by way of their objectives and gradients: nothing of G, D or the average is left out."""
    looked_at = set()

    def all_finite(tensors):
        looked_at.update(tensor.data_ptr() for tensor in tensors)
        return True

    monkeypatch.setattr("gansmith.training.optim.all_finite", all_finite)
    monkeypatch.setattr("gansmith.training.finite.all_finite", all_finite)
    small = tiny(PLAIN, "ema_half_life=100.0")
    gan = build(small, ENGINE)
    train_step(gan, torch.zeros(4, 1, 28, 28, dtype=torch.uint8), small, ENGINE)
    networks = {"G": gan.G, "D": gan.D, "average": gan.G_ema}
    kept = {f"{name} {key}": t for name, net in networks.items() for key, t in net.state_dict().items()}
    assert [name for name, tensor in kept.items() if tensor.data_ptr() not in looked_at] == []
