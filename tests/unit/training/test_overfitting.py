"""ADA's signal from images kept out: its closed form, what the controller does with it, and that it costs no bit."""

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from gansmith import recipe
from gansmith.augment.augmenter import BATCHES, make_augmenter, observe_validation, overfitting
from gansmith.augment.settings import Augment
from gansmith.checkpoints.manifest import find_checkpoint
from gansmith.data.store import Dataset
from gansmith.engine import make_engine
from gansmith.errors import RecipeError
from gansmith.planning import trial
from gansmith.rng import stream
from gansmith.runs.reporter import Silent
from gansmith.runs.run import create_run
from gansmith.training.batch import make_batch
from gansmith.training.log import StepLog
from gansmith.training.state import build, load_checkpoint, save_checkpoint
from gansmith.training.steps import discriminator_step
from gansmith.training.validation import (
    VALIDATION_LOGITS,
    ValidationPixels,
    needs_validation_batch,
    steer_augmentation,
    validation_batch,
)
from tests.helpers.plain import PLAIN
from tests.helpers.stepped import step_on

ENGINE = make_engine("cpu", "fp32")
LABELS = torch.tensor([2, 0, 2, 0])
ADA = (
    'augment.operations=["translate", "cutout"]',
    "augment.target=0.5",
    "augment.speed=100",
    "augment.signal=validation",
    "evaluate.validation=6",
)


def tiny(*changes):
    return recipe(PLAIN, ["model.width=8", "batch_size=4", "precision=fp32", *ADA, *changes])


def noise(small, clock, num=4):
    shape = (num, small.data.channels, small.data.height, small.data.width)
    return torch.randint(0, 256, shape, generator=stream(0, "x", clock)).to(torch.uint8)


def validation(small, num=6):
    labels = np.arange(num) % small.data.num_classes if small.data.num_classes else None
    return Dataset(images=noise(small, 999, num).numpy(), labels=labels, index={"name": "noise", "notes": []})


def stepped(gan, small, steps):
    """The values of the last of some steps of noise."""
    for _ in range(steps):
        labels = torch.arange(4) % small.data.num_classes if small.data.num_classes else None
        held_out = validation_batch(small, validation(small), gan.seen)
        values = step_on(gan, noise(small, gan.seen), small, ENGINE, labels, held_out)
    return values


def logits(*means):
    """Logits of which the means are these."""
    return [torch.tensor([mean - 1.5, mean + 1.5]) for mean in means]


@pytest.mark.parametrize(
    ("train", "held_out", "fake", "expected"),
    [
        (3.0, 3.0, -1.0, 0.0),  # D knows nothing of those it trains on that is not true of others
        (3.0, -1.0, -1.0, 1.0),  # to D what it has not seen is as false as a fake
        (3.0, 1.0, -1.0, 0.5),
        (3.0, 4.0, -1.0, -0.25),  # chance
        (3.0, -3.0, -1.0, 1.5),
        (2.0, 0.0, 2.0, 0.0),  # no difference to divide by
        (1.0, 2.0, 3.0, 0.0),  # D is wrong: the quotient would be 0.5
        (1.0, 0.0, 3.0, 0.0),  # and here -0.5
    ],
)
def test_overfitting_is_the_share_of_the_way_from_the_training_images_to_the_fakes(train, held_out, fake, expected):
    assert overfitting(*logits(train, held_out, fake)) == expected


def test_overfitting_is_the_same_for_logits_shifted_and_scaled():
    three = [torch.randn(50, generator=stream(0, "logits", number)) + 3 - 2 * number for number in range(3)]
    assert overfitting(*(7 * one - 90 for one in three)) == pytest.approx(overfitting(*three), rel=1e-5)
    assert 0 < overfitting(*three) < 1


def controlled(speed=1000, most=0.8):
    settings = Augment(operations=("flip",), target=0.5, speed=speed, probability=most, signal="validation")
    return make_augmenter(settings, "-1..1")


def test_the_chance_moves_by_the_images_of_four_batches_and_up_only_above_the_target():
    augmenter, found = controlled(speed=400), []
    for held_out in (0.9, 0.9, 1.1, 1.0, 0.9):  # r_v of 0.55, 0.55, 0.45, 0.5, 0.55
        observe_validation(augmenter, torch.full((10,), 2.0), torch.full((10,), held_out), torch.zeros(10))
        found.append(augmenter.probability_at(0))
    assert found == pytest.approx([0.1, 0.2, 0.1, 0.0, 0.1])


