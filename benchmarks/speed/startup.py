"""How long the command line takes to answer, to its first training step, and to draw 10,000 images.

    GANSMITH_DATA=... python -m benchmarks.speed.startup [--quick]

Whole processes, warm, medians. The first step is that of `gansmith train fashion-dcgan` on a set that is packed: the
time from the start of the process until the step's line is in events.jsonl. Samples are those of the same recipe after
a step, into a .npy file; their rate counts the whole command. Writes startup.json into benchmarks/results/.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import gansmith
from gansmith.runs.run import list_runs
from gansmith.system.machine import describe_machine

RESULTS = Path(__file__).parents[1] / "results"
REPEATS = 9
COMMANDS = ("--help", "train --help", "recipes list", "recipes show demo")


RECIPE = "fashion-dcgan"
SAMPLES = 10_000
DEADLINE = 120


def seconds(command: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "gansmith", *command.split()], check=True, capture_output=True)
    return time.perf_counter() - began


def seconds_to_first_step() -> float:
    """Train until the first step is in the log, then end the process."""
    log_each = f"length.log_every={gansmith.recipe(RECIPE).batch_size}"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "gansmith", "train", RECIPE, "--runs", folder, "--set", log_each]
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            while not any(event.stat().st_size for event in Path(folder).glob("*/events.jsonl")):
                if process.poll() is not None or time.perf_counter() - began > DEADLINE:
                    sys.exit(f"{RECIPE} took no step: {process.stderr.read1().decode(errors='replace')}")
                time.sleep(0.002)
            return time.perf_counter() - began
        finally:
            process.kill()
            process.communicate()


def seconds_of_samples(repeats: int) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        seconds(f"train {RECIPE} --steps 1 --runs {folder}")
        run, out = list_runs(Path(folder))[0].path, Path(folder) / "samples.npy"
        return [seconds(f"sample {run} -n {SAMPLES} --out {out}") for _ in range(repeats)]


def spread(taken: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(taken), "min": min(taken), "max": max(taken)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="once each: whether it runs")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    repeats = 1 if options.quick else REPEATS
    times: dict[str, list[float]] = {command: [] for command in COMMANDS}
    first_step: list[float] = []
    seconds_to_first_step()  # packs the set, if this is the first time
    for command in COMMANDS:
        seconds(command)
    for _ in range(repeats):  # interleaved, so that a slow moment of the machine falls on all of them
        for command in COMMANDS:
            times[command].append(seconds(command))
        first_step.append(seconds_to_first_step())
    figures = {command: spread(taken) for command, taken in times.items()}
    figures[f"train {RECIPE}, to the first step"] = spread(first_step)
    figures[f"sample -n {SAMPLES}"] = spread(seconds_of_samples(min(repeats, 3)))
    options.out.mkdir(parents=True, exist_ok=True)
    result = {
        "machine": describe_machine(),
        "repeats": repeats,
        "seconds": figures,
        "samples_per_second": SAMPLES / figures[f"sample -n {SAMPLES}"]["median"],
    }
    (options.out / "startup.json").write_text(json.dumps(result, indent=1) + "\n")
    for command, figure in figures.items():
        sys.stdout.write(f"gansmith {command:<40} {figure['median']:.3f} s ({figure['min']:.3f}-{figure['max']:.3f})\n")


if __name__ == "__main__":
    main()
