"""A trial: which steps it takes, when it ends, and what it finds."""

from pathlib import Path

import numpy as np
import pytest
import torch

from gansmith.data.store import Dataset
from gansmith.engine import make_engine
from gansmith.planning import trial, trial_process
from gansmith.recipes import recipe
from gansmith.training.datasets import Datasets
from gansmith.training.state import build
from tests.helpers.plain import PLAIN

ENGINE = make_engine("cpu", "fp32")


@pytest.fixture
def clocked(monkeypatch):
    """Sets how long a step takes by its iteration; returns the iterations that were timed."""
    now, iterations = [0.0], []

    def by(seconds):
        def step(gan, _pixels, small, _engine, _labels, _held_out):
            iterations.append(gan.seen // small.batch_size)
            now[0] += seconds(iterations[-1])
            return {"loss/g": torch.zeros(1)}

        monkeypatch.setattr(trial, "train_step", step)
        monkeypatch.setattr(trial.time, "perf_counter", lambda: now[0])
        return iterations

    return by


@pytest.mark.parametrize(("seconds", "steps"), [(0.01, 20), (0.6, 9), (2, 5), (100, 5)])
def test_a_trial_is_twenty_steps_or_five_seconds_but_five_steps_at_least(clocked, seconds, steps):
    iterations = clocked(lambda _: seconds)
    assert trial.seconds_per_step(recipe(PLAIN, ["model.width=8"]), ENGINE) == pytest.approx(seconds)
    assert len(iterations) == 2 + steps


def test_the_steps_before_it_are_not_timed_and_a_lazy_penalty_has_its_share(clocked):
    iterations = clocked(lambda iteration: 9.0 if len(iterations) <= 2 else 5.0 if iteration % 16 == 0 else 1.0)
    assert trial.seconds_per_step(recipe("auto", ["model.width=8"]), ENGINE) == pytest.approx(1 + 4 / 16)
    assert sum(iteration % 16 == 0 for iteration in iterations[2:]) >= 1


def test_the_steps_are_taken_on_the_runs_own_batches(clocked):
    clocked(lambda _: 0.1)
    asked, small = [], recipe(PLAIN, ["model.width=8"])

    def batches(iteration):
        asked.append(iteration)
        return torch.zeros(1), None

    trial.timed_steps(build(small, ENGINE), batches, small, ENGINE)
    assert asked == list(range(1, 21))


def test_everything_that_a_run_does_has_its_cost():
    changes = ["model.width=8", "batch_size=4", "data.height=8", "data.width=8", "grid.rows=2", "grid.columns=2"]
    small = recipe("auto", [*changes, "validation_losses.every=4", "evaluate.images=150"])
    pixels = np.random.default_rng(0).integers(0, 256, (400, 1, 8, 8), np.uint8)
    dataset = Dataset(images=pixels, labels=None, index={"name": "noise", "notes": []})
    images = Datasets(train=dataset, for_losses=dataset, validation=None, notes=[])
    found = trial.costs(small, ENGINE, images)
    assert found.seconds.keys() == {"step", "log", "validation losses", "evaluation", "grid", "checkpoint", "once"}
    assert min(found.seconds.values()) > 0
    assert found.peak > 2**26


def test_a_penalty_that_begins_at_nothing_is_tried_at_its_largest():
    later = recipe("auto", ["objective.gamma={start=0.0, end=0.5, begin=64_000, until=128_000}"])
    assert trial.at_worst_case(later).objective.gamma == 0.5
    assert trial.at_worst_case(recipe("auto")) == recipe("auto")


class Ended:
    """A process of which nothing is left but this."""

    def __init__(self, returncode, said):
        self.returncode, self.stdout, self.stderr = returncode, b"", said.encode()


@pytest.mark.parametrize(
    ("code", "said"), [(1, "RuntimeError: DefaultCPUAllocator: can't allocate memory"), (1, "MemoryError"), (-9, "")]
)
def test_a_trial_that_had_not_the_memory_found_nothing(monkeypatch, code, said):
    monkeypatch.setattr(trial_process.subprocess, "run", lambda *_, **__: Ended(code, said))
    assert trial_process.try_out("costs", recipe("auto"), "cpu") is None


def test_a_trial_that_failed_for_another_reason_says_it(monkeypatch):
    said = "Traceback (most recent call last):\nOSError: [Errno 28] No space left on device"
    monkeypatch.setattr(trial_process.subprocess, "run", lambda *_, **__: Ended(1, said))
    with pytest.raises(RuntimeError, match=r"^a trial of some steps failed: OSError: \[Errno 28\] No space left"):
        trial_process.try_out("costs", recipe("auto"), "cpu")


@pytest.mark.parametrize("chosen", ["fp32", "bf16"])
def test_a_trial_computes_in_what_this_process_has_chosen(monkeypatch, chosen):
    asked = []

    def run(_command, **how):
        asked.append(how)
        return Ended(1, "MemoryError")

    monkeypatch.setattr(trial_process.subprocess, "run", run)
    monkeypatch.setattr(trial_process, "make_engine", lambda device, precision: make_engine(device, chosen))
    trial_process.try_out("costs", recipe("auto"), "cpu")
    assert f'precision = "{chosen}"\n' in asked[0]["input"].decode()
    assert asked[0]["env"]["OMP_NUM_THREADS"] == asked[0]["env"]["OPENBLAS_NUM_THREADS"]


@pytest.mark.slow
def test_a_trial_imports_nothing_from_the_current_folder():
    Path("safetensors.py").write_text("raise SystemExit('the current folder was imported')")
    small = recipe(PLAIN, ["model.width=8", "batch_size=4"])
    assert trial_process.try_out("memory", small, "cpu")["peak"] > 2**26
