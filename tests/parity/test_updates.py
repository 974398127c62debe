"""Updates of all nine systems, in float64, against Keras' networks trained by the rules of the specification."""

import keras
import numpy as np
import pytest
import torch
from pairs import assert_same_weights, for_keras, images, pair, reading_masks
from rules import RULES, Adam, cross_entropy, discriminator_updates, stacked_update
from rules import Batch as ReferenceBatch

from gansmith.engine import make_engine
from gansmith.interop.keras import dump
from gansmith.objectives.adversarial import Targets
from gansmith.recipes import all_names, recipe
from gansmith.rng import latents, stream
from gansmith.training.batch import Batch, make_batch
from gansmith.training.held_out_losses import validation_losses
from gansmith.training.steps import discriminator_step, generator_step
from tests.helpers import keras_networks as networks

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),  # the two widest take a minute of a processor, which a busy machine hands out slowly
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras' own get_weights()
]

needs_torch = pytest.mark.skipif(keras.backend.backend() != "torch", reason="the gradients are torch's own")
UPDATES = 20
BOUND = 1e-8
NETWORKS = ("discriminator", "generator")
TIGHT = 1e-4
"""A clip value that these small gradients meet."""


def given(made, rules, clock):
    """What iteration `clock` is given, by the article's rules: drawn here, for our step and for Keras alike."""

    def z(name):
        return latents(rules.distribution, made.batch_size, made.spec.latents, stream(3, name, clock)).double()

    def labels(name, target):
        noise = torch.rand(made.batch_size, generator=stream(3, name, clock), dtype=torch.float64)
        return target + rules.noise * noise

    return Batch(
        real=images(made.spec, made.batch_size, rules.pixel_range, clock),
        z_d=z("z/d"),
        z_g=z("z/d" if rules.reuses_latents else "z/a"),
        targets=Targets(real=labels("labels/real", rules.real), fake=labels("labels/fake", 0.0)),
        dropout_d=stream(0, "unused", 0),
        dropout_g=stream(0, "unused", 0),
        iteration=clock,
    )


def updates(both, rules, optimizers, clocks, monkeypatch):
    """Both sides move through the iterations `clocks`; yields after each one. Compares the losses on the way."""
    reading_masks(both, monkeypatch)
    d, a = optimizers
    d.updates, a.updates = clocks[0] * (2 if rules.separate else 1), clocks[0]
    for clock in clocks:
        iteration = given(both.recipe, rules, clock)
        batch = ReferenceBatch(
            real=torch.from_numpy(for_keras(iteration.real, both.D)),
            z_d=iteration.z_d,
            z_a=iteration.z_g,
            real_labels=iteration.targets.real,
            fake_labels=iteration.targets.fake,
        )
        both.book.open(f"d {clock}")
        mine = discriminator_step(both.gan, iteration, both.recipe.objective, both.engine)
        both.book.open(f"d {clock}")
        losses = discriminator_updates(both.G, both.logits, d, rules, batch)
        np.testing.assert_allclose(mine["loss/d"].mean().item(), sum(losses), rtol=0, atol=BOUND)
        both.book.open(f"a {clock}")
        mine = generator_step(both.gan, iteration, both.recipe.objective, both.engine)
        both.book.open(f"a {clock}")
        loss = stacked_update(both.G, both.logits, a, rules, batch)
        np.testing.assert_allclose(mine["loss/g"].mean().item(), loss, rtol=0, atol=BOUND)
        yield clock


@needs_torch
@pytest.mark.parametrize("name", networks.SYSTEMS)
def test_twenty_iterations_move_every_weight_as_the_specification_says(name, monkeypatch):
    both = pair(name, networks.formula_norm)
    for clock in updates(both, RULES[name], RULES[name].optimizers(), range(UPDATES), monkeypatch):
        if clock in (0, 2, UPDATES - 1):
            assert_same_weights(both.gan.G, both.G, BOUND)
            assert_same_weights(both.gan.D, both.D, BOUND)
        if clock == 2:
            early = [dump(network)[0] for network in (both.gan.G, both.gan.D)]
    for kernel, network in zip(early, (both.gan.G, both.gan.D), strict=True):
        assert np.abs(dump(network)[0] - kernel).max() > 1e-6, (
            "the clip has stopped the updates, and nothing was compared"
        )


