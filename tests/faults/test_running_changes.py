"""What a continued run may change, what it may not, and the new run that may change anything."""

import re
import shlex
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from gansmith.data.store_writer import write_dataset
from gansmith.recipe_file import from_values, override
from tests.helpers.running import BATCH, EVERY, differing, events, info, saved

pytestmark = pytest.mark.slow


@pytest.fixture
def stopped(gansmith, tiny):
    gansmith("train", tiny, get_signals={"step": 13, "signums": [signal.SIGTERM]})
    return Path("runs/00001-tiny")


def one_sentence(ended, code, *parts):
    assert ended.code == code, ended.err
    (line,) = ended.err.splitlines()
    assert all(part in line for part in ("error: ", *parts)), line


def edit(run, old, new):
    text = (run / "recipe.toml").read_text()
    assert old in text
    (run / "recipe.toml").write_text(text.replace(old, new, 1))


def test_intervals_and_length_are_applied_and_move_no_weight(gansmith, tiny, stopped):
    whole = gansmith("train", tiny, "--runs", "other").run
    edit(stopped, f"log_every = {3 * BATCH}", f"log_every = {5 * BATCH}")
    ended = gansmith("resume", stopped, "--set", f"length.checkpoint_every={10 * BATCH}", "--set", "grid.rows=2")
    assert ended.code == 0, ended.err
    assert [event["step"] for event in events(stopped)] == [3, 6, 9, 12, 15, 20, 25, 30]
    assert saved(stopped)[-2:] == [20, 30]
    assert set(differing(stopped, whole)) == {"events"}
    assert info(stopped)["recipe"]["length"]["log_every"] == 5 * BATCH


@pytest.mark.parametrize(
    ("field", "old", "new"),
    [
        ("batch_size", 8, 16),
        ("seed", 0, 1),
        ("generator_optimizer.lr", 0.0005, 0.001),
        ("model.width", 8, 16),
        ("objective.loss", "non-saturating", "hinge"),
        ("grid.rows", 2, 3),
        ("validation_losses.every", 0, 80),
    ],
)
def test_any_other_change_is_refused_by_name_with_both_values(gansmith, stopped, field, old, new):
    before = (stopped / "run.json").read_bytes(), (stopped / "events.jsonl").read_bytes()
    ended = gansmith("resume", stopped, "--set", f"{field}={new}")
    one_sentence(ended, 2, f"{field} was {old!r} and is now {new!r}", f"--set {field}={new}")
    assert ended.err.count("--fork") == (field != "model.width")  # whose weights do not fit
    assert ((stopped / "run.json").read_bytes(), (stopped / "events.jsonl").read_bytes()) == before


def test_an_edited_recipe_is_refused_in_the_same_way(gansmith, stopped):
    edit(stopped, "beta1 = 0.5", "beta1 = 0.9")
    one_sentence(gansmith("resume", stopped), 2, "discriminator_optimizer.beta1 was 0.5 and is now 0.9", "recipe.toml")


def test_other_images_are_refused_and_the_same_ones_elsewhere_are_not(gansmith, tiny, stopped):
    pixels = np.load("store/images.npy")
    write_dataset(Path("moved"), pixels, None, {"name": "noise", "notes": []})
    pixels[0] += 1
    write_dataset(Path("others"), pixels, None, {"name": "noise", "notes": []})
    one_sentence(gansmith("resume", stopped, "--set", "data.name=others"), 2, "sha256 was", "--fork")
    assert gansmith("resume", stopped, "--set", "data.name=moved").code == 0
    assert differing(stopped, gansmith("train", tiny).run) == []


def test_a_fork_is_a_new_run_that_goes_on_from_the_checkpoint(gansmith, tiny, stopped):
    before = {path: path.read_bytes() for path in stopped.rglob("*") if path.is_file()}
    ended = gansmith("resume", stopped, "--set", "generator_optimizer.lr=0.001", "--fork")
    assert ended.code == 0, ended.err
    fork = ended.run
    assert fork.name == "00002-tiny"
    assert info(fork)["forked_from"] == {"run": "00001-tiny", "step": 13, "seen": 13 * BATCH}
    assert [event["step"] for event in events(fork)] == [15, 18, 21, 24, 27, 30]
    assert before == {path: path.read_bytes() for path in stopped.rglob("*") if path.is_file()}
    whole = gansmith("train", tiny).run
    assert "checkpoints/00000030/G.safetensors" in differing(fork, whole)


