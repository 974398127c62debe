"""`gansmith.compare`: runs measured in the same way, then compared."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from gansmith.comparison.compare import Comparison, compare_measured
from gansmith.comparison.groups import MeasuredRun, check_runs_differ, check_same_shapes
from gansmith.comparison.page import write_page
from gansmith.comparison.subject import Subject, extractor_for, metric_names, subject_of_run
from gansmith.engine import DeviceChoice
from gansmith.errors import DiskError, UsageError
from gansmith.evaluation.measure import choose, measure
from gansmith.evaluation.reference import Progress, reference
from gansmith.evaluation.table import COPYING, METRICS
from gansmith.features.extractor import Extractor
from gansmith.recipe_file import recipe_of
from gansmith.runs.reporter import Reporter, Silent
from gansmith.runs.run import Run, find_run
from gansmith.training.datasets import access_for

QUALITY = ("fd", "kid", "pr", "dc")
"""Metrics of a comparison unless others are given, as far as there are enough images."""


def compare(
    runs: Sequence[Run | Path | str | int] | Mapping[str, Sequence[Run | Path | str | int]],
    metrics: Sequence[str] | str | None = None,
    num_images: int | None = None,
    *,
    features: str = "auto",
    weights: Path | None = None,
    checkpoint: str = "last",
    page: Path | None = None,
    root: Path | None = None,
    device: DeviceChoice = "auto",
    offline: bool = False,
    reporter: Reporter | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Measure two runs or more in the same way, and tell which make better images as far as intervals allow.

    Runs are paths, numbers or names below `root`; those that differ in the seed only are one group. A mapping names
    the groups, such as {"hinge": [1, 2], "ns": [3, 4]}; runs under the name "" are grouped by their recipes. `metrics`
    such as "fd,kid" default to `QUALITY`; the verdict is by fd, else by kid, else by the first. `page` is an HTML file
    that is written. Raises UsageError, before anything is measured, for runs that cannot be compared.
    """
    given = runs if isinstance(runs, Mapping) else {"": runs}
    for name in given:
        if "," in name or "=" in name or name != name.strip():
            raise UsageError(f"{name!r} cannot name a group; give a name without commas, '=' and blanks around it.")
    group_names = [name for name, members in given.items() for _ in members]
    found = [find_run(one, root) for members in given.values() for one in members]
    if len(found) < 2:
        raise UsageError(f"a comparison takes two runs or more, got {len(found)}.")
    pairs = [(run, recipe_of(run)) for run in found]
    check_runs_differ([(*pair, name) for pair, name in zip(pairs, group_names, strict=True)])
    check_same_shapes(pairs)
    names = metric_names(QUALITY if metrics is None else metrics)
    access = access_for(reporter or Silent(), offline, allow_dropped=True)
    subjects = [subject_of_run(run, checkpoint, device, None, None, access) for run in found]
    _check_same_images(found, subjects)
    real, num = subjects[0].real, subjects[0].num_images(num_images)
    net = extractor_for(real, features, weights)
    chosen, left_out = _choose_metrics(names, net, num, subjects, all_required=metrics is not None)
    needs_training_images = any(COPYING[0] in METRICS[name].needs for name in chosen)
    measured_runs = []
    for (run, recipe), subject, name in zip(pairs, subjects, group_names, strict=True):
        compared = reference(real, net, subject.train if needs_training_images else None, progress)
        images = subject.images(num, 0, progress)
        stamp = {"generator_weights": subject.weights, "checkpoint": subject.step}
        measured = measure(images, compared, chosen, 0, **stamp, progress=progress)
        measured = replace(measured, left_out=left_out)
        measured_runs.append(MeasuredRun(run=run, recipe=recipe, measured=measured, group_name=name))
    comparison = compare_measured(measured_runs)
    try:
        if page is not None:
            write_page(comparison, page)
    except OSError as error:
        raise DiskError(f"the page cannot be written to {page}: {error.strerror}; give another --page.") from error
    return comparison


def _check_same_images(runs: Sequence[Run], subjects: Sequence[Subject]) -> None:
    """Raise UsageError when two runs were trained on different real images."""
    real = subjects[0].real
    for run, subject in zip(runs[1:], subjects[1:], strict=True):
        if (other := subject.real).sha256 != real.sha256:
            raise UsageError(
                f"the real images of {runs[0].path.name} and {run.path.name} are not the same: {len(real):,} of "
                f"{real.name}, {real.split}, and {len(other):,} of {other.name}, {other.split}; compare runs that were "
                "trained on the same images, resized in the same way."
            )


def _choose_metrics(
    names: list[str], net: Extractor, num: int, subjects: Sequence[Subject], *, all_required: bool
) -> tuple[list[str], dict[str, str]]:
    """The metrics that can be measured, and why the others cannot. Raises UsageError for one that is required."""
    real = subjects[0].real
    if all_required:
        for subject in subjects:
            choose(names, net, real, subject.train, num)
        return names, {}
    possible, left_out = choose(None, net, real, None, num)
    return [name for name in names if name in possible], {name: left_out[name] for name in names if name in left_out}
