"""How long the command line takes to answer: whole processes, warm, medians.

    python benchmarks/startup.py

Writes startup.json into benchmarks/results/.
"""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from gansmith.machine import describe_machine

RESULTS = Path(__file__).parent / "results"
REPEATS = 9
COMMANDS = ("--help", "train --help", "recipes list", "recipes show demo --no-trial")


def seconds(command: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "gansmith", *command.split()], check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    times: dict[str, list[float]] = {command: [] for command in COMMANDS}
    for command in COMMANDS:
        seconds(command)
    for _ in range(REPEATS):  # interleaved, so that a slow moment of the machine falls on all of them
        for command in COMMANDS:
            times[command].append(seconds(command))
    figures = {
        command: {"median": statistics.median(taken), "min": min(taken), "max": max(taken)}
        for command, taken in times.items()
    }
    RESULTS.mkdir(exist_ok=True)
    result = {"machine": describe_machine(), "repeats": REPEATS, "seconds": figures}
    (RESULTS / "startup.json").write_text(json.dumps(result, indent=1) + "\n")
    for command, figure in figures.items():
        sys.stdout.write(f"gansmith {command:<30} {figure['median']:.3f} s ({figure['min']:.3f}-{figure['max']:.3f})\n")


if __name__ == "__main__":
    main()
