"""`gansmith.evaluate`: one generator, or one set of images, measured against real images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gansmith.comparison.subject import extractor_for, metric_names, subject_of_images, subject_of_run, title_of
from gansmith.data.datasets.catalog import Split
from gansmith.data.given import GivenImages, array_of, name_of_images
from gansmith.engine import DeviceChoice
from gansmith.errors import UsageError
from gansmith.evaluation.measure import Measured, choose, measure
from gansmith.evaluation.reference import Progress, reference
from gansmith.evaluation.reference_scores import ReferenceScores, reference_scores
from gansmith.evaluation.text import MetricTable, class_lines, legend, tables
from gansmith.generation.limits import check_seed
from gansmith.metrics.intervals import Estimate
from gansmith.runs.reporter import Reporter, Silent
from gansmith.runs.run import Run, find_run_or_images
from gansmith.training.datasets import access_for


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """The metrics of one generator: `evaluation["fd"]` is an `Estimate` with value, low and high."""

    title: str
    measured: Measured
    reference_scores: ReferenceScores = field(repr=False)
    """The same metrics for real images (floor), blurred images and noise."""
    legend: tuple[str, ...] = field(repr=False)
    """Lines that explain the columns and state the protocol."""
    notes: tuple[str, ...]

    def __getitem__(self, metric: str) -> Estimate:
        """The estimate of a metric. Raises KeyError when it was not measured."""
        return self.measured.values[metric]

    def __repr__(self) -> str:
        """The title and every metric with its 95 % interval."""
        values = (
            f"{name} {one.value:.4g} ({one.low:.4g} to {one.high:.4g})" for name, one in self.measured.values.items()
        )
        return f"<Evaluation of {self.title}: {', '.join(values)}>"

    def tables(self) -> Iterator[MetricTable]:
        """The metrics of quality, and those of copying, beside the reference scores."""
        return tables(self.measured, self.reference_scores)

    def class_lines(self) -> Iterator[str]:
        """A line with a bar for each class of the feature network; none without classes."""
        return class_lines(self.measured)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        scores = self.reference_scores.to_dict()
        return {"what": self.title, **self.measured.to_dict(), **scores, "notes": list(self.notes)}


def evaluate(
    run_or_images: Run | GivenImages,
    against: GivenImages | None = None,
    metrics: Sequence[str] | str | None = None,
    num_images: int | None = None,
    *,
    features: str = "auto",
    weights: Path | None = None,
    split: Split | None = None,
    checkpoint: str | None = None,
    seed: int = 0,
    runs: Path | None = None,
    device: DeviceChoice = "auto",
    offline: bool = False,
    reporter: Reporter | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure a run's generator, or images uint8 (N, H, W[, C]), against real images, with 95 % intervals.

    `run_or_images` is a run's path, number, name or "last", an array, a .npy file, or a folder of images; `against`
    names the real images, or is an array of them; by default it is the run's own dataset, and its test split if it has
    one. `metrics` such as "fd,kid" default to all that can be computed; `num_images` to 10,000, or as many as there are
    real images. Raises UsageError, DataError and CheckpointError before anything is computed.
    """
    check_seed(seed)
    asked = None if metrics is None else metric_names(metrics)
    given = find_run_or_images(str(run_or_images), runs) if isinstance(run_or_images, str | Path) else run_or_images
    given = given if isinstance(given, Run | Path) else array_of(given)
    access = access_for(reporter or Silent(), offline, allow_dropped=True)
    real_images = None if against is None else name_of_images(against)
    if isinstance(given, Run):
        subject = subject_of_run(given, checkpoint or "last", device, real_images, split, access)
    else:
        _check_no_run_options(given, checkpoint=checkpoint, runs=runs, device=None if device == "auto" else device)
        subject = subject_of_images(given, real_images, split, access)
    num = subject.num_images(num_images)
    net = extractor_for(subject.real, features, weights)
    choose(asked, net, subject.real, subject.train, num)
    real = reference(subject.real, net, subject.train, progress)
    images = subject.images(num, seed, progress)
    stamp = {"generator_weights": subject.weights, "checkpoint": subject.step}
    measured = measure(images, real, asked, seed, **stamp, progress=progress)
    scores = reference_scores(real, list(measured.values), num, progress)
    return Evaluation(
        title=subject.title,
        measured=measured,
        reference_scores=scores,
        legend=tuple(legend(measured, real, scores)),
        notes=subject.notes,
    )


def _check_no_run_options(images: Path | np.ndarray, **options: object) -> None:
    """Raise UsageError for an option that has no effect on images."""
    for name, value in options.items():
        if value is not None:
            raise UsageError(f"--{name} {value} goes with a run, and {title_of(images)} is none; leave it out.")
