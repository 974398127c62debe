"""Where there are classes, both networks are told them, everywhere, and the pairs of a batch share theirs."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from gansmith.data.store import Dataset
from gansmith.engine import make_engine
from gansmith.planning import trial
from gansmith.recipes import recipe
from gansmith.rng import stream
from gansmith.training.batch import make_batch
from gansmith.training.evaluation import Evaluator
from gansmith.training.held_out_losses import validation_losses
from gansmith.training.loop import train_step
from gansmith.training.state import build
from gansmith.training.steps import discriminator_step, generator_step
from tests.helpers.plain import PLAIN
from tests.helpers.small_features import Counting
from tests.helpers.stepped import assert_close, stepped_in_float64

ENGINE = make_engine("cpu", "fp32")
LABELS = torch.tensor([2, 0, 2, 0])
PAIRS = ("objective.loss=relativistic", "objective.penalty=r1+r2", "objective.gamma=0.5")


def tiny(model, *changes):
    return recipe(PLAIN, [f"model.name={model}", "model.width=8", "batch_size=4", "data.num_classes=4", *changes])


def pixels(small):
    data = small.data
    shape = (small.batch_size, data.channels, data.height, data.width)
    return torch.randint(0, 256, shape, generator=stream(0, "x", 0)).to(torch.uint8)


def given(small, labels=LABELS):
    return make_batch(small, 0, pixels(small), ENGINE, labels)


def heard(network):
    """The labels of each call of the network, from now on."""
    calls = []
    network.register_forward_hook(lambda _network, inputs, _output: calls.append(inputs[1].tolist()))
    return calls


@pytest.mark.parametrize("model", ["thin-dcgan", "residual"])
def test_both_steps_and_the_penalty_tell_both_networks_the_classes_of_the_reals(model):
    small = tiny(model, *PAIRS)
    gan, what, batch = build(small, ENGINE), given(small), LABELS.tolist()
    by_g, by_d = heard(gan.G), heard(gan.D)
    discriminator_step(gan, what, small.objective, ENGINE)
    assert by_g == [batch]
    assert by_d == [batch * 2, batch, batch]  # reals and fakes together, then each for its penalty
    generator_step(gan, what, small.objective, ENGINE)
    assert by_g[1:] == [batch]
    assert by_d[3:] == [batch, batch]


def test_images_that_both_steps_share_are_of_the_classes_of_the_reals():
    small = tiny("thin-dcgan", "objective.generator_reuses_images=true")
    gan, batch = build(small, ENGINE), LABELS.tolist()
    by_g, by_d = heard(gan.G), heard(gan.D)
    train_step(gan, pixels(small), small, ENGINE, LABELS)
    assert by_g == [batch]
    assert by_d == [batch * 2, batch]


@pytest.mark.parametrize("changes", [(), PAIRS])
@pytest.mark.parametrize("model", ["thin-dcgan", "residual"])
def test_only_the_rows_of_the_classes_in_the_batch_move(model, changes):
    small = tiny(model, *changes)
    gan, what = build(small, ENGINE), given(small)
    for step, network in ((discriminator_step, gan.D), (generator_step, gan.G)):
        before = copy.deepcopy(network.state_dict())
        step(gan, what, small.objective, ENGINE)
        tables = [name for name, tensor in before.items() if tensor.dim() == 2 and len(tensor) in (4, 5)]
        assert tables
        for name in tables:
            moved = (network.state_dict()[name] != before[name]).any(1).tolist()[-4:]
            assert moved == [True, False, True, False], name


def test_the_classes_decide_what_is_learned():
    after = []
    for labels in (LABELS, LABELS.flip(0)):
        small = tiny("thin-dcgan")
        gan = build(small, ENGINE)
        values = train_step(gan, pixels(small), small, ENGINE, labels)
        values |= train_step(gan, pixels(small), small, ENGINE, labels)
        after.append(values)
    assert not torch.equal(after[0]["logits/real"], after[1]["logits/real"])
    assert not torch.equal(after[0]["loss/g"], after[1]["loss/g"])


def test_a_batch_in_parts_keeps_each_images_class():
    batches = [tiny("residual", *PAIRS, f"microbatches={parts}") for parts in (1, 2)]
    whole, divided = (stepped_in_float64(small, given(small, torch.tensor([3, 1, 0, 2]))) for small in batches)
    assert_close(divided, whole)


def test_held_out_losses_are_of_the_images_own_classes():
    small = tiny("thin-dcgan")
    gan, what = build(small, ENGINE), given(small)
    train_step(gan, pixels(small), small, ENGINE, LABELS)
    by_class = [
        validation_losses(gan, what.real, what.z_d, small.objective, ENGINE, torch.full((4,), label))["held_out/d"]
        for label in range(4)
    ]
    found = validation_losses(gan, what.real, what.z_d, small.objective, ENGINE, LABELS)["held_out/d"]
    torch.testing.assert_close(found, torch.stack([by_class[label][row] for row, label in enumerate(LABELS)]))
    assert not torch.equal(by_class[0], by_class[2])


def test_evaluations_on_the_way_take_each_class_in_its_share_of_the_training_images():
    small, labels = tiny("thin-dcgan", "data.num_classes=3"), np.repeat([0, 1, 2], [30, 20, 10])
    index = {"name": "zoo", "classes": ["cat", "dog", "owl"], "class_counts": [30, 20, 10]}
    train = Dataset(images=np.zeros((60, 1, 28, 28), np.uint8), labels=labels, index=index)
    judge = Evaluator(recipe=small, train=train, validation=None, extractor=Counting().extractor, names=[], num=12)
    assert judge.labels().bincount().tolist() == [6, 4, 2]
    plain = replace(judge, recipe=tiny("thin-dcgan", "data.num_classes=0"))
    assert plain.labels() is None


def test_without_labels_a_conditional_recipe_takes_no_step_and_the_other_way_round():
    small = tiny("thin-dcgan")
    with pytest.raises(ValueError, match="give it a label for each image"):
        train_step(build(small, ENGINE), pixels(small), small, ENGINE)
    plain = tiny("thin-dcgan", "data.num_classes=0")
    with pytest.raises(ValueError, match="labels would have no effect"):
        train_step(build(plain, ENGINE), pixels(plain), plain, ENGINE, LABELS)


def test_a_trial_on_noise_has_labels_too():
    small = tiny("thin-dcgan")
    assert trial.seconds_per_step(small, ENGINE) > 0
    trial.two_steps(small, ENGINE)
