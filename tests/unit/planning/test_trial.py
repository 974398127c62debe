"""A trial: which steps it takes, when it ends, and what it finds."""

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gansmith import recipe
from gansmith.data.store import Dataset
from gansmith.engine import make_engine
from gansmith.planning import trial, trial_process
from gansmith.training.datasets import Datasets
from gansmith.training.state import build
from tests.helpers.plain import PLAIN

ENGINE = make_engine("cpu", "fp32")


@pytest.fixture
def clocked(monkeypatch):
    """Sets how long a step takes by its iteration; returns the iterations that were timed."""
    now, iterations = [0.0], []

    def by(seconds):
        def step(gan, _batch, small, _engine):
            iterations.append(gan.seen // small.batch_size)
            now[0] += seconds(iterations[-1])
            return {"loss/g": torch.zeros(1)}

        monkeypatch.setattr(trial, "train_step", step)
        monkeypatch.setattr(trial.time, "perf_counter", lambda: now[0])
        return iterations

    return by


@pytest.mark.parametrize(("seconds", "steps"), [(0.01, 20), (0.6, 9), (2, 5), (9.9, 5)])
def test_a_trial_is_twenty_steps_or_five_seconds_but_five_steps_at_least(clocked, seconds, steps):
    iterations = clocked(lambda _: seconds)
    assert trial.seconds_per_step(recipe(PLAIN, ["model.width=8"]), ENGINE) == pytest.approx(seconds)
    assert len(iterations) == 2 + steps


@pytest.mark.parametrize("slow", [0, 1])
def test_a_trial_ends_after_the_first_slow_step(clocked, slow):
    iterations = clocked(lambda iteration: 14.0 if iteration == slow else 0.1)
    assert trial.seconds_per_step(recipe(PLAIN, ["model.width=8"]), ENGINE) == pytest.approx(14)
    assert iterations == [*range(slow + 1)]


def test_a_slow_step_is_all_that_a_trial_of_a_run_takes(clocked):
    iterations = clocked(lambda _: 14.0)
    doing, pixels = [], np.zeros((40, 1, 28, 28), np.uint8)
    images = Datasets(train=Dataset(images=pixels, labels=None, index={}), for_losses=None, validation=None, notes=[])
    found = trial.costs(recipe(PLAIN, ["model.width=8"]), ENGINE, images, doing.append)
    assert (found.seconds, iterations, doing) == ({"step": pytest.approx(14)}, [0], ["the first step"])


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


def small_costs(images, tell=lambda _: None):
    """What a trial of everything finds, at a small size."""
    changes = ["model.width=8", "batch_size=4", "data.height=8", "data.width=8", "grid.rows=2", "grid.columns=2"]
    small = recipe("auto", [*changes, "validation_losses.every=4", f"evaluate.images={images}"])
    pixels = np.random.default_rng(0).integers(0, 256, (400, 1, 8, 8), np.uint8)
    dataset = Dataset(images=pixels, labels=None, index={"name": "noise", "notes": []})
    datasets = Datasets(train=dataset, for_losses=dataset, validation=None, notes=[])
    return trial.costs(small, ENGINE, datasets, tell)


def test_everything_that_a_run_does_has_its_cost_and_is_told_before():
    doing = []
    found = small_costs(150, doing.append)
    assert doing[:2] == ["the first step", "step 1, of 5 to 20"]
    assert doing[-2:] == ["an evaluation of 150 images", "a grid, a checkpoint and a report"]
    assert found.seconds.keys() == {"step", "log", "validation losses", "evaluation", "grid", "checkpoint", "once"}
    assert min(found.seconds.values()) > 0
    assert found.peak > 2**26


@pytest.mark.parametrize("images", [150, 350])
def test_an_evaluation_has_the_price_of_a_warm_one(monkeypatch, images):
    asked = []

    def evaluate(self, *_):
        """The first takes 9 s more than others, and each of its images 10 ms."""
        asked.append(self.num)
        self.preparing, self.measuring = 0.5, 9.0 * (len(asked) == 1) + self.num / 100

    monkeypatch.setattr(trial.Evaluator, "evaluate", evaluate)
    monkeypatch.setattr(trial, "FEWEST_EVALUATED", 100)
    found = small_costs(images)
    fewest = found.evaluated_fewest
    assert fewest == min(asked) < found.evaluated or images == 150
    assert found.seconds["evaluation"] == pytest.approx(images / 100)
    assert (found.evaluated, found.fewest_evaluation) == (images, pytest.approx(fewest / 100))
    assert found.seconds["once"] > 9.5, "the first evaluation of a run is a cold one too"


def test_a_penalty_that_begins_at_nothing_is_tried_at_its_largest():
    later = recipe("auto", ["objective.gamma={start=0.0, end=0.5, begin=64_000, until=128_000}"])
    assert trial.at_worst_case(later).objective.gamma == 0.5
    assert trial.at_worst_case(recipe("auto")) == recipe("auto")


def ended(code, said):
    """A worker that ends at once, and has said this."""
    return lambda *_, **__: subprocess.CompletedProcess([], code, b"", said.encode())


@pytest.mark.parametrize(
    ("code", "said"), [(1, "RuntimeError: DefaultCPUAllocator: can't allocate memory"), (1, "MemoryError"), (-9, "")]
)
def test_a_trial_that_had_not_the_memory_found_nothing(monkeypatch, code, said):
    monkeypatch.setattr(trial_process, "watch_worker", ended(code, said))
    assert trial_process.try_out("costs", recipe("auto"), "cpu") is None


def test_a_trial_that_failed_for_another_reason_says_it(monkeypatch):
    said = "Traceback (most recent call last):\nOSError: [Errno 28] No space left on device"
    monkeypatch.setattr(trial_process, "watch_worker", ended(1, said))
    with pytest.raises(RuntimeError, match=r"^a trial of a few steps failed: OSError: \[Errno 28\] No space left"):
        trial_process.try_out("costs", recipe("auto"), "cpu")


@pytest.mark.parametrize("chosen", ["fp32", "bf16"])
def test_a_trial_computes_in_what_this_process_has_chosen(monkeypatch, chosen):
    asked = []

    def watch_worker(*_, **how):
        asked.append(how)
        return ended(1, "MemoryError")()

    monkeypatch.setattr(trial_process, "watch_worker", watch_worker)
    monkeypatch.setattr(trial_process, "make_engine", lambda device, precision: make_engine(device, chosen))
    trial_process.try_out("costs", recipe("auto"), "cpu")
    assert f'precision = "{chosen}"\n' in asked[0]["content"].decode()
    assert asked[0]["threads"] == torch.get_num_threads()


def test_a_long_trial_says_what_it_does_and_a_short_one_nothing(monkeypatch):
    told, now = SimpleNamespace(notes=[]), [0.0]
    told.note = told.notes.append

    def watch_worker(*_, on_line, **__):
        for doing, seconds in (("the first step", 2), ("step 1", 4), ("step 2", 1), ("an evaluation", 30), ("grid", 0)):
            on_line(json.dumps({"doing": doing}).encode())
            now[0] += seconds
        on_line(b'{"peak": 1}')
        return subprocess.CompletedProcess([], 0, b'{"doing": "grid"}\n{"peak": 1}\n', b"")

    monkeypatch.setattr(trial_process, "watch_worker", watch_worker)
    monkeypatch.setattr(trial_process.time, "monotonic", lambda: now[0])
    assert trial_process.try_out("costs", recipe("auto"), "cpu", reporter=told) == {"peak": 1}
    assert told.notes == ["trial, after 6 s: step 2", "trial, after 37 s: grid"]


@pytest.mark.slow
def test_a_trial_imports_nothing_from_the_current_folder():
    Path("safetensors.py").write_text("raise SystemExit('the current folder was imported')")
    small = recipe(PLAIN, ["model.width=8", "batch_size=4"])
    assert trial_process.try_out("memory", small, "cpu")["peak"] > 2**26
