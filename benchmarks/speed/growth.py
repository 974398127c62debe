"""How the time and the memory of a step grow with the batch, the sides, the width and the number of images.

    python -m benchmarks.speed.growth [--quick]

The networks are `upsample-dcgan`, without spectral norm, at 32x32 in colour and 128 wide, one setting changed at a
time; images are noise. Each point is a process of its own, because a process's memory never shrinks: seconds are
medians of 5 turns, memory is the largest resident size less that before the first step. For the number of images a
store of noise, 28x28 in grey, goes through the pack and the sampler, without networks; the order of a pass, which its
first batch draws, is timed apart. An exponent e says that time grows as x^e: least squares in logarithms, over all
points and over the upper half of them, where less of the time is fixed. Writes growth.json into benchmarks/results/.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.speed.workers import Worker
from gansmith.data.store import FORMAT
from gansmith.runs.run import utc_now
from gansmith.system.machine import describe_machine

RESULTS = Path(__file__).parents[1] / "results"
RECIPE = "auto"
PLAIN = (
    "model={name='upsample-dcgan'}",
    "objective={loss='non-saturating', penalty='none', gamma=0.0, penalty_every=1, generator_reuses_images=false}",
    "data.channels=3",
    "data.height=32",
    "data.width=32",
    "model.width=128",
    "latents.size=128",
)
CHANGES = {
    "batch": ("batch_size={}", (8, 16, 32, 64, 128, 256, 512)),
    "side": ("data.height={0} data.width={0}", (16, 24, 32, 48, 64, 96, 128)),
    "width": ("model.width={}", (16, 32, 64, 128, 256, 512)),
}
SETS, ORDERS, SET_BATCH = (1_000, 10_000, 100_000, 1_000_000), ("permutation", "shuffle-buffer"), 32
TURNS = 5
BLOCK = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few points, briefly: whether it runs")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    turn = 0.01 if options.quick else 0.3
    result = {"began": utc_now(), "load_before": os.getloadavg()[0], "machine": describe_machine()}
    result |= {"recipe": RECIPE, "changes": PLAIN}
    for what, (change, values) in CHANGES.items():
        points = [step_point(value, change.format(value).split(), turn) for value in thinned(values, options.quick)]
        result[what] = described(what, points, ("seconds", "above_built_mib"))
    for order in ORDERS:
        points = [set_point(size, order, turn) for size in thinned(SETS, options.quick)]
        result[f"images, {order}"] = described(
            order, points, ("seconds", "order_seconds", "seconds_with_order", "anonymous_mib")
        )
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "growth.json").write_text(json.dumps(result, indent=1) + "\n")


def thinned(values: Sequence[int], quick: bool) -> Sequence[int]:
    return values[:3] if quick else values


def step_point(value: int, changes: Sequence[str], turn: float) -> dict:
    worker = Worker("own_step.py", [RECIPE, *PLAIN, *changes])
    try:
        facts = worker.hello()
        measured = timed(worker, turn)
    finally:
        worker.stop()
    measured["above_built_mib"] = measured["peak_mib"] - facts["built_mib"]
    return {"at": value, "precision": facts["precision"], **measured}


def set_point(size: int, order: str, turn: float) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        write_noise(Path(folder), size)
        worker = Worker("own_batches.py", [folder, order, str(SET_BATCH)])
        try:
            facts = worker.hello()
            facts.pop("peak_mib")
            measured = timed(worker, turn)
            share = facts["order_seconds"] / facts["batches_in_a_pass"]
            return {"at": size, **measured, **facts, "seconds_with_order": measured["seconds"] + share}
        finally:
            worker.stop()


def timed(worker: Worker, turn: float) -> dict:
    """Seconds a step and the process's peak, after warming up; as many steps in a turn as it has time for."""
    worker.run(2)
    number = max(round(turn / worker.run(1)["seconds"]), 1)
    answers = [worker.run(number) for _ in range(TURNS)]
    seconds = [answer["seconds"] / number for answer in answers]
    low, middle, high = statistics.quantiles(seconds, n=4, method="inclusive")
    return {"seconds": middle, "quartiles": [low, high], "peak_mib": answers[-1]["peak_mib"]}


def write_noise(folder: Path, size: int) -> None:
    """A store of so many images of noise, in the form that `read_dataset` takes; never in memory whole."""
    shape, rng = (1, 28, 28), np.random.default_rng(0)
    images = np.lib.format.open_memmap(folder / "images.npy", "w+", np.uint8, (size, *shape))
    for start in range(0, size, BLOCK):
        images[start : start + BLOCK] = rng.integers(0, 256, (min(BLOCK, size - start), *shape), np.uint8)
    images.flush()
    index = {"format": FORMAT, "count": size, "shape": list(shape), "name": "noise", "notes": []}
    (folder / "index.json").write_text(json.dumps(index))


def described(what: str, points: Sequence[dict], measures: Sequence[str]) -> dict:
    """The points and the exponents of what was measured; said aloud, too."""
    upper = points[len(points) // 2 :]
    exponents = {
        measure: {"all": exponent(points, measure), "upper_half": exponent(upper, measure)} for measure in measures
    }
    for point in points:
        facts = ", ".join(f"{measure} {point[measure]:.5g}" for measure in measures)
        sys.stdout.write(f"{what} {point['at']}: {facts}\n")
    for measure, of in exponents.items():
        sys.stdout.write(f"{what}: {measure} grows with exponent {of['all']:.2f}, {of['upper_half']:.2f} above\n")
    return {"points": list(points), "exponents": exponents}


def exponent(points: Sequence[dict], measure: str) -> float:
    """Slope of log(measure) over log(at); what is below a thousandth of its largest value counts as that."""
    x, y = (np.array([float(point[name]) for point in points]) for name in ("at", measure))
    y = np.maximum(y, y.max() / 1000)
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


if __name__ == "__main__":
    main()
