"""What truncation trades, and whether multiplying the latents does what drawing their largest components anew does.

    GANSMITH_DATA=... python -m benchmarks.quality.truncation [--steps 1200]
    python -m benchmarks.quality.truncation --page          # only writes the table anew

The demo's networks, trained on Fashion-MNIST's training split; its images against the test split. Each psi is the
standard deviation of the latents: they are multiplied by it, or truncated where what is left deviates by as much
(Brock et al. 2018, arXiv:1809.11096, section 3.1). Drawing anew until all are within bounds has the law of the inverse
distribution function of uniform numbers, so that the same latents can be compared. Writes results/truncation.json and
the table of docs/sampling.md, between two marks.
"""

import argparse
import json
import math
import sys
import tempfile
import time
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import torch
from torch import Tensor

import gansmith
from benchmarks.pages.marked import with_part
from gansmith.data.dataset import Access, Request, open_dataset
from gansmith.evaluation.measure import values_of
from gansmith.evaluation.reference import Sample
from gansmith.evaluation.table import FeatureSets
from gansmith.features.extract import extract
from gansmith.features.networks import load_extractor
from gansmith.generation.generator import CHUNK, Draws, Generator, load
from gansmith.planning.budget import stretched
from gansmith.system.machine import describe_machine

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "benchmarks" / "results" / "truncation.json"
PAGE = ROOT / "docs" / "sampling.md"

PSI = (1.0, 0.9, 0.8, 0.7, 0.5, 0.3)
NAMES = ("fd", "precision", "recall", "coverage")
NUM = 63 * CHUNK
NORMAL = NormalDist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", action="store_true", help="write the table from the results that are there")
    parser.add_argument("--steps", type=int, default=1200)
    options = parser.parse_args()
    if not options.page:
        RESULT.write_text(json.dumps(measured(options.steps), indent=1) + "\n")
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def measured(steps: int) -> dict[str, Any]:
    """[value, low, high] of each measure at each psi, in both ways."""
    whole = gansmith.recipe("demo", ["data.name=fashion-mnist", "evaluate.every=0"])
    recipe = stretched(whole, whole.batch_size * steps)
    test = open_dataset(Request(name="fashion-mnist", split="test", shape=recipe.data.shape), Access())
    network = load_extractor("fashion-mnist", channels=1, height=28, width=28)
    real = sample(np.ascontiguousarray(np.asarray(test.images[:NUM]).transpose(0, 2, 3, 1)), network)
    with tempfile.TemporaryDirectory() as folder:
        generator = load(gansmith.train(recipe, runs=folder))
        rows = {}
        for psi in PSI:
            rows[f"{psi:g}"] = {
                name: values(FeatureSets(fake=sample(images(generator, law(psi)), network), real=real))
                for name, law in {"multiplied": multiplied, "drawn anew": drawn_anew}.items()
            }
            sys.stderr.write(f"{psi:g}\n")
    about = {"date": time.strftime("%Y-%m-%d"), "machine": describe_machine(), "steps": steps, "images": NUM}
    return {**about, "features": network.name, "features_hash": network.hash, "psi": rows}


def multiplied(psi: float) -> Any:
    """What `--truncation` does."""
    return lambda z: z * psi


def drawn_anew(psi: float) -> Any:
    """Components beyond a threshold drawn anew until none is, the threshold such that they deviate by psi."""
    below, above = NORMAL.cdf(-threshold(psi)), NORMAL.cdf(threshold(psi))

    def law(z: Tensor) -> Tensor:
        return torch.special.ndtri(below + torch.special.ndtr(z.double()) * (above - below)).float()

    return law


def threshold(psi: float) -> float:
    """Where the normal law has to be cut on both sides so that what is left deviates by psi."""
    low, high = 0.0, 8.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if deviation(middle) < psi else (low, middle)
    return low


def deviation(cut: float) -> float:
    """Standard deviation of the normal law within -cut and cut."""
    return math.sqrt(1 - 2 * cut * NORMAL.pdf(cut) / (NORMAL.cdf(cut) - NORMAL.cdf(-cut)))


def images(generator: Generator, law: Any) -> np.ndarray:
    chunks = (Draws(seed=0).chunk(generator.recipe, start) for start in range(0, NUM, CHUNK))
    return np.concatenate([generator.images(law(z)) for z in chunks])


def sample(images: np.ndarray, network: Any) -> Sample:
    return Sample(features=extract(network, images), images=images)


def values(sides: FeatureSets) -> dict[str, list[float]]:
    return {name: [one.value, one.low, one.high] for name, one in values_of(sides, NAMES).items()}


def with_table(text: str) -> str:
    """The page with the table of the results between its two marks."""
    kept = json.loads(RESULT.read_text())
    lines = [
        f"| ψ | {' | '.join(f'{name} | redrawn' for name in NAMES)} |",
        "|---|" + "---:|" * (2 * len(NAMES)),
    ]
    for psi, row in kept["psi"].items():
        cells = [row[way][name][0] for name in NAMES for way in ("multiplied", "drawn anew")]
        lines.append(f"| {psi} | {' | '.join(f'{cell:.3g}' for cell in cells)} |")
    lines.append(
        f"\n`demo` after {kept['steps']:,} steps on Fashion-MNIST, {kept['images']:,} images against as many of "
        f"the test split, features `{kept['features']}`; {kept['date']}, `benchmarks/quality/truncation.py`."
    )
    return with_part(text, "truncation", "\n".join(lines))


if __name__ == "__main__":
    main()
