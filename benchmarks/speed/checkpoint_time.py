"""How long a checkpoint takes, brought to disk (fsync) and not; and how long it takes to verify one.

    python -m benchmarks.speed.checkpoint_time [--quick] [--folder DIR]

The states of two classic recipes after their first weights; saves of both kinds take turns, into the same run. DIR is
on the disk that is measured, the system's folder of temporary files otherwise. Writes checkpoint_time.json into
benchmarks/results/.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

from gansmith.checkpoints.manifest import find_checkpoint, verify
from gansmith.checkpoints.save import save_checkpoint
from gansmith.engine import make_engine
from gansmith.recipes import recipe
from gansmith.runs.run import create_run
from gansmith.system.machine import describe_machine
from gansmith.training.state import build

RESULTS = Path(__file__).parents[1] / "results"
RECIPES = ("fashion-dcgan", "mnist-dcgan")
REPEATS = 20


def measured(name: str, root: Path, repeats: int) -> dict[str, object]:
    asked = recipe(name)
    gan, run = build(asked, make_engine("cpu", asked.precision)), create_run(root, name)
    times: dict[str, list[float]] = {"on disk": [], "not brought to disk": [], "verified": []}
    for number in range(repeats + 1):
        for kind in ("on disk", "not brought to disk") if number % 2 else ("not brought to disk", "on disk"):
            gan.seen += asked.batch_size
            with nullcontext() if kind == "on disk" else patch.object(os, "fsync", lambda descriptor: None):
                times[kind].append(timed(save_checkpoint, run, gan, asked))
        times["verified"].append(timed(verify, find_checkpoint(run).folder))
    newest = find_checkpoint(run).folder
    sizes = {file.name: file.stat().st_size for file in newest.iterdir()}
    return {
        "bytes": sum(sizes.values()),
        "files": len(sizes),
        "seconds": {kind: spread(taken[1:]) for kind, taken in times.items()},  # the first warms up
    }


def timed(work, *arguments) -> float:
    began = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - began


def spread(taken: list[float]) -> dict[str, float]:
    return {"median": statistics.median(taken), "min": min(taken), "max": max(taken)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="twice each: whether it runs")
    parser.add_argument("--folder", type=Path, help="a folder on the disk that is measured")
    options = parser.parse_args()
    repeats = 2 if options.quick else REPEATS
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        recipes = {name: measured(name, Path(folder), repeats) for name in RECIPES}
    result = {"machine": describe_machine(), "repeats": repeats, "recipes": recipes}
    if not options.quick:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "checkpoint_time.json").write_text(json.dumps(result, indent=1) + "\n")
    for name, found in recipes.items():
        medians = ", ".join(f"{kind} {figure['median']:.3f} s" for kind, figure in found["seconds"].items())
        sys.stdout.write(f"{name:<16} {found['bytes']:>12,} bytes  {medians}\n")


if __name__ == "__main__":
    main()
