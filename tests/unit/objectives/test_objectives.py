"""Every loss of the table: its values by hand, its gradients in float64, and what a recipe may ask of it."""

import copy
import math

import pytest
import torch
from torch.testing import assert_close

from gansmith import recipe
from gansmith.engine import make_engine
from gansmith.errors import RecipeError
from gansmith.objectives.adversarial import LOSSES, Targets, discriminator_loss, generator_loss, margins
from gansmith.objectives.settings import Objective
from gansmith.rng import stream
from gansmith.training.batch import make_batch
from gansmith.training.state import build
from gansmith.training.steps import discriminator_step, generator_step
from gansmith.training.validation import validation_losses
from tests.helpers.listed import assert_listed
from tests.helpers.plain import PLAIN
from tests.helpers.stepped import step_on

ENGINE = make_engine("cpu", "fp32")
X, Y = 0.7, -1.3
"""D's logits of a real and of a fake image."""
S = 1 / (1 + math.exp(-X)), 1 / (1 + math.exp(-Y))

# D's loss of a real and a fake in one batch, and G's: by the formulas of the papers
VALUES = {
    "binary-cross-entropy": ((-math.log(S[0]) - math.log(1 - S[1])) / 2, -math.log(S[1])),
    "minimax": (-math.log(S[0]) - math.log(1 - S[1]), math.log(1 - S[1])),
    "non-saturating": (-math.log(S[0]) - math.log(1 - S[1]), -math.log(S[1])),
    "least-squares": ((X - 1) ** 2 / 2 + Y**2 / 2, (Y - 1) ** 2 / 2),
    "hinge": (1 - X, -Y),
    "wasserstein": (Y - X, -Y),
    "relativistic": (math.log1p(math.exp(Y - X)), math.log1p(math.exp(X - Y))),
}


def tiny(*changes):
    return recipe(PLAIN, ["model.width=8", "batch_size=4", "precision=fp32", *changes])


def given(small, clock=0):
    shape = (small.batch_size, small.data.channels, small.data.height, small.data.width)
    pixels = torch.randint(0, 256, shape, generator=stream(0, "x", clock)).to(torch.uint8)
    return make_batch(small, clock, pixels, ENGINE)


def of_g(name, fake, real):
    return generator_loss(LOSSES[name], fake, real if LOSSES[name].fake is None else None, Targets())


def test_every_loss_has_its_values_here():
    assert_listed(LOSSES, VALUES, "VALUES in tests/unit/objectives/test_objectives.py (the values of D's and G's loss)")


@pytest.mark.parametrize("name", VALUES)
def test_a_loss_is_what_its_paper_says(name):
    real, fake = (torch.tensor([value], dtype=torch.float64) for value in (X, Y))
    d, g = VALUES[name]
    assert discriminator_loss(LOSSES[name], {"real": real, "fake": fake}, Targets()).item() == pytest.approx(d)
    assert of_g(name, fake, real).item() == pytest.approx(g)


@pytest.mark.parametrize("name", LOSSES)
def test_the_gradients_of_a_loss_are_right_to_the_second_order(name):
    real, fake = (
        torch.randn(5, dtype=torch.float64, generator=stream(0, kind, 0)).requires_grad_() for kind in ("real", "fake")
    )

    def of_d(real, fake):
        return discriminator_loss(LOSSES[name], {"real": real, "fake": fake}, Targets())

    for function in (of_d, lambda real, fake: of_g(name, fake, real) + 0 * real):
        assert torch.autograd.gradcheck(function, (real, fake))
        assert torch.autograd.gradgradcheck(function, (real, fake))


def test_a_loss_of_pairs_says_nothing_of_a_shift_of_all_logits():
    real, fake = torch.tensor([0.3, 2.0]), torch.tensor([-1.0, 4.0])
    for shift in (0.0, 10.0):
        logits = {"real": real + shift, "fake": fake + shift}
        assert_close(discriminator_loss(LOSSES["relativistic"], logits, Targets()), torch.log1p((fake - real).exp()))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("non-saturating", {"real": [1.0, -2.0], "fake": [3.0, 0.0]}),
        ("least-squares", {"real": [0.5, -2.5], "fake": [3.5, 0.5]}),
        ("relativistic", {"real": [4.0, -2.0], "fake": [4.0, -2.0]}),
        ("wasserstein", {"real": [4.0, -2.0], "fake": [4.0, -2.0]}),
    ],
)
def test_d_is_right_by_so_much(name, expected):
    found = margins(LOSSES[name], torch.tensor([1.0, -2.0]), torch.tensor([-3.0, 0.0]), Targets())
    assert {kind: margin.tolist() for kind, margin in found.items()} == expected


def test_least_squares_tells_real_from_fake_halfway_between_its_targets():
    found = margins(LOSSES["least-squares"], torch.tensor([0.25]), torch.tensor([-0.25]), Targets(real=1.0, fake=-1.0))
    assert [margin.item() for margin in found.values()] == [0.25, 0.25]


@pytest.mark.parametrize("name", ["binary-cross-entropy", "least-squares"])
def test_with_flipped_labels_d_is_right_the_other_way_round(name):
    logits, flipped = (torch.tensor([-3.0, 4.0]), torch.tensor([2.0, -1.0])), Targets(real=0.0, fake=1.0, generator=0.0)
    found, usual = (margins(LOSSES[name], *logits, targets) for targets in (flipped, Targets()))
    assert {kind: margin.tolist() for kind, margin in found.items()} == {
        kind: (-margin).tolist() for kind, margin in usual.items()
    }
    assert found["real"][0] > 0, "a low answer to a real image is what it was asked for"


