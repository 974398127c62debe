"""Training one step at a time: the same bytes as `train`, and leaving early is a stop that can be resumed."""

import contextlib
import gc
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

import gansmith
from gansmith.errors import DivergedError, Interrupted, UsageError
from gansmith.runs.run import Run
from gansmith.sessions.resume import resume
from gansmith.training import loop
from tests.helpers.plain import PLAIN
from tests.helpers.running import STEPS, differing, info, saved, write_recipe

CLASSIC = "fashion-mlp"


def recipe(name=PLAIN, **more):
    return gansmith.recipe(str(write_recipe(name, **more)))


def test_every_step_is_yielded_and_the_run_is_that_of_train():
    made = recipe()
    whole = gansmith.train(made, name="whole", device="cpu")
    taken = [(step.step, step.seen) for step in gansmith.training_steps(made, name="steps", device="cpu")]
    assert taken == [(number, number * made.batch_size) for number in range(1, STEPS + 1)]
    stepped = Path("runs/00002-steps")
    assert not differing(whole.path, stepped)
    assert info(stepped)["status"] == "done"
    assert (stepped / "report.html").exists()


def test_a_step_has_the_losses_of_the_log():
    steps = gansmith.training_steps(recipe(), device="cpu")
    losses = {step.seen: step.losses for step in steps}
    events = Run(Path("runs/00001-tiny")).events()
    assert len(events) == STEPS // 3
    for line in events:
        assert losses[line["seen"]] == {name: line[name] for name in losses[line["seen"]]}
        assert {"loss/d", "loss/g"} <= losses[line["seen"]].keys()


def test_a_step_samples_the_images_of_its_checkpoint_until_the_next_step():
    steps = gansmith.training_steps(recipe(), device="cpu")
    last = None
    for step in steps:
        if last is not None:
            with pytest.raises(UsageError, match=f"step {step.step - 1} is over and its weights are gone"):
                last.sample(1)
        last, images = step, step.sample(3, seed=5)
    assert images.shape == (3, 28, 28, 1)
    assert images.dtype == np.uint8
    assert np.array_equal(images, gansmith.load(step.run).sample(3, seed=5))


def leave_by_break(steps, at):
    for step in steps:
        if step.step == at:
            break


def leave_by_an_exception(steps, at):
    with contextlib.suppress(ZeroDivisionError), contextlib.closing(steps):
        for step in steps:
            _ = 1 / (step.step - at)


def leave_by_close(steps, at):
    for _ in range(at):
        next(steps)
    steps.close()


@pytest.mark.parametrize("leave", [leave_by_break, leave_by_an_exception, leave_by_close])
@pytest.mark.parametrize("name", [PLAIN, pytest.param(CLASSIC, marks=pytest.mark.slow)])
def test_leaving_early_saves_and_resuming_equals_never_stopping(leave, name):
    made = recipe(name)
    whole = gansmith.train(made, name="whole", device="cpu")
    steps = gansmith.training_steps(made, name="left", device="cpu")
    leave(steps, 12)
    del steps
    gc.collect()
    run = Run(Path("runs/00002-left"))
    assert run.info()["status"] == "stopped"
    assert saved(run.path)[-1] == 12
    assert (run.path / "report.html").exists()
    resume(run, device="cpu")
    assert not differing(whole.path, run.path)


def test_leaving_behind_the_last_step_finishes_the_run():
    made = recipe()
    whole = gansmith.train(made, name="whole", device="cpu")
    leave_by_close(gansmith.training_steps(made, name="left", device="cpu"), STEPS)
    assert info(Path("runs/00002-left"))["status"] == "done"
    assert not differing(whole.path, Path("runs/00002-left"))


def test_nothing_is_made_before_the_first_step_is_asked_for():
    steps = gansmith.training_steps(recipe(), device="cpu")
    assert not Path("runs").exists()
    steps.close()
    assert not Path("runs").exists()


def test_control_c_between_two_steps_stops_the_run_at_the_next():
    steps = gansmith.training_steps(recipe(), device="cpu")
    next(steps)
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(Interrupted, match="stopped and saved at step 1 of"):
        next(steps)
    assert info(Path("runs/00001-tiny"))["status"] == "stopped"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_state_that_cannot_be_saved_on_leaving_is_rolled_back_and_not_trained_on(monkeypatch):
    steps = gansmith.training_steps(recipe(on_divergence="roll-back"), device="cpu")
    for _ in range(12):
        step = next(steps)
    real, calls = loop.save_checkpoint, []

    def save(run, gan, made):
        calls.append(gan.seen)
        if len(calls) == 1:
            raise DivergedError("a weight is not finite.")
        real(run, gan, made)

    monkeypatch.setattr(loop, "save_checkpoint", save)
    steps.close()
    assert info(step.run.path)["status"] == "stopped"
    assert saved(step.run.path)[-1] == 10
    assert len(info(step.run.path)["roll_backs"]) == 1


def test_it_leaves_torch_as_it_was():
    threads = torch.get_num_threads()
    leave_by_close(gansmith.training_steps(recipe(CLASSIC), device="cpu"), 3)
    assert torch.get_num_threads() == threads
