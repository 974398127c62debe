"""Train a classic recipe on real data and keep what came of it.

    GANSMITH_DATA=... python -m benchmarks.quality.classic_runs fashion-dcgan
    GANSMITH_DATA=... python -m benchmarks.quality.classic_runs mnist-dcgan --steps 1000
    python -m benchmarks.quality.classic_runs --run runs/00007-svhn-dcgan --note "stand-in files, see stand_ins.py"
    python -m benchmarks.quality.classic_runs --measure runs/00007-svhn-dcgan

The third form keeps a run that is there already, the fourth only measures the run that is kept anew. Writes
<recipe>.json into benchmarks/results/, and beside it the article's figures of the run: <recipe>.png (the last sheet),
<recipe>-clipped.png where the article's display is not right, <recipe>-losses.png and <recipe>-evolution.png. What
`gansmith evaluate` says of the run is in the JSON too, under "evaluation". `gallery.py` makes the page of them. The
times in the JSON are wall times: to quote them, run this on a machine that does nothing else.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import gansmith
from gansmith.cli.console import Lines
from gansmith.features.extract import suits
from gansmith.figures import draw_figures
from gansmith.recipe_file import override, recipe_of
from gansmith.runs.run import Run

RESULTS = Path(__file__).parents[1] / "results"
KEPT = ("status", "started", "ended", "device", "precision", "data", "machine", "step", "seen")
METRICS, OF_CLASSES = "fd,kid,pr,coverage,diversity,spectrum", ",class-kl,junk"
MEASURED = ("protocol", "values", "classes", "floor", "floor_is", "blur", "noise")
FIGURES = {"samples": "", "samples-clipped": "-clipped", "losses": "-losses", "evolution": "-evolution"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", nargs="?", help="a recipe's name")
    parser.add_argument("--steps", type=int, help="shorter than published")
    parser.add_argument("--run", type=Path, help="a finished run's folder, instead of a recipe")
    parser.add_argument("--measure", type=Path, help="the folder of the run whose result is kept")
    parser.add_argument("--note", default="", help="what a reader of the result has to know")
    options = parser.parse_args()
    if sum(map(bool, (options.recipe, options.run, options.measure))) != 1:
        parser.error("give a recipe, --run FOLDER or --measure FOLDER")
    if options.measure:
        measure_kept(Run(options.measure))
        return
    if options.run:
        keep(Run(options.run), options.note)
        return
    recipe = gansmith.recipe(options.recipe)
    if options.steps:
        recipe = override(recipe, [f"length.images={options.steps * recipe.batch_size}"])
    with tempfile.TemporaryDirectory() as folder:
        keep(gansmith.train(recipe, runs=folder, reporter=Lines()), options.note)


def keep(run: Run, note: str) -> None:
    recipe, info = recipe_of(run), run.info()
    losses = [line for line in run.metrics() if "held_out/d" in line]
    result = {"recipe": recipe.name, "note": note, **{key: info[key] for key in KEPT}, "last_event": run.events()[-1]}
    result["data"] = info["data"] | {"notes": [re.sub(r"\S*/", "", text) for text in info["data"]["notes"]]}
    result |= {"last_held_out_losses": losses[-1]} if losses else {}
    result["published_steps"] = gansmith.recipe(recipe.name).steps
    result["evaluation"] = evaluation(run)
    RESULTS.mkdir(exist_ok=True)
    stem = recipe.name.replace(":", "-")
    (RESULTS / f"{stem}.json").write_text(json.dumps(result, indent=1) + "\n")
    draw_figures(run)
    for figure, suffix in FIGURES.items():
        if (file := run.path / "figures" / f"{figure}.png").is_file():
            shutil.copy(file, RESULTS / f"{stem}{suffix}.png")
    sys.stdout.write(f"{RESULTS / stem}.json\n")


def measure_kept(run: Run) -> None:
    file = RESULTS / f"{recipe_of(run).name.replace(':', '-')}.json"
    result = json.loads(file.read_text())
    if result["started"] != run.info()["started"]:
        sys.exit(f"{file} is of another run than {run.path}; keep that one with --run.")
    file.write_text(json.dumps(result | {"evaluation": evaluation(run)}, indent=1) + "\n")
    sys.stdout.write(f"{file}\n")


def evaluation(run: Run) -> dict:
    """What `gansmith evaluate` says of the run, without what only the machine at hand has: paths."""
    metrics = METRICS if suits(recipe_of(run).data.name) == "random" else METRICS + OF_CLASSES
    command = [sys.executable, "-m", "gansmith", "evaluate", str(run.path.absolute()), "--metrics", metrics, "--json"]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return {key: found[key] for key in MEASURED}


if __name__ == "__main__":
    main()