def test_one_target_for_both_kinds_is_refused():
    with pytest.raises(RecipeError, match=r"real_target and objective.fake_target are both 1, so D cannot learn"):
        Objective(loss="least-squares", fake_target=1.0)


@pytest.mark.parametrize("name", LOSSES)
def test_a_recipe_trains_with_every_loss(name):
    small = tiny(f"objective.loss={name}", *(["objective.weight_clip=0.01"] if name == "wasserstein" else []))
    gan = build(small, ENGINE)
    before = copy.deepcopy(gan.G.state_dict()), copy.deepcopy(gan.D.state_dict())
    values = step_on(gan, torch.zeros(4, 1, 28, 28, dtype=torch.uint8), small, ENGINE)
    assert values["loss/d"].shape == values["loss/g"].shape == (4,)
    for old, network in zip(before, (gan.G, gan.D), strict=True):
        still = [key for key, tensor in network.state_dict().items() if torch.equal(tensor, old[key])]
        shifts_all_logits = "layers.7.bias"
        assert still in ([], [shifts_all_logits])


def test_in_pairs_both_steps_compare_each_real_image_with_the_fake_of_its_place():
    small = tiny("objective.loss=relativistic", "model.width=4")
    gan, what = build(small, ENGINE), given(small)
    values = discriminator_step(gan, what, small.objective, ENGINE)
    assert_close(values["loss/d"], torch.nn.functional.softplus(values["logits/fake"] - values["logits/real"]))
    with torch.no_grad():
        real = gan.D(what.real)
    D = copy.deepcopy(gan.D)
    seen = []
    gan.D.register_forward_hook(lambda _module, _inputs, output: seen.append(output.detach()))
    values = generator_step(gan, what, small.objective, ENGINE)
    fake, partners = seen
    assert torch.equal(partners, real)
    assert_close(values["loss/g"], torch.nn.functional.softplus(real - fake))
    assert all(torch.equal(tensor, D.state_dict()[key]) for key, tensor in gan.D.state_dict().items())


def test_held_out_losses_of_pairs_are_those_of_pairs():
    small = tiny("objective.loss=relativistic")
    gan, what = build(small, ENGINE), given(small)
    losses = validation_losses(gan, what.real, what.z_d, small.objective, ENGINE)
    assert_close(losses["held_out/d"].exp() - 1, 1 / (losses["held_out/g"].exp() - 1))


def test_a_critic_that_nothing_holds_is_refused_in_a_sentence():
    with pytest.raises(RecipeError, match=r"^loss 'wasserstein' diverges unless D is bounded, .*\.$"):
        tiny("objective.loss=wasserstein")


@pytest.mark.parametrize(
    "held",
    [
        ["objective.weight_clip=0.01"],
        ["objective.penalty=wgan-gp", "objective.gamma=10.0"],
        ["model.spectral_norm=true"],
    ],
)
def test_a_critic_that_something_holds_is_not(held):
    assert tiny("objective.loss=wasserstein", *held).objective.loss == "wasserstein"


def test_the_weights_of_d_are_clipped_after_its_update_and_those_of_g_are_not():
    small = tiny("objective.loss=wasserstein", "objective.weight_clip=0.01")
    gan = build(small, ENGINE)
    step_on(gan, torch.zeros(4, 1, 28, 28, dtype=torch.uint8), small, ENGINE)
    largest = [max(p.abs().max().item() for p in network.parameters()) for network in (gan.D, gan.G)]
    assert largest[0] == pytest.approx(0.01)
    assert largest[1] > 0.1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["loss=hinge", "weight_clip=0.01"], "loss 'hinge' takes no weight_clip"),
        (["loss=least-squares", "probability_clip=1e-7"], "loss 'least-squares' takes no probability_clip"),
        (["loss=relativistic", "real_target=0.9"], "loss 'relativistic' takes no targets and no label_noise"),
        (
            ["loss=relativistic", "discriminator_batch=separate"],
            "loss 'relativistic' needs reals and fakes in one batch",
        ),
        (
            ["loss=wasserstein", "weight_clip=0.01", "generator_step_trains_discriminator=true"],
            "objective.weight_clip would not hold with objective.generator_step_trains_discriminator",
        ),
        (["penalty=r3"], "unknown penalty 'r3'. Known: dragan, none, r1, r1+r2, r2, wgan-gp."),
        (["penalty=r1"], "objective.gamma=0.0 does not go with objective.penalty='r1'"),
        (["gamma=1.0"], "objective.gamma=1.0 does not go with objective.penalty='none'"),
        (["penalty_every=4"], "objective.penalty_every=4 has no effect without a penalty"),
        (
            ["penalty=r1", "gamma=1.0", "discriminator_batch=separate"],
            "penalty 'r1' needs reals and fakes in one batch",
        ),
        (["penalty=r1", "gamma=1.0", "penalty_every=0"], "objective.penalty_every must be"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[-1],
)
def test_a_setting_without_effect_is_refused_in_a_sentence(changes, message):
    with pytest.raises(RecipeError) as caught:
        tiny(*(f"objective.{change}" for change in changes))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_least_squares_takes_targets():
    small = tiny("objective.loss=least-squares", "objective.real_target=0.9", "objective.label_noise=0.1")
    assert given(small).targets.real.min() >= 0.9
