"""What the loop adds to the bare step: images, logging, sample grids, checkpoints, at the recipe's own intervals.

    GANSMITH_DATA=... python -m benchmarks.speed.overhead [--quick]

The loop trains on the recipe's real images, in a new run folder each round; the bare step takes one fixed batch. They
take turns. `as_run` is the loop's time over the bare step's, less 1. The whole of fashion-mlp fits a round; of
mnist-dcgan a round has 40 of the 10,000 steps, but the grid of step 0 and the checkpoint of the end, due every 500
steps, fall into it all the same. `over_the_recipe` therefore adds up what a step costs besides the networks (images,
the loop, logging) and its share of all grids and checkpoints of the whole recipe, each timed inside the loop, over the
bare step. It is also the less noisy of the two. Writes overhead.json into benchmarks/results/.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import torch

import gansmith
from gansmith.data.dataset import Access
from gansmith.engine import make_engine, suitable_threads
from gansmith.runs.control import STOP, Requests
from gansmith.runs.reporter import LogFile, Silent
from gansmith.runs.run import create_run, utc_now
from gansmith.schema import Recipe
from gansmith.system.machine import describe_machine
from gansmith.training import loop
from gansmith.training.batch import make_batch
from gansmith.training.datasets import Datasets, open_all
from gansmith.training.state import build

RESULTS = Path(__file__).parents[1] / "results"
STEPS = {"fashion-mlp": 1875, "mnist-dcgan": 20}
ROUNDS = {"fashion-mlp": 7, "mnist-dcgan": 3}
PARTS: dict[str, tuple[object, str]] = {
    "train_step": (loop, "train_step"),
    "log": (loop.StepLog, "write"),
    "save_sample_grid": (loop, "save_sample_grid"),
    "save_checkpoint": (loop, "save_checkpoint"),
}
"""Functions that the loop calls, timed one by one: owner and name."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few steps, one round: whether it runs")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    result = {"began": utc_now(), "load_before": os.getloadavg()[0], "machine": describe_machine(), "recipes": {}}
    for name, steps in STEPS.items():
        found = measure(gansmith.recipe(name), 2 if options.quick else steps, 1 if options.quick else ROUNDS[name])
        result["recipes"][name] = found
        shares = f"as run {found['as_run']:.1%}, over the recipe {found['over_the_recipe']:.1%}"
        sys.stdout.write(f"{name}: the loop adds {shares} to a step of {1e3 * found['bare_step_seconds']:.2f} ms\n")
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "overhead.json").write_text(json.dumps(result, indent=1) + "\n")


def measure(recipe: Recipe, steps: int, rounds: int) -> dict:
    looped(recipe, 1)  # whatever happens once in a process
    bare = bare_steps(recipe)
    bare(1)
    loops, bares = [], []
    for _ in range(rounds):
        loops.append(looped(recipe, steps))
        bares.append(bare(steps))
    step = statistics.median(bares) / steps
    calls_of = {part: [seconds for run in loops for seconds in run[part]] for part in PARTS}
    parts = {part: statistics.mean(calls_of[part] or [0.0]) for part in PARTS}
    rest = statistics.median((run["whole"][0] - sum(sum(run[part]) for part in PARTS)) / steps for run in loops)
    calls = calls_in_whole(recipe)
    added = rest + sum(parts[part] * calls[part] / recipe.steps for part in calls)
    return {
        "steps": steps,
        "rounds": rounds,
        "precision": make_engine("auto", recipe.precision).precision,
        "bare_step_seconds": step,
        "loop_step_seconds": statistics.median(run["whole"][0] for run in loops) / steps,
        "as_run": statistics.median(run["whole"][0] / taken - 1 for run, taken in zip(loops, bares, strict=True)),
        "over_the_recipe": added / step,
        "images_and_loop_seconds": rest,
        "seconds_a_call": parts,
        "calls_over_the_recipe": calls,
    }


def bare_steps(recipe: Recipe) -> Callable[[int], float]:
    """A function that takes so many steps on one batch and returns the seconds."""
    engine = make_engine("auto", recipe.precision)
    gan, pixels = build(recipe, engine), images(recipe).batch(torch.arange(recipe.batch_size))

    def run(steps: int) -> float:
        began = time.perf_counter()
        with suitable_threads(recipe.batch_size, gan.G, gan.D):
            for _ in range(steps):
                loop.train_step(gan, make_batch(recipe, gan.seen, pixels, engine), recipe, engine)
        return time.perf_counter() - began

    return run


def looped(recipe: Recipe, steps: int) -> dict[str, list[float]]:
    """The first steps of the recipe in a new run: seconds of the whole, and of each call of the parts."""
    engine = make_engine("auto", recipe.precision)
    times: dict[str, list[float]] = {part: [] for part in PARTS}

    def timed(part: str) -> Callable:
        function = getattr(*PARTS[part])

        def call(*arguments, **named):
            began = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                times[part].append(time.perf_counter() - began)
                if part == "train_step" and len(times[part]) == steps:
                    requests.ask(STOP)

        return call

    with tempfile.TemporaryDirectory() as folder, ExitStack() as patches:
        run = create_run(Path(folder), recipe.name)
        gan, reporter = build(recipe, engine), LogFile(run.path / "log.txt", Silent())
        requests = Requests(run.path / "control")
        datasets = Datasets(train=images(recipe), for_losses=None, validation=None, notes=[])
        setup = loop.Setup(recipe, datasets, None, engine, run, reporter)
        for part in PARTS:
            patches.enter_context(patch.object(*PARTS[part], timed(part)))
        began = time.perf_counter()
        with suitable_threads(recipe.batch_size, gan.G, gan.D):
            for _step in loop.train_loop(gan, setup, requests):
                pass
        times["whole"] = [time.perf_counter() - began]
    return times


def images(recipe: Recipe) -> gansmith.data.store.Dataset:
    return open_all(recipe, Access()).train


def calls_in_whole(recipe: Recipe) -> dict[str, int]:
    """How often a whole training does what is due."""
    last = recipe.steps

    work = [loop.Due.at(recipe, step * recipe.batch_size) for step in range(last + 1)]
    return {
        "log": sum(due.log for due in work[:-1]) + 1,
        "save_sample_grid": sum(due.grid for due in work[:-1]) + 1,
        "save_checkpoint": sum(due.checkpoint for due in work[:-1]) + 1,
    }


if __name__ == "__main__":
    main()