@pytest.mark.parametrize(("held_out", "ends"), [(-2.0, 0.8), (1.9, 0.0), (2.1, 0.0)])
def test_it_rises_to_its_bound_exactly_and_falls_to_nothing_exactly(held_out, ends):
    augmenter = controlled()
    augmenter.state[0] = 0.4
    for _ in range(50):
        observe_validation(augmenter, *(torch.full((10,), mean) for mean in (2.0, held_out, -2.0)))
    assert augmenter.probability_at(0) == ends


def test_where_d_rates_fakes_above_what_it_trains_on_the_chance_falls():
    augmenter = controlled()
    augmenter.state[0] = 0.4
    observe_validation(augmenter, *logits(1.0, -5.0, 2.0))
    assert augmenter.probability_at(0) == pytest.approx(0.4 - BATCHES * 2 / 1000)


def test_on_a_d_that_learns_by_heart_the_chance_rises_until_augmentation_holds_it():
    """A simulated D: its margins grow with the steps; the gap to what it has not seen does too, and less the more p."""
    augmenter, found = controlled(speed=20_000), []
    for step in range(1000):
        margin, p = min(step / 50, 4.0), augmenter.probability_at(0)
        gap = min(step / 200, 0.9) - p
        three = (margin / 2, margin / 2 - gap * margin, -margin / 2)
        draws = [torch.randn(64, generator=stream(0, f"{number}", step)) * 0.5 for number in range(3)]
        observe_validation(augmenter, *(mean + make_batch for mean, make_batch in zip(three, draws, strict=True)))
        found.append(p)
    assert max(found[:100]) < 0.1
    assert np.mean(found[-300:]) == pytest.approx(0.4, abs=0.1)  # 0.9 - p is the target there


def test_every_fourth_iteration_asks_for_a_batch_and_no_other():
    small = tiny()
    asked = [validation_batch(small, validation(small), 4 * iteration) is not None for iteration in range(9)]
    assert asked == [False, False, False, True, False, False, False, True, False]
    assert not any(needs_validation_batch(tiny("augment.signal=signs"), 4 * iteration) for iteration in range(9))


def test_the_batches_are_of_the_images_kept_out_and_follow_from_seed_and_clock():
    small = tiny("data.num_classes=3", "model.name=thin-dcgan")
    dataset = validation(small)
    first, again, later = (validation_batch(small, dataset, seen) for seen in (12, 12, 28))
    assert torch.equal(first.pixels, again.pixels)
    assert not torch.equal(first.pixels, later.pixels)
    of = [[image.tobytes() for image in dataset.images].index(one.numpy().tobytes()) for one in first.pixels]
    assert first.labels.tolist() == [number % 3 for number in of]
    assert len(validation_batch(small, validation(small, num=2), 12).pixels) == 4


@pytest.mark.parametrize(
    "changes", [("objective.penalty=r1", "objective.gamma=1.0"), ("objective.discriminator_batch=separate",)]
)
def test_d_is_asked_of_them_as_of_the_reals_at_the_same_moment(changes):
    small = tiny(*changes)
    gan = build(small, ENGINE)
    gan.seen, gan.augment.state[0] = 12, 0.7
    given, D = given_at_12(small), copy.deepcopy(gan.D)
    values = discriminator_step(gan, given, small.objective, ENGINE)
    seen = gan.augment(given.validation.images, given.augment_draws["d/held-out"], 12)
    assert not torch.equal(seen, given.validation.images)
    assert_close(values[VALIDATION_LOGITS], D(seen))
    assert_close(values["logits/real"], D(gan.augment(given.real, given.augment_draws["d/real"], 12)))
    assert not values[VALIDATION_LOGITS].requires_grad


