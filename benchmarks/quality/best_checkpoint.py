"""Is the checkpoint that evaluations on the way call the best the best? Every one is measured on the test split.

    GANSMITH_DATA=... python -m benchmarks.quality.best_checkpoint  (seven minutes on two cores)
    GANSMITH_DATA=... python -m benchmarks.quality.best_checkpoint --steps 9375  (the whole recipe)
    GANSMITH_DATA=... python -m benchmarks.quality.best_checkpoint --run FOLDER  (a run with its checkpoints)

Trains fashion-dcgan, with 2,000 training images held out as validation, and a checkpoint at every evaluation. Each
then makes images from latents that the training did not use, measured against the official test split. `best`
is within noise when its distance there lies in the interval of the lowest. Writes best-checkpoint.json into
benchmarks/results/.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

import gansmith
from gansmith.checkpoints.manifest import named_best, saved_checkpoints
from gansmith.cli.console import Lines
from gansmith.data.dataset import Request
from gansmith.evaluation.against import own_images
from gansmith.evaluation.measure import measure
from gansmith.evaluation.reference import Reference, reference
from gansmith.features.extract import extractor, suits
from gansmith.generation.generator import load
from gansmith.recipe_file import override, recipe_of
from gansmith.runs.history import evaluations
from gansmith.runs.run import Run
from gansmith.system.machine import describe_machine
from gansmith.training.datasets import access_for

RESULT = Path(__file__).parents[1] / "results" / "best-checkpoint.json"
SEED = 1
"""Of the latents: not the recipe's."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="fashion-dcgan")
    parser.add_argument("--steps", type=int, default=7000)
    parser.add_argument("--every", type=int, default=250, help="steps between two evaluations")
    parser.add_argument("--held-out", type=int, default=2000, help="training images that validate")
    parser.add_argument("--images", type=int, default=5000, help="of each checkpoint, for the test split")
    parser.add_argument("--run", type=Path, help="a run that is there, instead")
    options = parser.parse_args()
    if options.run:
        result = judged(Run(options.run), options.images)
    else:
        with tempfile.TemporaryDirectory() as folder:
            result = judged(trained(options, Path(folder)), options.images)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    sys.stdout.write(f"{result['verdict']}\n{RESULT}\n")


def trained(options: argparse.Namespace, folder: Path) -> Run:
    made = gansmith.recipe(options.recipe)
    interval, validation = options.every * made.batch_size, options.held_out
    changes = [f"length.images={options.steps * made.batch_size}", f"length.checkpoint_every={interval}"]
    changes += [f"evaluate.every={interval}", f"evaluate.images={validation}", f"evaluate.validation={validation}"]
    changes += ["checkpoints.keep_last=100000"]
    return gansmith.train(override(made, changes), runs=folder, reporter=Lines())


def judged(run: Run, num: int) -> dict[str, Any]:
    """What every checkpoint comes to on the test split, and what the evaluations said of it on the way."""
    began, real = time.monotonic(), test_images(run)
    on_the_way = {one.step: one for one in evaluations(run)}
    checkpoints = []
    for step in sorted(saved_checkpoints(run).keys() & on_the_way.keys()):
        images = load(run, str(step)).sample(num, SEED)
        found = asdict(measure(images, real, ["fd"], SEED).values["fd"])
        checkpoints.append({"step": step, "validation": asdict(on_the_way[step]), "test": found})
        sys.stdout.write(f"step {step:,}: validation {on_the_way[step].describe()}, test {found['value']:.4g}\n")
    info = run.info()
    return {
        "recipe": info["recipe"]["name"],
        "steps": info["step"],
        "machine": describe_machine(),
        "evaluation_seconds": round(time.monotonic() - began),
        "on_the_way": info["evaluate"],
        "afterwards": {"images": num, "real": len(real.real.images), "split": "test", "seed": SEED},
        **compared(checkpoints, named_best(run)),
        "checkpoints": checkpoints,
    }


def test_images(run: Run) -> Reference:
    data = recipe_of(run).data
    trained_on = Request(name=data.name, split=data.split, shape=data.shape)
    both = own_images(trained_on, "test", access_for(Lines(), offline=True, allow_dropped=True))
    shape = {"channels": data.channels, "height": data.height, "width": data.width}
    return reference(both.real, extractor(suits(data.name), **shape))


def compared(checkpoints: list[dict[str, Any]], named: int | None) -> dict[str, Any]:
    """The checkpoint called best against the lowest on the test split, and how much there was to choose from."""
    values = {one["step"]: one["test"]["value"] for one in checkpoints}
    lowest = min(checkpoints, key=lambda one: one["test"]["value"])
    assert named == best_of_lines(checkpoints), "the file `best` does not name the lowest evaluation"
    best = next(one for one in checkpoints if one["step"] == named)
    within = best["test"]["value"] <= lowest["test"]["high"]
    ranks = [np.argsort(np.argsort([one[side]["value"] for one in checkpoints])) for side in ("validation", "test")]
    return {
        "verdict": (
            f"best, step {best['step']:,}, comes to {best['test']['value']:.4g} on the test split; the lowest of "
            f"{len(checkpoints)} is step {lowest['step']:,} with {lowest['test']['value']:.4g} "
            f"({lowest['test']['low']:.4g} to {lowest['test']['high']:.4g}): {'' if within else 'not '}within noise"
        ),
        "within_noise": within,
        "best": best,
        "lowest": lowest,
        "rank_of_best": sorted(values.values()).index(best["test"]["value"]) + 1,
        "rank_correlation": round(float(np.corrcoef(*ranks)[0, 1]), 4),
        "last": checkpoints[-1],
        "trained_past_its_best": checkpoints[-1]["test"]["low"] > lowest["test"]["high"],
        "median_of_test": float(np.median([*values.values()])),
    }


def best_of_lines(checkpoints: list[dict[str, Any]]) -> int:
    return min(checkpoints, key=lambda one: one["validation"]["value"])["step"]


if __name__ == "__main__":
    main()
