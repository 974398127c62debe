"""A training step on a machine that has other work: what the threads' way of waiting for one another costs.

    python -m benchmarks.speed.busy [--quick]

The threads of a step wait for one another some hundred times. By default OpenMP has them spin meanwhile; where other
processes want the cores, each spin takes the time that the other thread needs to get on. OMP_WAIT_POLICY=PASSIVE has
them sleep. Each way of waiting takes turns in processes of its own, on a quiet machine and beside a busy process a
core; medians of the rounds. Writes busy.json into benchmarks/results/.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from gansmith.cli.main import SPINS

RESULTS = Path(__file__).parents[1] / "results"
RECIPES = ("auto", "fashion-dcgan")
WAYS = {
    "spin, as by default": {},
    "sleep": {"OMP_WAIT_POLICY": "PASSIVE"},
    "spin 1,000 times, then sleep": {"GOMP_SPINCOUNT": "1000"},
    f"spin {int(SPINS):,} times, then sleep": {"GOMP_SPINCOUNT": SPINS},
}
LOADS = {"quiet": 0, "a busy process a core": os.cpu_count() or 1}
ROUNDS, SECONDS = 5, 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one round: whether it runs")
    parser.add_argument("--recipes", nargs="+", default=RECIPES)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--step", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        sys.stdout.write(f"{step_seconds(options.step)}\n")
        return
    from gansmith.runs.run import utc_now
    from gansmith.system.machine import describe_machine

    result = {"began": utc_now(), "load_before": os.getloadavg()[0], "machine": describe_machine(), "recipes": {}}
    for recipe in options.recipes:
        found = {load: {way: [] for way in WAYS} for load in LOADS}
        for _ in range(1 if options.quick else ROUNDS):
            for load, num in LOADS.items():
                with busy(num):
                    for way, environment in WAYS.items():
                        found[load][way].append(in_a_process(recipe, environment))
        result["recipes"][recipe] = {
            load: {way: {"seconds": statistics.median(rounds), "rounds": rounds} for way, rounds in ways.items()}
            for load, ways in found.items()
        }
        for load, ways in result["recipes"][recipe].items():
            said = ", ".join(f"{way} {1e3 * one['seconds']:.1f} ms" for way, one in ways.items())
            sys.stdout.write(f"{recipe}, {load}: {said}\n")
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "busy.json").write_text(json.dumps(result, indent=1) + "\n")


@contextmanager
def busy(num: int) -> Generator[None]:
    """So many processes that want a core each."""
    command = [sys.executable, "-c", "while True: pass"]
    processes = [subprocess.Popen(command, start_new_session=True) for _ in range(num)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def in_a_process(recipe: str, environment: dict[str, str]) -> float:
    cleared = {name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    command = [sys.executable, "-m", "benchmarks.speed.busy", "--step", recipe]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=cleared | environment)
    return float(done.stdout)


def step_seconds(name: str) -> float:
    """The median of as many steps as fit, three at least, on noise."""
    import torch

    import gansmith
    from gansmith.engine import make_engine
    from gansmith.rng import stream
    from gansmith.training.loop import train_step
    from gansmith.training.state import build

    recipe = gansmith.recipe(name)
    engine = make_engine("cpu", recipe.precision)
    gan, data = build(recipe, engine), recipe.data
    shape = (recipe.batch_size, data.channels, data.height, data.width)
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=stream(0, "busy", 0))
    train_step(gan, pixels, recipe, engine)
    taken, end = [], time.monotonic() + SECONDS
    while len(taken) < 3 or time.monotonic() < end:
        began = time.monotonic()
        train_step(gan, pixels, recipe, engine)
        taken.append(time.monotonic() - began)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
