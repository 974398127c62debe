"""`gansmith runs compare`."""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional

from gansmith.cli.options import Device, Features, Json, Offline, Runs, Weights, option
from gansmith.errors import DiskError, UsageError
from gansmith.runs.run import Run, default_root, find_run

if TYPE_CHECKING:
    from gansmith.comparison.compare import Comparison
    from gansmith.comparison.evaluate import Evaluated
    from gansmith.comparison.groups import MeasuredRun
    from gansmith.features.extractor import Extractor
    from gansmith.schema import Recipe

QUALITY = ("fd", "kid", "pr", "dc")
"""What is measured, as far as there are images enough, unless something is asked for: how near and how varied."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """What the command line says of the measuring."""

    num: int | None
    metrics: str | None
    features: str
    weights: Path | None
    checkpoint: str
    device: Literal["auto", "cpu", "cuda", "mps"]
    offline: bool


def compare(
    what: Annotated[
        Positional[tuple[str, ...]],
        option("two runs or more; seeds of the same settings are one group", metavar="RUN RUN ..."),
    ],
    num: Annotated[
        int | None,
        option("generated images of each; default 10,000, or as many as are real", aliases=["-n"], metavar="N"),
    ] = None,
    metrics: Annotated[
        str | None,
        option(
            f"numbers; default what can be had of {','.join(QUALITY)}; the verdict is by fd, else kid, else the first",
            metavar="NAME,...",
        ),
    ] = None,
    features: Features = "auto",
    weights: Weights = None,
    checkpoint: Annotated[str, option("which state of each run", metavar="last|best|STEP")] = "last",
    page: Annotated[
        Path | None, option("where the page goes; default in the folder of the runs", metavar="FILE")
    ] = None,
    runs: Runs = None,
    device: Device = "auto",
    offline: Offline = False,
    json_: Json = False,
) -> None:
    """Tell which runs make better images, as far as intervals allow: a table, a page and a verdict.

    All are measured in the same way against their set's test split. Beside the last states stand those at equal images
    and equal training time, where the runs were evaluated on the way.
    """
    from gansmith.comparison.compare import compare as compare_runs
    from gansmith.comparison.groups import check_runs_differ, check_same_shapes
    from gansmith.comparison.page import write_page
    from gansmith.recipe_file import recipe_of

    root = runs or default_root()
    given = [find_run(one, root) for one in what]
    if len(given) < 2:
        raise UsageError(f"runs compare takes two runs or more, got {len(given)}.")
    pairs = [(run, recipe_of(run)) for run in given]
    check_runs_differ(pairs)
    check_same_shapes(pairs)
    asked = _Asked(
        num=num,
        metrics=metrics,
        features=features,
        weights=weights,
        checkpoint=checkpoint,
        device=device,
        offline=offline,
    )
    found = compare_runs(_measured(pairs, asked))
    file = page or root / f"comparison-{'-'.join(str(run.number) for run in given)[:100]}.html"
    try:
        write_page(found, file)
    except OSError as error:
        raise DiskError(f"the page cannot be written to {file}: {error.strerror}; give another --page.") from error
    if json_:
        sys.stdout.write(json.dumps({**found.to_dict(), "page": str(file)}, indent=1) + "\n")
    else:
        _print(found, file)


def _measured(pairs: "list[tuple[Run, Recipe]]", asked: _Asked) -> "list[MeasuredRun]":
    """Every run measured in the same way. Raises UsageError before the first one is, where that cannot be."""
    from gansmith.cli.bars import stage_bar
    from gansmith.comparison.evaluate import count, extractor_for, find
    from gansmith.comparison.groups import MeasuredRun
    from gansmith.evaluation.measure import measure, named
    from gansmith.evaluation.reference import reference
    from gansmith.evaluation.table import COPYING, METRICS

    wanted = named(QUALITY if asked.metrics is None else [name.strip() for name in asked.metrics.split(",")])
    subjects = [
        find(str(run.path), None, None, asked.checkpoint, None, asked.device, asked.offline) for run, _ in pairs
    ]
    _check_same_images([run for run, _ in pairs], subjects)
    real, num = subjects[0].real, count(asked.num, subjects[0])
    net = extractor_for(real, asked.features, asked.weights)
    names, left_out = _chosen(wanted, asked.metrics is not None, net, num, subjects)
    of_copying = any(COPYING[0] in METRICS[name].needs for name in names)  # else nobody asks what was trained on
    measured_runs = []
    with stage_bar() as progress:
        for (run, recipe), subject in zip(pairs, subjects, strict=True):
            compared = reference(real, net, subject.train if of_copying else None, progress)
            images = subject.images(num, 0, progress)
            stamp = {"weights": subject.weights, "checkpoint": subject.step}
            measured = measure(images, compared, names, 0, **stamp, progress=progress)
            measured_runs.append(MeasuredRun(run=run, recipe=recipe, measured=replace(measured, left_out=left_out)))
    return measured_runs


def _check_same_images(runs: "list[Run]", subjects: "list[Evaluated]") -> None:
    """Raise UsageError when two runs have not the same real images to be measured against."""
    real = subjects[0].real
    for run, subject in zip(runs[1:], subjects[1:], strict=True):
        if (other := subject.real).sha256 != real.sha256:
            raise UsageError(
                f"the real images of {runs[0].path.name} and {run.path.name} are not the same: {len(real):,} of "
                f"{real.name}, {real.split}, and {len(other):,} of {other.name}, {other.split}; runs can be compared "
                "that were trained on the same ones, brought to their shape in the same way."
            )


def _chosen(
    wanted: list[str], all_of_them: bool, net: "Extractor", num: int, subjects: "list[Evaluated]"
) -> tuple[list[str], dict[str, str]]:
    """Which of these metrics are measured, and why not the others. Raises UsageError where it must be all of them."""
    from gansmith.evaluation.measure import choose

    real = subjects[0].real
    if all_of_them:
        for subject in subjects:
            choose(wanted, net, real, subject.train, num)
        return wanted, {}
    there, left_out = choose(None, net, real, None, num)
    return [name for name in wanted if name in there], {name: left_out[name] for name in wanted if name in left_out}


def _print(found: "Comparison", file: Path) -> None:
    from gansmith.comparison.groups import differences
    from gansmith.comparison.page import better, cells, describe_value

    for group in found.groups:
        said = [f"{one.run.path.name} (seed {one.recipe.seed}, {one.seen:,} images)" for one in group.runs]
        sys.stdout.write(f"{group.letter}  {', '.join(said)}\n")
    for name, values in differences(found.groups).items():
        sys.stdout.write(f"   {name}: {' | '.join(map(describe_value, values))}\n")
    for moment in found.moments:
        sys.stdout.write(f"\n{moment.title}{f': {moment.why_not}' if moment.why_not else ''}\n")
        if moment.rows:
            heads = ["", *(group.letter for group in found.groups), "better"]
            _write_columns(
                [heads, *([name, *cells(row), better(found, name, row)] for name, row in moment.rows.items())]
            )
    sys.stdout.write("\n")
    for pair, text in found.verdicts.items():
        sys.stdout.write(f"{f'{pair}: ' if len(found.verdicts) > 1 else ''}{text}, by {found.decides}\n")
    for note in found.notes:
        sys.stdout.write(f"note: {note}\n")
    sys.stdout.write(f"{file}\n")


def _write_columns(rows: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        line = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(f"  {line}".rstrip() + "\n")
