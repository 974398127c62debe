"""What it costs to look for numbers that are not finite: a share of a `fashion-dcgan` step. Paired and interleaved.

    python -m benchmarks.speed.watch [--pairs N]

Two trainings of the same recipe take turns, one step each, the second without the watch; which of them goes first
alternates. Two figures come of it: the time spent inside the watch, and the difference between the two trainings, which
holds what the watch does to the caches and all noise of the machine. Writes watch.json into benchmarks/results/. Needs
no real images: noise costs the same.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from gansmith.engine import make_engine
from gansmith.recipes import recipe
from gansmith.rng import stream
from gansmith.system.machine import describe_machine
from gansmith.training import loop, optim
from gansmith.training.state import build

RESULTS = Path(__file__).parents[1] / "results"
RECIPE = "fashion-dcgan"
WARM_UP = 5


def patched(stack: ExitStack, looks: Callable[[Callable], Callable], check_finite: Callable) -> None:
    for name in ("all_finite", "gradients_finite"):
        stack.enter_context(patch.object(optim, name, looks(getattr(optim, name))))
    stack.enter_context(patch.object(loop, "check_step", check_finite))


def timed(function: Callable, spent: list[float]) -> Callable:
    """The function, adding what it takes to the last number of `spent`."""

    def call(*arguments: Any) -> Any:
        began = time.perf_counter()
        result = function(*arguments)
        spent[-1] += time.perf_counter() - began
        return result

    return call


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=100)
    pairs = parser.parse_args().pairs
    asked = recipe(RECIPE)
    engine, data = make_engine("cpu", asked.precision), asked.data
    shape = (asked.batch_size, data.channels, data.height, data.width)
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=stream(0, "benchmark", 0))
    trainings = {"watched": build(asked, engine), "not watched": build(asked, engine)}

    inside: list[float] = []

    def seconds(kind: str) -> float:
        with ExitStack() as stack:
            if kind == "not watched":
                patched(stack, lambda look: lambda tensors: True, lambda gan, values, step: None)
            else:
                inside.append(0.0)
                patched(stack, lambda look: timed(look, inside), timed(loop.check_finite, inside))
            began = time.perf_counter()
            loop.train_step(trainings[kind], pixels, asked, engine)
            return time.perf_counter() - began

    times: dict[str, list[float]] = {kind: [] for kind in trainings}
    for number in range(-WARM_UP, pairs):
        order = [*trainings] if number % 2 else [*trainings][::-1]
        taken = {kind: seconds(kind) for kind in order}
        for kind in trainings if number >= 0 else ():
            times[kind].append(taken[kind])
    weights = [[*training.G.parameters(), *training.D.parameters()] for training in trainings.values()]
    assert all(torch.equal(*both) for both in zip(*weights, strict=True)), "the watch has changed what is computed"
    whole = statistics.median(times["not watched"])
    spent = statistics.median(inside[WARM_UP:])
    differences = [one - other for one, other in zip(*times.values(), strict=True)]
    quarters = statistics.quantiles(differences, n=4)
    result = {
        "recipe": RECIPE,
        "precision": engine.precision,
        "threads": torch.get_num_threads(),
        "pairs": pairs,
        "step_seconds": whole,
        "seconds_inside_the_watch": spent,
        "share_inside_the_watch": spent / whole,
        "difference_seconds": {"median": quarters[1], "quartiles": [quarters[0], quarters[2]]},
        "share_of_the_difference": quarters[1] / whole,
        "machine": describe_machine(),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "watch.json").write_text(json.dumps(result, indent=1) + "\n")
    sys.stdout.write(
        f"{RECIPE}: a step of {whole:.4f} s; inside the watch {spent / whole:.2%}, "
        f"difference {quarters[1] / whole:+.2%}\n"
    )


if __name__ == "__main__":
    main()
