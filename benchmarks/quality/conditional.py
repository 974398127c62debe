"""Does a conditional generator make what it is asked for? An independent classifier says which class it sees.

    GANSMITH_DATA=... python -m benchmarks.quality.conditional --data fashion-mnist --recipe RECIPE
    GANSMITH_DATA=... python -m benchmarks.quality.conditional --data mnist --recipe RECIPE --set batch_size=64
    GANSMITH_DATA=... python -m benchmarks.quality.conditional --run FOLDER  (a run that is there)
    python -m benchmarks.quality.conditional --page  (train nothing)

Trains the recipe with labels on the set, asks for 1,000 images of each class, and has the network that comes with
gansmith for such images name them; of real images of the test split, or of the training split where a set has no
other, it names as many as there are. Replaces the set's entry in conditional.json in benchmarks/results/, and the table
in docs/labels.md. With --out, only that file is written.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

import gansmith
from benchmarks.pages.marked import with_part
from gansmith.cli.console import Lines
from gansmith.data.classes import names_among, relabel
from gansmith.data.dataset import Request, open_dataset
from gansmith.evaluation.against import final_split
from gansmith.features.extract import extract
from gansmith.features.networks import default_extractor
from gansmith.generation.generator import Generator, load
from gansmith.metrics.intervals import share
from gansmith.runs.run import Run, utc_now
from gansmith.system.machine import describe_machine

ROOT = Path(__file__).parents[2]
RESULT, PAGE = ROOT / "benchmarks" / "results" / "conditional.json", ROOT / "docs" / "labels.md"
NUM, SEED = 1000, 1
"""Images of each class, and the seed of their latents, which is not the training's."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", default="fashion-mnist", help="a known set for which a classifier comes with gansmith"
    )
    parser.add_argument("--recipe", help="of networks that take labels")
    parser.add_argument("--steps", type=int, help="length of the training; default the recipe's")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="FIELD=VALUE")
    parser.add_argument("--run", type=Path, help="the folder of a conditional run, instead of a recipe")
    parser.add_argument("--page", action="store_true", help="only write the page's table anew")
    parser.add_argument("--out", type=Path, help="write the result to this file, and no page")
    options = parser.parse_args()
    if not options.page:
        if bool(options.recipe) == bool(options.run):
            parser.error("give --recipe NAME or --run FOLDER")
        with tempfile.TemporaryDirectory() as folder:
            run = Run(options.run) if options.run else trained(options, folder)
            result = judged(run, options.changes)
        keep(result, options.out or RESULT)
    if not options.out:
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), kept(RESULT)), encoding="utf-8")


def trained(options: argparse.Namespace, folder: str) -> Run:
    steps = options.steps or None
    found = gansmith.plan(options.recipe, options.changes, data=options.data, labels=True, steps=steps)
    return gansmith.train(found, runs=folder, reporter=Lines())


def judged(run: Run, changes: list[str]) -> dict[str, Any]:
    """What the classifier says of the run's images of each class, and of real ones."""
    generator, info = load(run), run.info()
    data = generator.recipe.data
    seer = default_extractor(data.name, channels=data.channels, height=data.height, width=data.width)
    if generator.classes is None or {*generator.classes.names} - {*(seer.classes or ())}:
        raise SystemExit(f"the features {seer.name!r} do not know the classes that {run.path} was trained with")
    names, known = generator.classes.names, list(seer.classes or ())
    numbers = [known.index(name) for name in names]

    def seen(images: np.ndarray) -> np.ndarray:
        probabilities = extract(seer, images).probabilities
        assert probabilities is not None
        return probabilities.argmax(1)

    made = {name: seen(generator.sample(NUM, SEED, classes=[name])) for name in names}
    split, real = real_images(generator)
    real_seen = {name: seen(images) for name, images in real.items()}
    return {
        "set": data.name,
        "recipe": generator.recipe.name,
        "changes": changes,
        "steps": generator.step,
        "images": generator.step * generator.recipe.batch_size,
        "seconds": round(run.seconds_spent()),
        "device": f"{info['device']}, {info['precision']}",
        "date": utc_now()[:10],
        "machine": describe_machine(),
        "classifier": {"name": seer.name, "hash": seer.hash},
        "generated": named_right(made, names, numbers),
        "real": {"split": split, **named_right(real_seen, names, numbers)},
        "taken_for": {name: taken_for(made[name], known) for name in names},
    }


def real_images(generator: Generator) -> tuple[str, dict[str, np.ndarray]]:
    """The split, and its images uint8 (N, H, W, C) by the name of their class."""
    data, names = generator.recipe.data, generator.classes.names if generator.classes else ()
    split = final_split(data.name, data.split)
    dataset = open_dataset(Request(name=data.name, split=split, shape=data.shape))
    dataset = relabel(dataset, names_among(dataset, data.name), data.name)
    images, own = dataset.images if dataset.rows is None else dataset.images[dataset.rows], dataset.index["classes"]
    return split, {name: images[dataset.labels == own.index(name)].transpose(0, 2, 3, 1) for name in names}


def named_right(seen: dict[str, np.ndarray], names: tuple[str, ...], numbers: list[int]) -> dict[str, Any]:
    """The share of images, all together and of each class, in which the classifier sees the class they are of."""
    right = {name: int((seen[name] == number).sum()) for name, number in zip(names, numbers, strict=True)}
    whole = sum(map(len, seen.values()))
    return {
        "images": whole,
        "share": {
            end: round(value, 4) for end, value in asdict(share(sum(right.values()), whole)).items() if end in ENDS
        },
        "classes": {name: round(right[name] / len(seen[name]), 4) for name in names},
    }


ENDS = ("value", "low", "high")


def taken_for(seen: np.ndarray, known: list[str]) -> dict[str, float]:
    """The classes seen in at least 1 % of the images, most often first."""
    counts = np.bincount(seen, minlength=len(known)) / len(seen)
    return {known[number]: round(float(counts[number]), 4) for number in np.argsort(-counts) if counts[number] >= 0.01}


def kept(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text()) if file.is_file() else {}


def keep(result: dict[str, Any], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(kept(file) | {result["set"]: result}, indent=1) + "\n")
    named, real = (result[kind]["share"]["value"] for kind in ("generated", "real"))
    sys.stdout.write(f"named as asked: {named:.1%} of the images; of real ones {real:.1%}\n{file}\n")


def with_table(page: str, results: dict[str, Any]) -> str:
    """The page with the table of these results."""
    return with_part(page, "conditional", table(results))


def table(results: dict[str, Any]) -> str:
    if not results:
        return ""
    columns = ["dataset", "recipe", "images", "as requested", "worst class", "of real images", "worst class"]
    head = f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|\n"
    rows = []
    for name, one in sorted(results.items()):
        recipe = " ".join([f"`{one['recipe']}`", *(f"`{change}`" for change in one["changes"])])
        cells = [f"`{name}`", recipe, f"{one['images']:,}"]
        for kind in ("generated", "real"):
            found = one[kind]
            ends = " to ".join(f"{100 * found['share'][end]:.1f}" for end in ("low", "high"))
            worst = min(found["classes"], key=found["classes"].get)
            cells += [f"{found['share']['value']:.1%} ({ends})", f"{worst} {found['classes'][worst]:.1%}"]
        rows.append(f"| {' | '.join(cells)} |\n")
    return head + "".join(rows) + f"\n{NUM:,} images of each class; the intervals are of 95 %.\n"


if __name__ == "__main__":
    main()