def test_a_fork_without_a_change_comes_to_the_same(gansmith, tiny, stopped):
    fork = gansmith("resume", stopped, "--fork", get_signals={"step": 22, "signums": [signal.SIGKILL]})
    assert fork.code == -signal.SIGKILL
    fork = Path("runs/00002-tiny")
    assert gansmith("resume", fork).code == 0
    whole = gansmith("train", tiny).run
    assert all(name == "events" or name.startswith("samples/") for name in differing(fork, whole))
    assert events(fork) == [event for event in events(whole) if event["step"] > 13]


def test_a_fork_with_another_batch_goes_on_exactly_too(gansmith, stopped):
    forked = (
        "resume",
        stopped,
        "--set",
        "batch_size=10",
        "--steps",
        20,
        "--fork",
    )  # 104 images are no whole batches of 10
    whole = gansmith(*forked)
    assert whole.code == 0, whole.err
    assert (info(whole.run)["forked_from"]["step"], info(whole.run)["step"]) == (13, 20)
    assert gansmith(*forked, get_signals={"step": 15, "signums": [signal.SIGTERM]}).code == 143
    assert gansmith("resume", "runs/00003-tiny").code == 0
    assert differing(Path("runs/00003-tiny"), whole.run) == []


def test_a_fork_of_other_networks_says_what_does_not_fit(gansmith, stopped):
    one_sentence(gansmith("resume", stopped, "--set", "model.width=16", "--fork"), 5, "cannot be used with this run's")
    assert not Path("runs/00002-tiny").exists()


def test_another_number_of_threads_is_remarked_upon_once(gansmith, stopped):
    for step in (15, 17):
        plan = {"get_signals": {"step": step, "signums": [signal.SIGTERM]}, "use_threads": {"num": 2}}
        ended = gansmith("resume", stopped, **plan)
        assert ended.code == 143
        assert ("from here on with threads 2, not 1: the last bits may differ" in ended.err) == (step == 15)
    assert sum("threads 2" in note for note in info(stopped)["notes"]) == 1


def test_the_command_that_forks_a_finished_run_is_given_and_works(gansmith, tiny):
    run = gansmith("train", tiny).run
    said = gansmith("resume", run, "--set", "batch_size=4").err
    command = shlex.split(re.search(r"gansmith (resume .* --fork)", said)[1])
    assert command[-3:] == ["--steps", "120", "--fork"]
    forked = gansmith(*command)
    assert forked.code == 0, forked.err
    assert "a new run from step 30 of runs/00001-tiny, 240 images" in forked.err
    without = gansmith("resume", run, "--set", "batch_size=4", "--fork")
    one_sentence(without, 2, "is complete at step 30, which is step 60 of 4 images; give more --steps")


@pytest.mark.parametrize(
    "changes",
    [
        ('augment.operations=["flip", "cutout"]', "seed=1"),
        ("objective.generator_reuses_latents=true",),
        ("generator_optimizer.lr={start=0.001, end=0.0001, until=480}",),
        ("ema_half_life=50",),
    ],
)
def test_the_command_that_forks_is_one_that_a_shell_and_gansmith_understand(gansmith, stopped, changes):
    said = gansmith("resume", stopped, *(word for change in changes for word in ("--set", change))).err
    command = shlex.split(re.search(r"gansmith (resume .* --fork)", said)[1])
    forked = gansmith(*command)
    assert forked.code == 0, (command, forked.err)
    read = [override(from_values(info(stopped)["recipe"]), given) for given in (changes, command[3::2])]
    assert read[0] == read[1]


def test_a_fork_may_be_the_first_with_an_average_which_begins_as_the_weights(gansmith, tiny):
    plan = {"get_signals": {"step": 13, "signums": [signal.SIGTERM]}}
    assert gansmith("train", tiny, "--set", "ema_half_life=0", **plan).code == 143
    changes = ("--set", "ema_half_life=100", "--set", "checkpoints.keep_last=9")
    fork = gansmith("resume", "last", *changes, "--fork")
    assert fork.code == 0, fork.err
    average, origin = (
        load_file(run / f"checkpoints/00000013/{name}.safetensors")
        for run, name in ((fork.run, "G_ema"), (Path("runs/00001-tiny"), "G"))
    )
    assert average.keys() == origin.keys()
    assert all(torch.equal(average[name], origin[name]) for name in origin)


def test_a_finished_run_is_left_as_it_is(gansmith, tiny):
    run = gansmith("train", tiny).run
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    one_sentence(gansmith("resume", run), 2, "is complete at step 30; give more --steps")
    assert before == {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert saved(run) == [20, 25, 30]
    assert EVERY == 5
