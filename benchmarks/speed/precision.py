"""Does bf16 cost quality? Distances to the data over three seeds, in fp32 and in bf16, on the same steps.

    GANSMITH_DATA=... python -m benchmarks.speed.precision [--steps 3000] [--recipes NAME ...]

The distance is Fréchet's (Heusel et al. 2017, arXiv:1706.08500, eq. 6) of two Gaussians, of 10,000 images of G and of
10,000 real ones, in float64 over the 64 principal components of the real images' pixels in 0..1: no network, so
nothing to fetch. Writes results/precision.json; the interval is Student's, of the differences by seed, at 95 %.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import gansmith
from gansmith.data.dataset import Access, Request, open_dataset
from gansmith.generation.generator import load
from gansmith.recipe_file import override
from gansmith.system.machine import describe_machine

RESULT = Path(__file__).parents[1] / "results" / "precision.json"
RECIPES, SEEDS, PRECISIONS = ("fashion-dcgan", "mnist-small-dcgan"), (0, 1, 2), ("fp32", "bf16")
COMPONENTS, MOST = 64, 10_000
STUDENT = 4.303
"""The 97.5 % quantile of Student's law with two degrees of freedom: three seeds."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--recipes", nargs="+", default=RECIPES)
    options = parser.parse_args()
    kept = json.loads(RESULT.read_text())["recipes"] if RESULT.exists() else {}
    found = {name: compare(name, options.steps) for name in options.recipes}
    about = {"machine": describe_machine(), "date": time.strftime("%Y-%m-%d")}
    RESULT.write_text(json.dumps({**about, "recipes": kept | found}, indent=1) + "\n")
    sys.stdout.write(f"{RESULT}\n")


def compare(name: str, steps: int) -> dict:
    """The distances of each precision and seed, and the interval of the difference."""
    real = real_pixels(name)
    mean, axes = principal_components(real)
    halves = np.array_split((real - mean) @ axes, 2)
    distances = {precision: [] for precision in PRECISIONS}
    for seed in SEEDS:
        for precision in PRECISIONS:
            fake = (generated(name, steps, seed, precision) - mean) @ axes
            distances[precision].append(frechet((real - mean) @ axes, fake))
            sys.stderr.write(f"{name} seed {seed} {precision}: {distances[precision][-1]:.2f}\n")
    differences = [b - a for a, b in zip(*distances.values(), strict=True)]
    middle, reach = statistics.mean(differences), STUDENT * statistics.stdev(differences) / len(SEEDS) ** 0.5
    return {
        "steps": steps,
        "distances": distances,
        "medians": {precision: statistics.median(values) for precision, values in distances.items()},
        "real against real": frechet(*halves),
        "bf16 - fp32": middle,
        "interval": [middle - reach, middle + reach],
        "same": abs(middle) <= reach,
    }


def real_pixels(name: str) -> np.ndarray:
    """(n, pixels) in 0..1."""
    data = gansmith.recipe(name).data
    dataset = open_dataset(Request(name=data.name, split="train", shape=data.shape), Access())
    return flat(np.asarray(dataset.images[:MOST]))


def generated(name: str, steps: int, seed: int, precision: str) -> np.ndarray:
    """(n, pixels) in 0..1 of a generator trained for so many steps."""
    recipe = gansmith.recipe(name)
    images = f"length.images={steps * recipe.batch_size}"
    recipe = override(recipe, [images, f"seed={seed}", f"precision={precision!r}"])
    with tempfile.TemporaryDirectory() as folder:
        return flat(load(gansmith.train(recipe, runs=folder)).sample(MOST))


def flat(pixels: np.ndarray) -> np.ndarray:
    return pixels.reshape(len(pixels), -1).astype(np.float64) / 255


def principal_components(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean (pixels,) and the axes (pixels, components), by falling variance."""
    _, axes = np.linalg.eigh(np.cov(x, rowvar=False))
    return x.mean(0), axes[:, ::-1][:, :COMPONENTS]


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Between the Gaussians of two sets of features (n, d)."""
    (mean_a, cov_a), (mean_b, cov_b) = ((x.mean(0), np.cov(x, rowvar=False)) for x in (a, b))
    values, axes = np.linalg.eigh(cov_a)
    root_a = axes * np.sqrt(values.clip(0)) @ axes.T
    trace_of_root = np.sqrt(np.linalg.eigvalsh(root_a @ cov_b @ root_a).clip(0)).sum()
    return float(((mean_a - mean_b) ** 2).sum() + np.trace(cov_a + cov_b) - 2 * trace_of_root)


if __name__ == "__main__":
    main()
