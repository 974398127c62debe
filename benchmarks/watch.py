"""What it costs to look for numbers that are not finite: a share of a `fashion-dcgan` step. Paired and interleaved.

    python benchmarks/watch.py [--pairs N]

Two trainings of the same recipe take turns, one step each, the second without the watch; which of them goes first
alternates. Writes watch.json into benchmarks/results/. Needs no real pictures: noise costs the same.
"""

import argparse
import json
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import torch

from gansmith.machine import describe_machine
from gansmith.recipes import recipe
from gansmith.rng import stream
from gansmith.training import loop, optim
from gansmith.training.engine import make_engine
from gansmith.training.state import build

RESULTS = Path(__file__).parent / "results"
RECIPE = "fashion-dcgan"
WARM_UP = 5


def unwatched(stack: ExitStack) -> None:
    stack.enter_context(patch.object(optim, "all_finite", lambda tensors: True))
    stack.enter_context(patch.object(loop, "check_step", lambda gan, values, step: None))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=100)
    pairs = parser.parse_args().pairs
    asked = recipe(RECIPE)
    engine, data = make_engine("cpu", asked.precision), asked.data
    shape = (asked.batch, data.channels, data.height, data.width)
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=stream(0, "benchmark", 0))
    trainings = {"watched": build(asked, engine), "not watched": build(asked, engine)}

    def seconds(kind: str) -> float:
        with ExitStack() as stack:
            if kind == "not watched":
                unwatched(stack)
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
    differences = [one - other for one, other in zip(*times.values(), strict=True)]
    quarters = statistics.quantiles(differences, n=4)
    result = {
        "recipe": RECIPE,
        "precision": engine.precision,
        "threads": torch.get_num_threads(),
        "pairs": pairs,
        "step_seconds": whole,
        "watch_seconds": {"median": quarters[1], "quartiles": [quarters[0], quarters[2]]},
        "share": quarters[1] / whole,
        "machine": describe_machine(),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "watch.json").write_text(json.dumps(result, indent=1) + "\n")
    sys.stdout.write(f"{RECIPE}: a step of {whole:.4f} s, of which the watch is {result['share']:.2%}\n")


if __name__ == "__main__":
    main()