@pytest.mark.parametrize("batches", ["mixed", "separate"])
@pytest.mark.parametrize("model", ["upsample-dcgan", "mnist-dcgan"])
def test_d_learns_nothing_from_them(model, batches):
    """The second D has dropout, which draws for them from a stream of its own."""
    small = tiny(f"model.name={model}", "model.width=8", f"objective.discriminator_batch={batches}")
    given, after = given_at_12(small), []
    for one in (given, replace(given, validation=None, dropout_d=stream(0, "dropout/d", 12))):
        gan = build(small, ENGINE)
        values = discriminator_step(gan, one, small.objective, ENGINE)
        after.append(gan.D.state_dict())
        assert (VALIDATION_LOGITS in values) == (one is given)
    assert all(torch.equal(tensor, after[1][name]) for name, tensor in after[0].items())


def given_at_12(small, **more):
    return make_batch(small, 12, noise(small, 12), ENGINE, None, validation_batch(small, validation(small), 12), **more)


def test_with_them_all_else_that_an_iteration_is_given_is_the_same():
    small = tiny()
    given, plain = given_at_12(small), make_batch(tiny("augment.signal=signs"), 12, noise(small, 12), ENGINE)
    for name in ("real", "z_d", "z_g"):
        assert torch.equal(getattr(given, name), getattr(plain, name))
    numbers = given.augment_draws.pop("d/held-out")
    assert given.augment_draws.keys() == plain.augment_draws.keys()
    assert all(torch.equal(other, plain.augment_draws[name]) for name, other in given.augment_draws.items())
    assert not any(torch.equal(numbers, other) for other in given.augment_draws.values())


def test_they_go_through_d_in_parts_as_in_the_whole():
    found = []
    for parts in (1, 2):
        small = tiny("model.name=residual", "data.num_classes=3", f"microbatches={parts}")
        held_out = validation_batch(small, validation(small), 12)
        given = make_batch(small, 12, noise(small, 12), ENGINE, LABELS, held_out)
        found.append(discriminator_step(build(small, ENGINE), given, small.objective, ENGINE)[VALIDATION_LOGITS])
    assert_close(*found, rtol=1e-4, atol=1e-5)


def test_an_iteration_that_asks_for_them_does_not_go_without():
    small = tiny()
    with pytest.raises(ValueError, match="belong to every step"):
        make_batch(small, 12, noise(small, 12), ENGINE)
    with pytest.raises(ValueError, match="names, and to no other"):
        make_batch(small, 16, noise(small, 16), ENGINE, None, ValidationPixels(noise(small, 0), None))


def test_with_classes_d_is_told_those_of_the_images_kept_out():
    small = tiny("model.name=thin-dcgan", "data.num_classes=3")
    held_out = validation_batch(small, validation(small), 12)
    gan, told = build(small, ENGINE), []
    gan.D.register_forward_hook(lambda _network, inputs, _output: told.append(inputs[1].tolist()))
    given = make_batch(small, 12, noise(small, 12), ENGINE, LABELS, held_out)
    discriminator_step(gan, given, small.objective, ENGINE)
    assert told == [LABELS.tolist() * 2, held_out.labels.tolist()]
    assert held_out.labels.tolist() != LABELS.tolist()


@pytest.mark.parametrize("loss", ["non-saturating", "relativistic", "wasserstein"])
def test_an_iteration_moves_the_chance_by_what_d_said_in_it(loss):
    """No logit is a boundary to this signal, so it is the same for every loss."""
    changes = ["objective.weight_clip=0.1"] if loss == "wasserstein" else []
    small = tiny(f"objective.loss={loss}", *changes)
    gan = build(small, ENGINE)
    gan.augment.state[0] = 0.3
    for signs, towards in (((3.0, -1.0, -1.0), 1), ((3.0, 3.0, -1.0), -1)):
        before = gan.augment.probability_at(0)
        values = dict(
            zip(("logits/real", VALIDATION_LOGITS, "logits/fake"), (torch.full((4,), m) for m in signs), strict=True)
        )
        steer_augmentation(gan, {name: values[name] for name in values if name != VALIDATION_LOGITS}, small)
        assert gan.augment.probability_at(0) == before
        steer_augmentation(gan, values, small)
        assert gan.augment.probability_at(0) == pytest.approx(before + towards * 16 / 100)


