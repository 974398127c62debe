"""A run that ended goes on: which learning rate is best for the steps that are added?

    GANSMITH_DATA=... python -m benchmarks.quality.continuing [--quick] [--out FOLDER]

`auto` is trained on two datasets with several seeds, to the end of its learning rate's schedule. Each run then goes on
for half its length and for its whole length, from the same checkpoint, in three ways: its rate stays at the end of the
schedule; the schedule is stretched to the new length; or it begins anew and fills the added steps. The distance of the
last state decides, between as many samples as real images. Everything is counted in steps, so the machine's speed
changes nothing. Writes continuing.json into benchmarks/results/ after each run.
"""

import argparse
import json
import statistics
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gansmith
from gansmith.config import Schedule
from gansmith.runs.history import evaluations
from gansmith.runs.run import Run, utc_now
from gansmith.schema import Recipe
from gansmith.system.machine import describe_machine

RESULTS = Path(__file__).parents[1] / "results"
DATASETS = ("fashion-10k", "mnist")
SEEDS = (1, 2)
STEPS = 1000
"""Steps of a run until it is continued."""
ADDED = (500, 1000)
"""Steps that are added."""
IMAGES = 5000
"""Samples, and real images, of an evaluation."""
OPTIMIZERS = ("discriminator_optimizer", "generator_optimizer")
WAYS = ("stays", "stretched", "restarted")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few steps: whether it runs")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    shrink = 50 if options.quick else 1
    result = {
        "began": utc_now(),
        "machine": describe_machine(),
        "steps": STEPS // shrink,
        "images": 200 if options.quick else IMAGES,
        "runs": [],
    }
    options.out.mkdir(parents=True, exist_ok=True)
    for seed in SEEDS:
        for dataset in DATASETS:
            with tempfile.TemporaryDirectory() as folder:
                for one in continued(dataset, seed, shrink, result["images"], Path(folder)):
                    result["runs"].append(one)
                    sys.stdout.write(f"{one}\n")
                    sys.stdout.flush()
                    result["summary"] = summary(result["runs"])
                    (options.out / "continuing.json").write_text(json.dumps(result, indent=1) + "\n")


def continued(dataset: str, seed: int, shrink: int, images: int, folder: Path):
    """One run and its continuations: dataset, seed, way, steps added, and the distance of the last state."""
    steps = STEPS // shrink
    changes = {"seed": seed, "evaluate.images": images}
    recipe = gansmith.plan("auto", changes, data=dataset, steps=steps).recipe
    base = gansmith.train(recipe, runs=folder)
    yield {"dataset": dataset, "seed": seed, "way": "base", "added": 0, **asdict(evaluations(base)[-1])}
    for added in (one // shrink for one in ADDED):
        for way in WAYS:
            run = go_on(base, recipe, way, added)
            yield {"dataset": dataset, "seed": seed, "way": way, "added": added, **asdict(evaluations(run)[-1])}


def go_on(base: Run, recipe: Recipe, way: str, added: int) -> Run:
    """The run that continues `base` so many steps, evaluated at its end."""
    then, now = recipe.length.images, recipe.length.images + added * recipe.batch_size
    changes: dict[str, Any] = {"evaluate.every": now, "length.sample_every": now, "length.checkpoint_every": now}
    changes |= {f"{name}.lr": scheduled(getattr(recipe, name).lr, way, then, now) for name in OPTIMIZERS}
    return gansmith.resume(base, changes, steps=now // recipe.batch_size, fork=True)


def scheduled(rate: Schedule, way: str, then: int, now: int) -> float | dict[str, Any]:
    """The rate from `then` images to `now`: the schedule's last, or the schedule stretched or begun anew."""
    if way == "stays":
        return rate.end
    begin, share = (0, now / then) if way == "stretched" else (then, (now - then) / then)
    return rate.model_dump() | {"begin": round(begin + rate.begin * share), "until": now}


def summary(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The mean distance of each way, by dataset and by the steps added."""
    groups: dict[tuple, list[float]] = {}
    for one in runs:
        groups.setdefault((one["dataset"], one["added"], one["way"]), []).append(one["value"])
    return [
        {"dataset": dataset, "added": added, "way": way, "mean": round(statistics.mean(values), 4), "runs": values}
        for (dataset, added, way), values in groups.items()
    ]


if __name__ == "__main__":
    main()