def scale_logits(both, factor):
    with torch.no_grad():
        both.gan.D.layers[-2].weight.mul_(factor)
    both.D.set_weights(dump(both.gan.D))


@needs_torch
@pytest.mark.parametrize("name", [name for name in networks.SYSTEMS if RULES[name].optimizers()[0].decay])
def test_large_gradients_are_clipped_and_late_rates_have_decayed(name, monkeypatch):
    """After a million iterations the rates are 1 to 6 % lower; in the first twenty they are not, to eight digits."""
    both = pair(name, networks.formula_norm, [f"{network}_optimizer.clip_value={TIGHT}" for network in NETWORKS])
    scale_logits(both, -3)  # so that D does not take all for real, and A has gradients
    optimizers = RULES[name].optimizers()
    for optimizer in optimizers:
        optimizer.clip = TIGHT
    for _ in updates(both, RULES[name], optimizers, [1_000_000], monkeypatch):
        assert_same_weights(both.gan.G, both.G, BOUND)
        assert_same_weights(both.gan.D, both.D, BOUND)
    assert all(optimizer.has_clipped for optimizer in optimizers)


@needs_torch
@pytest.mark.parametrize("name", ["mnist-mlp", "notmnist-dcgan"])
def test_probabilities_beyond_the_clip_of_keras_2_give_no_gradient(name, monkeypatch):
    """One system of each kind: D's updates apart or together."""
    both, rules = pair(name, networks.formula_norm), RULES[name]
    scale_logits(both, 400)
    answers = both.gan.D.eval()(given(both.recipe, rules, 0).real).abs()
    both.gan.D.train()
    assert answers.max() > 17
    for _ in updates(both, rules, rules.optimizers(), range(3), monkeypatch):
        assert_same_weights(both.gan.G, both.G, BOUND)
        assert_same_weights(both.gan.D, both.D, BOUND)


@needs_torch
@pytest.mark.parametrize("name", [name for name, rules in RULES.items() if rules.separate and name in networks.SYSTEMS])
def test_held_out_losses_are_those_that_the_notebooks_print(name):
    """§7.1: the sum of D's two losses and G's, in inference mode, against 1 and 0 without smoothing."""
    both, rules = pair(name, networks.formula_norm), RULES[name]
    iteration = given(both.recipe, rules, 0)
    mine = validation_losses(both.gan, iteration.real, iteration.z_d, both.recipe.objective, both.engine)
    real, fake = (
        both.logits(images, training=False)[:, 0]
        for images in (for_keras(iteration.real, both.D), both.G(iteration.z_d, training=False))
    )
    ones, zeros = torch.ones_like(real), torch.zeros_like(real)
    d = cross_entropy(rules, real, ones) + cross_entropy(rules, fake, zeros)
    np.testing.assert_allclose(mine["held_out/d"].mean().item(), d.item(), rtol=0, atol=BOUND)
    g = cross_entropy(rules, fake, ones)
    np.testing.assert_allclose(mine["held_out/g"].mean().item(), g.item(), rtol=0, atol=BOUND)


def test_the_rules_cover_every_variant_of_the_nine():
    nine = {name.partition(":")[0] for name in networks.SYSTEMS}
    assert len(nine) == 9
    named = {name for name in all_names() if name.partition(":")[0] in nine}
    assert named == RULES.keys()


