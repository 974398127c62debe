"""Do the measures notice what they are meant to notice, and the more of it the more? On real images made worse.

    GANSMITH_DATA=... python -m benchmarks.quality.sensitivity
    python -m benchmarks.quality.sensitivity --page          # only writes the tables anew

Real images of Fashion-MNIST and notMNIST stand for a perfect generator's; `disturbances.py` makes them worse at
several strengths. Writes results/sensitivity.json, and its tables into docs/metrics.md between two marks.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.pages.marked import with_part
from benchmarks.quality.disturbances import (
    DISTURBANCES,
    NUM,
    TRAINED_ON,
    Disturbance,
    Drawn,
    collapsed_generator,
    draw,
    undisturbed,
)
from gansmith.data.dataset import Access, Request, open_dataset
from gansmith.data.images.resize import ImageShape
from gansmith.evaluation.measure import values_of
from gansmith.evaluation.reference import Sample
from gansmith.evaluation.table import FeatureSets
from gansmith.features.extract import extract
from gansmith.features.extractor import Extractor
from gansmith.features.networks import load_extractor
from gansmith.system.machine import describe_machine

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "benchmarks" / "results" / "sensitivity.json"
PAGE = ROOT / "docs" / "metrics.md"

SETS = ("fashion-mnist", "notmnist")
COLLAPSE = ("fd", "kid", "precision", "recall", "density", "coverage", "diversity", "class-kl", "spectrum")
"""Measures of the collapsed generator."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", action="store_true", help="write the tables from the results that are there")
    parser.add_argument(
        "--sets", nargs="+", choices=SETS, default=SETS, help="leave the other set's results as they are"
    )
    options = parser.parse_args()
    for name in () if options.page else options.sets:
        kept = json.loads(RESULT.read_text()) if RESULT.is_file() else {"sets": {}}
        about = {"date": time.strftime("%Y-%m-%d"), "machine": describe_machine(), "images": NUM}
        sets = {**kept["sets"], name: of_set(name)}
        RESULT.write_text(json.dumps({**about, "trained_on": TRAINED_ON, "sets": sets}, indent=1) + "\n")
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def of_set(name: str) -> dict[str, Any]:
    """Values of every disturbance at every strength, and of a collapsed generator."""
    drawn = of_images(name)
    network = load_extractor(name, channels=1, height=28, width=28)
    real, train = sample(drawn.real, network), sample(drawn.train, network)
    found: dict[str, Any] = {}
    for what, disturbance in DISTURBANCES.items():
        found[what] = {}
        for strength in (0, *disturbance.strengths):
            images = disturbance.by(drawn, strength) if strength else undisturbed(drawn, what)
            sides = FeatureSets(fake=sample(images, network), real=real, train=train.features)
            found[what][f"{strength:g}"] = values(sides, disturbance.meant)
        sys.stderr.write(f"{name}, {what}\n")
    of_collapse = {
        "real": FeatureSets(fake=sample(drawn.images[:NUM], network), real=real),
        "collapsed": FeatureSets(fake=sample(collapsed_generator(drawn.images[0])(NUM), network), real=real),
    }
    collapse = {kind: values(sides, COLLAPSE) for kind, sides in of_collapse.items()}
    return {"features": network.name, "features_hash": network.hash, "disturbances": found, "collapse": collapse}


def of_images(name: str) -> Drawn:
    """Three parts of the set's training images."""
    dataset = open_dataset(
        Request(name=name, split="train", shape=ImageShape(channels=1, height=28, width=28)), Access()
    )
    assert dataset.labels is not None
    return draw(np.asarray(dataset.images).transpose(0, 2, 3, 1), dataset.labels)


def sample(images: np.ndarray, network: Extractor) -> Sample:
    """The images with their features."""
    images = np.ascontiguousarray(images)
    return Sample(features=extract(network, images), images=images)


def values(sides: FeatureSets, names: Any) -> dict[str, list[float]]:
    """[value, low, high] by measure."""
    return {name: [one.value, one.low, one.high] for name, one in values_of(sides, list(names)).items()}


def monotone(rows: list[list[float]], sign: int) -> str:
    """Whether [value, low, high] of falling quality moves in one direction at every step.

    "yes", "but for noise" where it stands or goes back at a step by less than the intervals, or "no".
    """
    other_way = [(a, b) for a, b in pairwise(rows) if sign * (b[0] - a[0]) <= 0]
    return "yes" if not other_way else "no" if any(apart(a, b) for a, b in other_way) else "but for noise"


def apart(one: list[float], other: list[float]) -> bool:
    """Whether two intervals do not meet."""
    return one[1] > other[2] or other[1] > one[2]


def noticed_from(disturbance: Disturbance, found: dict[str, Any], name: str) -> str:
    """The least strength from which on the interval is always apart from that of the undisturbed images."""
    clear = [apart(found[f"{strength:g}"][name], found["0"][name]) for strength in disturbance.strengths]
    for number, strength in enumerate(disturbance.strengths):
        if all(clear[number:]):
            return f"{strength:g}"
    return "–"


def caught_by(collapse: dict[str, Any]) -> list[str]:
    """The measures whose interval of the collapsed generator is apart from that of real images."""
    return [name for name in COLLAPSE if apart(collapse["collapsed"][name], collapse["real"][name])]


def with_tables(text: str) -> str:
    """The page with the tables of the results between its two marks."""
    kept = json.loads(RESULT.read_text())
    return with_part(text, "sensitivity", "\n".join(_tables(kept)))


def _tables(kept: dict[str, Any]) -> Iterator[str]:
    yield (
        f"{kept['images']:,} real images of a dataset's training split play the samples of a perfect generator, and as "
        f"many others play the real images. Copies are planted from, and searched among, {kept['trained_on']:,} more. "
        "Each row is a metric that should notice the disturbance; the first column is its value for undisturbed "
        "images. *Noticed from* is the smallest strength from which on the 95 % interval does not overlap with that of "
        "undisturbed images."
    )
    for name, found in kept["sets"].items():
        yield f"\n### {name}, features `{found['features']}`"
        for what, disturbance in DISTURBANCES.items():
            yield from _table(what, disturbance, found["disturbances"][what])
        yield from _collapse(found["collapse"])
    yield f"\n{kept['date']}, {kept['machine'].get('processor')}, `benchmarks/quality/sensitivity.py`."


def _table(what: str, disturbance: Disturbance, found: dict[str, Any]) -> Iterator[str]:
    strengths = ["0", *(f"{strength:g}" for strength in disturbance.strengths)]
    yield f"\n| {what}, {disturbance.unit} | {' | '.join(strengths)} | monotone | noticed from |"
    yield "|---|" + "---:|" * len(strengths) + "---|---:|"
    for name, sign in disturbance.meant.items():
        rows = [found[strength][name] for strength in strengths]
        shown = " | ".join(f"{row[0]:.3g}" for row in rows)
        arrow, noticed = "↑" if sign > 0 else "↓", noticed_from(disturbance, found, name)
        yield f"| {name} {arrow} | {shown} | {monotone(rows, sign)} | {noticed} |"


def _collapse(collapse: dict[str, Any]) -> Iterator[str]:
    yield "\n| a generator that makes one image | real images | its images | noticed |"
    yield "|---|---:|---:|---|"
    for name in COLLAPSE:
        real, fake = (f"{collapse[kind][name][0]:.3g}" for kind in ("real", "collapsed"))
        yield f"| {name} | {real} | {fake} | {'yes' if name in caught_by(collapse) else 'no'} |"


if __name__ == "__main__":
    main()
