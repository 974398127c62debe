"""Train a classic recipe on real data and keep what came of it.

    GANSMITH_DATA=... python benchmarks/classic_runs.py fashion-dcgan
    GANSMITH_DATA=... python benchmarks/classic_runs.py mnist-dcgan --steps 400

Writes <recipe>.json, <recipe>.png (the last sample grid), <recipe>-evolution.png and <recipe>-curves.png into
benchmarks/results/. The times in the JSON are wall times: to quote them, run this on a machine that does nothing else.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

import gansmith
from gansmith.cli.console import Lines
from gansmith.recipe_file import override
from gansmith.runs import Run

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe")
    parser.add_argument("--steps", type=int)
    options = parser.parse_args()

    recipe = gansmith.recipe(options.recipe)
    if options.steps:
        recipe = override(recipe, [f"length.images={options.steps * recipe.batch}"])
    with tempfile.TemporaryDirectory() as folder:
        keep(gansmith.train(recipe, runs=folder, reporter=Lines()))


def keep(run: Run) -> None:
    recipe_name = run.path.name.split("-", 1)[1]
    info, events = run.info(), run.events()
    kept = ("status", "started", "ended", "device", "precision", "data", "machine", "step", "seen")
    result = {"recipe": recipe_name, **{key: info[key] for key in kept}, "last_event": events[-1]}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{recipe_name}.json").write_text(json.dumps(result, indent=1) + "\n")
    shutil.copy(max(run.samples.glob("*.png")), RESULTS / f"{recipe_name}.png")
    for figure in ("evolution", "curves"):
        shutil.copy(run.path / f"{figure}.png", RESULTS / f"{recipe_name}-{figure}.png")
    sys.stdout.write(f"{RESULTS / recipe_name}.json\n")


if __name__ == "__main__":
    main()
