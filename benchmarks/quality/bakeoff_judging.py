"""What came of the bake-off's runs: distances to real images, curves over a run, modes of stacked digits."""

from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality.bakeoff_contests import CONTESTS
from benchmarks.quality.bakeoff_runs import entered
from gansmith.checkpoints.manifest import saved_checkpoints
from gansmith.data.dataset import Access, Request
from gansmith.errors import CheckpointError
from gansmith.evaluation.against import own_images
from gansmith.evaluation.measure import measure, values_of
from gansmith.evaluation.reference import Reference, Sample, reference
from gansmith.evaluation.table import FeatureSets
from gansmith.features.extract import Features, suiting
from gansmith.generation.generator import load
from gansmith.metrics.intervals import Estimate
from gansmith.runs.history import evaluations
from gansmith.runs.run import Run, write_atomically
from gansmith.viz.grids import grid, png

SEED = 1
"""Of the latents: none that a run is evaluated with on its way."""
FINAL, ON_A_CURVE, OF_STACKED = 10_000, 5_000, 26_000
"""Images: of a finished run, of each checkpoint on a curve, and of each whose modes are counted, as PacGAN does."""
METRICS = ("fd", "pr", "dc", "class-kl", "junk")
SHEET = 64


def judged(name: str, run: Run, sheets: Path) -> dict[str, Any]:
    """What is kept of a run besides how it was trained. A sheet of its images goes into the folder `sheets`."""
    facts = {"status": run.info()["status"]}
    try:
        images = load(run).sample(SHEET, SEED)
    except CheckpointError:  # it diverged before its first save
        return facts | {"values": {}, "curve": []}
    sheets.mkdir(parents=True, exist_ok=True)
    sheet = sheets / f"{run.path.name.partition('-')[2]}.png"
    write_atomically(sheet, png(grid(images, 8)))
    return facts | {"sheet": sheet.name, **JUDGES[CONTESTS[name].kind](name, run)}


def quality(name: str, run: Run) -> dict[str, Any]:
    """The last state's measures, and the distances on the way."""
    generator = load(run)
    found = measure(generator.sample(FINAL, SEED), _real(name), METRICS, SEED, checkpoint=generator.checkpoint.step)
    return {
        "values": _kept(found.values),
        "protocol": {key: fact for key, fact in found.protocol.to_dict().items() if key != "versions"},
        "curve": [(one.step, one.value) for one in evaluations(run)],
    }


def small(name: str, run: Run) -> dict[str, Any]:
    """The distance of each checkpoint to the split that was not trained on."""
    found, curve = None, []
    for step in saved_checkpoints(run):
        found = measure(load(run, str(step)).sample(ON_A_CURVE, SEED), _real(name), ["fd"], SEED, checkpoint=step)
        curve.append((step, found.values["fd"].value))
    assert found is not None
    protocol = {key: fact for key, fact in found.protocol.to_dict().items() if key != "versions"}
    return {"values": _kept(found.values), "protocol": protocol, "curve": curve}


def modes(name: str, run: Run) -> dict[str, Any]:
    """How many modes each checkpoint has; the last one's with their divergence from equal shares."""
    values: dict[str, Estimate] = {}
    curve = []
    for step in saved_checkpoints(run):
        values = modes_of(load(run, str(step)).sample(OF_STACKED, SEED))
        curve.append((step, values["modes"].value))
    return {"values": _kept(values), "curve": curve}


def modes_of(images: np.ndarray) -> dict[str, Estimate]:
    """Modes and their divergence of images uint8 (N, H, W, 3). No features are needed, and no real images."""
    nothing = Features(vectors=np.empty((len(images), 0)), probabilities=None)
    sample = Sample(features=nothing, images=images)
    return values_of(FeatureSets(fake=sample, real=sample), ["modes", "modes-kl"])


JUDGES: dict[str, Callable[[str, Run], dict[str, Any]]] = {"quality": quality, "small": small, "modes": modes}


@lru_cache
def _real(name: str) -> Reference:
    """The contest's real images, and the features that suit them."""
    contest = CONTESTS[name]
    data = entered(name, next(iter(contest.candidates))).data
    trained_on = Request(name=data.name, split=data.split, shape=data.shape, skip=data.skip, limit=data.limit)
    shape = {"channels": data.channels, "height": data.height, "width": data.width}
    return reference(own_images(trained_on, contest.against, Access()).real, suiting(data.name, **shape))


def _kept(values: dict[str, Estimate]) -> dict[str, dict[str, float]]:
    return {name: {end: fact for end, fact in asdict(one).items() if end != "method"} for name, one in values.items()}