@pytest.mark.parametrize("name", RULES)
def test_recipes_hold_the_numbers_of_their_articles(name):
    made, rules = recipe(name), RULES[name]
    for mine, theirs in zip((made.discriminator_optimizer, made.generator_optimizer), rules.optimizers(), strict=True):
        assert mine.name == type(theirs).__name__.lower()
        clip = theirs.clip or 0.0
        assert (mine.lr, mine.epsilon, mine.lr_decay, mine.clip_value) == (
            theirs.lr,
            theirs.epsilon,
            theirs.decay,
            clip,
        )
        if isinstance(theirs, Adam):
            assert (mine.beta1, mine.beta2, mine.epsilon_hat) == (theirs.beta1, 0.999, True)
        else:
            assert mine.rho == 0.9
    objective = made.objective
    assert objective.probability_clip == (1e-7 if rules.clipped else 0)
    assert objective.generator_step_trains_discriminator == rules.moves_d
    assert (made.latents.distribution, made.data.pixel_range) == (rules.distribution, rules.pixel_range)


# §3: z, batch, iterations. §5: Géron's 50 epochs. §6: 18,724 letters in batches of 128. §8: the draft has z = 32
SIZES = {
    "mnist-dcgan": (100, 256, 10_000),
    "fashion-mlp": (30, 32, 1_875),
    "fashion-mlp:epochs-50": (30, 32, 50 * 1_875),
    "fashion-dcgan": (100, 32, 9_375),
    "fashion-dcgan:epochs-50": (100, 32, 50 * 1_875),
    "notmnist-dcgan": (100, 128, 1_750),
    "notmnist-dcgan:full-passes": (100, 128, 1_750 * (18_724 // 128)),
    "mnist-mlp": (100, 64, 100 * 937),
    "mnist-small-dcgan": (100, 128, 100 * 468),
    "svhn-dcgan": (100, 128, 25 * 572),
    "celeba32-dcgan": (100, 128, 3 * 1_574),
    "cifar-ships": (128, 32, 10_000),
    "cifar-ships:draft": (32, 32, 10_000),
}


@pytest.mark.parametrize("name", SIZES)
def test_recipes_are_as_long_and_as_wide_as_their_articles(name):
    made = recipe(name)
    assert (made.latents.size, made.batch_size, made.steps) == SIZES[name]


def test_recipes_take_the_images_of_their_articles_in_their_order():
    mnist, fashion, ships = recipe("mnist-dcgan").data, recipe("fashion-dcgan").data, recipe("cifar-ships").data
    assert (mnist.name, mnist.split, mnist.skip, mnist.order) == ("mnist", "train", 5000, "with-replacement")
    for data in (fashion, recipe("fashion-mlp").data):
        assert (data.name, data.order, data.shuffle_buffer) == ("fashion-mnist", "shuffle-buffer", 1000)
    assert (ships.name, ships.split, ships.order) == ("cifar10[ship]", "both", "sequential")
    for name in ("mnist-mlp", "mnist-small-dcgan", "svhn-dcgan", "celeba32-dcgan"):
        assert recipe(name).data.order == "sequential"
        assert recipe(f"{name}:repaired").data.order == "permutation"


@pytest.mark.parametrize("name", networks.SYSTEMS)
def test_a_run_draws_latents_and_labels_by_the_articles_rules(name):
    rules = RULES[name]
    made = recipe(name, ["batch_size=512"])
    pixels = torch.tensor([0, 255], dtype=torch.uint8).repeat(256)[:, None, None, None]
    drawn = make_batch(made, 1024, pixels, make_engine("cpu", "fp32"))
    assert torch.equal(drawn.z_d, drawn.z_g) == rules.reuses_latents
    for z in (drawn.z_d, drawn.z_g):
        spread = 1 / 3 if rules.distribution == "uniform" else 1.0
        torch.testing.assert_close(z.var(), torch.tensor(spread), rtol=0.05, atol=0)
        assert (z.abs().max() <= 1) == (rules.distribution == "uniform")
    for labels, target in ((drawn.targets.real, rules.real), (drawn.targets.fake, 0.0)):
        noise = torch.as_tensor(labels) - target
        assert 0 <= noise.min() <= noise.max() <= rules.noise
        assert noise.mean() == pytest.approx(rules.noise / 2, rel=0.1)
    assert drawn.targets.generator == 1
    assert (drawn.real.min(), drawn.real.max()) == ((-1, 1) if rules.pixel_range == "-1..1" else (0, 1))
