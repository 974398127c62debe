"""The articles' own claims put to the test: one thing changed at a time, three seeds an arm, equal steps.

    GANSMITH_DATA=... python -m benchmarks.quality.claims --dry-run  # the plan, with a step of each arm timed
    GANSMITH_DATA=... python -m benchmarks.quality.claims --runs DIR  # trains what DIR does not hold yet
    GANSMITH_DATA=... python -m benchmarks.quality.claims --runs DIR --evaluate  # measures it, writes the page

Every training is a process of its own, `gansmith train` with the arm's changes as `--set`, on one core; as many as
there are cores go on at once. A training that was cut short begins anew, one that is complete is not repeated. The
numbers go to results/claims.json, and `claims_page.py` makes docs/claims.md of them.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.pages.claims_page import PAGE, RESULT, page, verdicts
from benchmarks.quality.claims_tested import BASE, FAMILIES, NUM, SEEDS
from gansmith.data.dataset import Access, Request
from gansmith.engine import make_engine
from gansmith.evaluation.against import own_images
from gansmith.evaluation.baselines import reference_scores
from gansmith.evaluation.measure import measure
from gansmith.evaluation.reference import Reference, reference
from gansmith.features.extract import extractor, suits
from gansmith.generation.generator import load
from gansmith.recipe_file import recipe_of, to_toml
from gansmith.runs.run import Run, list_runs
from gansmith.schema import Recipe
from gansmith.system.machine import describe_machine
from gansmith.training.loop import train_step
from gansmith.training.state import build

OVER = ("done", "diverged")
"""Statuses of a run that has nothing left to do: that numbers ran away is an outcome, too."""
TIMED = 2.0
"""Seconds for which the plan times an arm."""


@dataclass(frozen=True, slots=True)
class Training:
    """One run."""

    family: str
    arm: str
    seed: int

    @property
    def name(self) -> str:
        """Of its run folder."""
        return f"{self.family}-{self.arm.lower().replace(' ', '-')}-seed-{self.seed}"

    @property
    def recipe(self) -> Recipe:
        """What it trains."""
        return FAMILIES[self.family].made(self.arm, self.seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, default=Path("claims-runs"), help="folder of the runs")
    parser.add_argument("--dry-run", action="store_true", help="time a step of each arm and print the plan")
    parser.add_argument("--evaluate", action="store_true", help="measure the runs and write the page")
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    options = parser.parse_args()
    if options.dry_run:
        plan(options.families)
    elif options.evaluate:
        RESULT.write_text(json.dumps(evaluate_all(options.runs, options.families), indent=1) + "\n")
        PAGE.write_text(page(json.loads(RESULT.read_text())), encoding="utf-8")
    else:
        train_all(options.runs, options.families)


def trainings(families: list[str]) -> Iterator[Training]:
    """All of them, a whole seed before the next one."""
    for seed in SEEDS:
        for family in families:
            yield from (Training(family, arm, seed) for arm in FAMILIES[family].arms)


def plan(families: list[str]) -> None:
    """What would be trained, and how long it takes by a few steps on one core."""
    total = 0.0
    for name in families:
        family = FAMILIES[name]
        note(f"{name}: {family.why}")
        for arm, changes in family.arms.items():
            seconds = seconds_a_step(family.made(arm, SEEDS[0]))
            total += (of_arm := seconds * family.steps * len(SEEDS))
            note(f"  {arm}: {1e3 * seconds:.0f} ms a step, {of_arm / 60:.1f} minutes. {' '.join(changes)}")
    note(f"{total / 60:.0f} minutes of one core")


def seconds_a_step(recipe: Recipe) -> float:
    """Of training on random pixels, on one thread."""
    torch.set_num_threads(1)
    engine = make_engine("cpu", recipe.precision)
    gan, data, steps = build(recipe, engine), recipe.data, 0
    pixels = torch.randint(0, 256, (recipe.batch_size, data.channels, data.height, data.width), dtype=torch.uint8)
    train_step(gan, pixels, recipe, engine)
    began = time.monotonic()
    while (seconds := time.monotonic() - began) < TIMED:
        train_step(gan, pixels, recipe, engine)
        steps += 1
    return seconds / steps


def train_all(runs: Path, families: list[str]) -> None:
    """Train what is missing, as many at once as there are cores."""
    runs.mkdir(parents=True, exist_ok=True)
    missing = [training for training in trainings(families) if kept_run(runs, training) is None]
    note(f"{len(missing)} trainings")
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        list(workers.map(lambda training: train(runs, training), missing))


def kept_run(runs: Path, training: Training) -> Run | None:
    """The complete run of exactly this training, if there is one."""
    wanted = training.recipe
    for run in list_runs(runs):
        named = run.path.name.split("-", 1)[1] == training.name
        if named and run.info().get("status") in OVER and recipe_of(run) == wanted:
            return run
    return None


def train(runs: Path, training: Training) -> None:
    """One training, from a recipe file beside the runs. Its outcome is the run's status, whatever that is."""
    file, began = runs / f"{training.name}.toml", time.monotonic()
    file.write_text(to_toml(training.recipe), encoding="utf-8")
    command = [sys.executable, "-m", "gansmith", "train", str(file), "--runs", str(runs), "--name", training.name]
    one_core = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    done = subprocess.run(command, env=os.environ | one_core, capture_output=True, text=True, check=False)
    outcome = "done" if done.returncode == 0 else (done.stderr.splitlines() or ["failed"])[-1]
    note(f"{training.name}: {outcome}, {time.monotonic() - began:.0f} s")


