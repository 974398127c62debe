"""`gansmith train demo` as a user runs it: how long it trains, how much memory it takes, what it draws.

    python -m benchmarks.speed.demo

The demo as it was at first, with the networks and rates that are tests/plain.toml now, is trained after it and
measured in the same way. Writes demo.json, demo.png, demo-evolution.png and demo-losses.png into benchmarks/results/,
and the older one's images as demo-before.png.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.quality.classic_runs import RESULTS, evaluation, keep
from gansmith.generation.generator import load
from gansmith.runs.run import list_runs, write_atomically
from gansmith.viz.grids import grid, png
from tests.helpers.plain import PLAIN

BEFORE = PLAIN
SHOWN = 64


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        seconds, peak = trained("demo", folder), peak_mib()
        keep(list_runs(Path(folder))[0], note="")
        seconds_before = trained(str(BEFORE), folder)
        before = list_runs(Path(folder))[1]
        older = {"command_seconds": seconds_before, "step": before.info()["step"], "evaluation": evaluation(before)}
        write_atomically(RESULTS / "demo-before.png", png(grid(load(before).sample(SHOWN), 8)))
    file = RESULTS / "demo.json"
    result = json.loads(file.read_text())
    result |= {"command_seconds": seconds, "peak_resident_mib": peak, "before": older}
    file.write_text(json.dumps(result, indent=1) + "\n")


def trained(recipe: str, folder: str) -> float:
    """Train it in a new run folder; returns the seconds that the command took."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "gansmith", "train", recipe, "--runs", folder], check=True)
    return round(time.monotonic() - began, 1)


def peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024


if __name__ == "__main__":
    main()
