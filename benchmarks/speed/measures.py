"""Measuring 10,000 images against 10,000: our measures and torch-fidelity's, of the same features.

    python -m benchmarks.speed.measures

Features are 128 wide, as those of the small networks for 28x28 images are: rectified, correlated, of ten classes.
Each program runs five times, in turn, in a process of its own and on all cores; the median counts, and the most memory
that any of its rounds held, libraries included. Ours give an interval with every number, torch-fidelity's do not;
density and coverage it lacks. Where both have a number the two must be equal, or nothing is written. Writes
measures.json into benchmarks/results/.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gansmith.system.machine import describe_machine

RESULTS = Path(__file__).parents[1] / "results"
ROUNDS = 5
IMAGES, WIDTH = 10_000, 128
SUBSETS, SIZE = 100, 1000


def features(num: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Fakes and reals (num, width), float64."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((10, width)) * 1.5
    root = rng.standard_normal((width, width)) * np.arange(1, width + 1)[:, None] ** -0.5
    sides = []
    for shift in (0.2, 0.0):
        classes = rng.integers(10, size=num)
        sides.append(np.maximum(rng.standard_normal((num, width)) @ root + centres[classes] + shift, 0))
    return sides[0], sides[1]


def ours(num: int, width: int) -> dict[str, dict[str, float]]:
    from gansmith.metrics.frechet import frechet_distance
    from gansmith.metrics.kernel import kernel_distance
    from gansmith.metrics.neighbours import density_coverage, precision_recall

    fake, real = features(num, width)
    size = min(SIZE, num)
    fd, fd_time = timed(lambda: frechet_distance(fake, real))
    kid, kid_time = timed(lambda: kernel_distance(fake, real, SUBSETS, size, seed=0))
    pr, pr_time = timed(lambda: precision_recall(fake, real))
    dc, dc_time = timed(lambda: density_coverage(fake, real))
    return {
        "seconds": {"fd": fd_time, "kid": kid_time, "precision, recall": pr_time, "density, coverage": dc_time},
        "values": {
            "fd": fd.value,
            "kid": kid.estimate.value,
            "precision": pr.precision.value,
            "recall": pr.recall.value,
            "density": dc.density.value,
            "coverage": dc.coverage.value,
        },
    }


def torch_fidelity(num: int, width: int) -> dict[str, dict[str, float]]:
    import torch

    from tests.helpers.fidelity import fidelity

    programs = fidelity()
    sides = [torch.from_numpy(side) for side in features(num, width)]
    size = min(SIZE, num)

    def frechet() -> float:
        laws = [programs.frechet.fid_features_to_statistics(side) for side in sides]
        return programs.frechet.fid_statistics_to_metric(*laws, verbose=False)[programs.frechet.KEY_METRIC_FID]

    fd, fd_time = timed(frechet)
    kid, kid_time = timed(
        lambda: programs.kernel.kid_features_to_metric(
            *sides, kid_subsets=SUBSETS, kid_subset_size=size, rng_seed=0, verbose=False
        )
    )
    pr, pr_time = timed(lambda: programs.neighbours.prc_features_to_metric(*sides, save_cpu_ram=True, verbose=False))
    return {
        "seconds": {"fd": fd_time, "kid": kid_time, "precision, recall": pr_time},
        "values": {
            "fd": fd,
            "kid": kid[programs.kernel.KEY_METRIC_KID_MEAN],
            "precision": pr[programs.neighbours.KEY_METRIC_PRECISION],
            "recall": pr[programs.neighbours.KEY_METRIC_RECALL],
        },
    }


PROGRAMS: dict[str, Callable[[int, int], dict[str, dict[str, float]]]] = {
    "gansmith": ours,
    "torch-fidelity": torch_fidelity,
}


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    return work(), time.perf_counter() - began


def round_of(program: str, num: int, width: int) -> dict:
    """One round in a process of its own: its seconds, values and megabytes."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.speed.measures",
        "--one",
        program,
        "--images",
        str(num),
        "--width",
        str(width),
    ]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def summary(rounds: list[dict]) -> dict[str, object]:
    """Median seconds of each measure and of their sum, with the spread of the sum; most memory; the values."""
    totals = [sum(one["seconds"].values()) for one in rounds]
    return {
        "seconds": {name: statistics.median(one["seconds"][name] for one in rounds) for name in rounds[0]["seconds"]},
        "total_seconds": {"median": statistics.median(totals), "min": min(totals), "max": max(totals)},
        "peak_mib": max(one["peak_mib"] for one in rounds),
        "values": rounds[0]["values"],
    }


def check_equal(summaries: dict[str, dict]) -> None:
    mine, theirs = summaries["gansmith"]["values"], summaries["torch-fidelity"]["values"]
    for name, value in theirs.items():
        if abs(value - mine[name]) > 1e-6 * max(1.0, abs(value)):
            sys.exit(f"{name}: gansmith gives {mine[name]}, torch-fidelity {value}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--one", choices=PROGRAMS)
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--width", type=int, default=WIDTH)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--out", type=Path, default=RESULTS / "measures.json")
    args = parser.parse_args()
    if args.one:
        found = PROGRAMS[args.one](args.images, args.width)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        sys.stdout.write(json.dumps(found | {"peak_mib": peak}))
        return
    rounds: dict[str, list[dict]] = {name: [] for name in PROGRAMS}
    for _ in range(args.rounds):
        for name, done in rounds.items():
            done.append(round_of(name, args.images, args.width))
    summaries = {name: summary(done) for name, done in rounds.items()}
    check_equal(summaries)
    asked = {"images": args.images, "width": args.width, "rounds": args.rounds, "subsets": SUBSETS, "size": SIZE}
    args.out.parent.mkdir(exist_ok=True)
    args.out.write_text(json.dumps({"machine": describe_machine(), **asked, "programs": summaries}, indent=1) + "\n")
    sys.stdout.write(json.dumps(summaries, indent=1) + "\n")


if __name__ == "__main__":
    main()