def evaluate_all(runs: Path, families: list[str]) -> dict[str, Any]:
    """What came of every training that `runs` holds, for `claims_page.py`."""
    found = {name: evaluate(runs, name) for name in families}
    about = {"date": time.strftime("%Y-%m-%d"), "machine": describe_machine(), "images": NUM}
    return {**about, "families": found, "claims": verdicts(found)}


def evaluate(runs: Path, name: str) -> dict[str, Any]:
    """The runs of a family, all measured against the same real images of the test split."""
    family = FAMILIES[name]
    data = family.made(BASE, SEEDS[0]).data
    both = own_images(Request(name=data.name, split=data.split, shape=data.shape), "test", Access())
    network = extractor(suits(data.name), channels=data.channels, height=data.height, width=data.width)
    against = reference(both.real, network, both.train)
    beside = reference_scores(against, ["fd"], NUM)
    arms: dict[str, dict[str, Any]] = {arm: {} for arm in family.arms}
    protocol: dict[str, Any] = {}
    for training in trainings([name]):
        if run := kept_run(runs, training):
            found = kept_outcome(run, against)
            protocol = found.pop("protocol") or protocol
            arms[training.arm][str(training.seed)] = found
            note(f"{training.name}: {found['distance'] or found['status']}")
    kept = ("features", "features_hash", "resize", "quantisation", "fake", "real", "reference", "split", "versions")
    return {
        "floor": beside.floor["fd"].value,
        "floor_is": beside.floor_is,
        "noise": beside.noise["fd"].value,
        "protocol": {key: protocol[key] for key in kept if key in protocol},
        "arms": arms,
    }


def kept_outcome(run: Run, against: Reference) -> dict[str, Any]:
    """The outcome of a run, kept in its folder: measuring can begin before the last training has ended."""
    file, key = run.path / "outcome.json", f"{against.key} {NUM}"
    if file.is_file() and (kept := json.loads(file.read_text())).pop("key") == key:
        return kept
    found = outcome(run, against)
    file.write_text(json.dumps({"key": key, **found}, indent=1) + "\n")
    return found


def outcome(run: Run, against: Reference) -> dict[str, Any]:
    """How far a run's images are from the real ones, and how its losses went in its second half."""
    info, events, lines = run.info(), run.events(), run.metrics()
    half = info["recipe"]["length"]["images"] / 2
    held_out = [line["held_out/d"] for line in lines if "held_out/d" in line and line["seen"] > half]
    losses = [event["loss/d"] for event in events if event["seen"] > half]
    values = {
        "status": info["status"],
        "seconds": run.seconds_spent(),
        "d_loss": float(np.mean(losses)) if losses else None,
        "oscillation": float(np.std(held_out)) if len(held_out) > 2 else None,
    }
    if info["status"] != "done":
        return {**values, "distance": None, "protocol": None}
    measured = measure(load(run).sample(NUM), against, ["fd"])
    estimate = measured.values["fd"]
    distance = [estimate.value, estimate.low, estimate.high]
    return {**values, "distance": distance, "protocol": measured.protocol.to_dict()}


def note(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