@pytest.mark.parametrize(
    ("stop", "changes"),
    [(5, ()), (7, ()), (8, ()), (6, ("model.name=thin-dcgan", "data.num_classes=3", "ema_half_life=20.0"))],
)
def test_stopped_between_two_moves_a_run_goes_on_exactly(tmp_path, stop, changes):
    small = tiny("augment.target=0.01", *changes)
    whole, run = build(small, ENGINE), create_run(tmp_path, "small")
    stepped(whole, small, stop)
    save_checkpoint(run, whole, small)
    again = build(small, ENGINE)
    load_checkpoint(find_checkpoint(run).folder, again)
    values = [stepped(gan, small, 12 - stop) for gan in (whole, again)]
    assert all(torch.equal(values[0][name], values[1][name]) for name in values[0])
    assert VALIDATION_LOGITS in values[0]
    assert whole.augment.state.tolist() == again.augment.state.tolist()
    assert whole.augment.state[0] % 0.16 == pytest.approx(0, abs=1e-9)
    for mine, other in ((whole.D, again.D), (whole.G, again.G)):
        assert all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in mine.state_dict().items())


def test_a_fork_may_go_over_to_the_other_signal_with_the_chance_it_has(tmp_path):
    small = tiny("augment.signal=signs")
    gan, run = build(small, ENGINE), create_run(tmp_path, "small")
    gan.augment.state[0] = 0.32
    stepped(gan, small, 2)
    save_checkpoint(run, gan, small)
    fork = build(tiny(), ENGINE)
    load_checkpoint(find_checkpoint(run).folder, fork, forking=True)
    values = stepped(fork, tiny(), 2)
    above = overfitting(values["logits/real"], values[VALIDATION_LOGITS], values["logits/fake"]) > 0.5
    assert fork.augment.probability_at(0) == pytest.approx(0.48 if above else 0.16)
    assert fork.augment.state[1:].tolist() == [0, 0]


def test_a_line_of_the_log_has_the_signal_if_its_step_had_one(tmp_path):
    small = tiny()
    gan, run = build(small, ENGINE), create_run(tmp_path, "small")
    log = StepLog(small, run, Silent(), resumed_at=0)
    for steps in (3, 1):
        values = stepped(gan, small, steps)
        log.write(gan, values)
    before, line = [json.loads(text) for text in (run.path / "events.jsonl").read_text().splitlines()]
    assert "augment/overfitting" not in before
    assert line["augment/overfitting"] == overfitting(
        values["logits/real"], values[VALIDATION_LOGITS], values["logits/fake"]
    )
    assert line["augment/probability"] == gan.augment.probability_at(16)


@pytest.mark.parametrize(("every", "expected"), [(1, 1 + 5 / 4), (16, 1 + 5 / 4 + 8 / 16)])
def test_a_trial_gives_the_look_at_images_kept_out_its_share(monkeypatch, every, expected):
    """On a clock of its own: a step takes a second, five more with such images and eight with a lazy penalty."""
    small = tiny("objective.penalty=r1", "objective.gamma=1.0", f"objective.penalty_every={every}")
    now = [0.0]

    def step(gan, batch, small, _engine):
        iteration = gan.seen // small.batch_size
        assert (batch.validation is not None) == (iteration % 4 == 3)
        now[0] += 1 + 5 * (batch.validation is not None) + 8 * (every > 1 and iteration % every == 0)
        return {"loss/g": torch.zeros(1)}

    monkeypatch.setattr(trial, "train_step", step)
    monkeypatch.setattr(trial.time, "perf_counter", lambda: now[0])
    assert trial.seconds_per_step(small, ENGINE) == pytest.approx(expected)


def test_a_trial_on_noise_takes_its_steps_with_classes_too():
    small = tiny("model.name=thin-dcgan", "data.num_classes=3")
    assert trial.seconds_per_step(small, ENGINE) > 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["evaluate.validation=0"], "needs validation images, which are not trained on; set evaluate.validation"),
        (["augment.target=0.0", "augment.speed=0"], "has no effect without augment.target; set both, or neither."),
        (["model.name=mnist-small-dcgan"], "batch norm in the D of model 'mnist-small-dcgan' would learn from them"),
        (["augment.signal=test"], "augment.signal must be"),
    ],
)
def test_a_signal_without_what_it_needs_is_refused_in_a_sentence(changes, message):
    with pytest.raises(RecipeError) as caught:
        tiny(*changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
