"""`gansmith runs compare`."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from gansmith.cli.options import Device, Json, Offline, Runs, option
from gansmith.errors import DiskError, UsageError
from gansmith.runs import Run, default_root, find_run

if TYPE_CHECKING:
    from gansmith.cli.evaluated import Evaluated
    from gansmith.comparison import Comparison, Judged
    from gansmith.metrics.extractor import Extractor
    from gansmith.metrics.protocol import Protocol
    from gansmith.schema import Recipe

QUALITY = "fd,kid,pr,dc"
"""What is measured unless something else is asked for: how near and how varied."""


def compare(
    what: Annotated[
        Positional[tuple[str, ...]],
        arg(metavar="RUN RUN ...", help="two runs or more; those that differ in the seed only are one side"),
    ],
    num: Annotated[
        int | None,
        option("generated pictures of each; default 10,000, or as many as are real", aliases=["-n"], metavar="N"),
    ] = None,
    metrics: Annotated[
        str, option("which numbers; the verdict is by fd, or else the first", metavar="NAME,...")
    ] = QUALITY,
    checkpoint: Annotated[str, option("which state of each run", metavar="last|best|STEP")] = "last",
    page: Annotated[
        Path | None, option("where the page goes; default in the folder of the runs", metavar="FILE")
    ] = None,
    runs: Runs = None,
    device: Device = "auto",
    offline: Offline = False,
    json_: Json = False,
) -> None:
    """Tell which runs make better pictures, as far as intervals allow: a table, a page and a verdict.

    All are measured in the same way against their set's test split. Beside the last states stand those at equal images
    and equal training time, where the runs were evaluated on the way.
    """
    from gansmith.comparison import compare as compare_runs
    from gansmith.comparison import refuse_the_same
    from gansmith.comparison_page import write_page
    from gansmith.recipe_file import recipe_of

    root = runs or default_root()
    given = [find_run(one, root) for one in what]
    if len(given) < 2:
        raise UsageError(f"runs compare takes two runs or more, got {len(given)}.")
    pairs = [(run, recipe_of(run)) for run in given]
    refuse_the_same(pairs)
    found = compare_runs(_judged(pairs, num, metrics, checkpoint, device, offline))
    file = page or root / f"comparison-{'-'.join(str(run.number) for run in given)[:100]}.html"
    try:
        write_page(found, file)
    except OSError as error:
        raise DiskError(f"the page cannot be written to {file}: {error.strerror}; give another --page.") from error
    if json_:
        sys.stdout.write(json.dumps({**found.facts(), "page": str(file)}, indent=1) + "\n")
    else:
        _print(found, file)


def _judged(
    pairs: "list[tuple[Run, Recipe]]", num: int | None, metrics: str, checkpoint: str, device: Device, offline: bool
) -> "list[Judged]":
    """Every run measured in the same way. Raises UsageError before the first one is, where that cannot be."""
    from gansmith.cli.bars import stage_bar
    from gansmith.cli.evaluated import count, extractor_for, find
    from gansmith.comparison import Judged
    from gansmith.evaluation.measure import choose, measure, named
    from gansmith.evaluation.reference import reference
    from gansmith.evaluation.table import COPYING, METRICS
    from gansmith.metrics.protocol import comparable

    names = named([name.strip() for name in metrics.split(",")])
    subjects = [find(str(run.path), None, None, checkpoint, None, device, offline) for run, _ in pairs]
    nets = [extractor_for(one.real, "auto", None) for one in subjects]
    counts = [count(num, one) for one in subjects]
    stamps = [_stamp(*one) for one in zip(subjects, nets, counts, strict=True)]
    for stamp in stamps[1:]:
        comparable(stamps[0], stamp)
    for one, net in zip(subjects, nets, strict=True):
        choose(names, net, one.real, one.train, counts[0])
    of_copying = any(COPYING[0] in METRICS[name].needs for name in names)  # else nobody asks what was trained on
    judged = []
    with stage_bar() as progress:
        for (run, recipe), subject, net in zip(pairs, subjects, nets, strict=True):
            compared = reference(subject.real, net, subject.train if of_copying else None, progress)
            images = subject.images(counts[0], 0, progress)
            stamp = {"weights": subject.weights, "checkpoint": subject.step}
            measured = measure(images, compared, names, 0, **stamp, progress=progress)
            judged.append(Judged(run=run, recipe=recipe, measured=measured))
    return judged


def _stamp(subject: "Evaluated", net: "Extractor", num: int) -> "Protocol":
    from gansmith.metrics.protocol import Protocol

    real = subject.real
    return Protocol(
        features=net.name,
        features_hash=net.hash,
        resize=net.resize,
        fake=num,
        real=len(real),
        reference=real.name,
        split=real.split,
        reference_sha256=real.sha256,
    )


def _print(found: "Comparison", file: Path) -> None:
    from gansmith.comparison import differences
    from gansmith.comparison_page import better, cells, shown

    for side in found.sides:
        said = [f"{one.run.path.name} (seed {one.recipe.seed}, {one.seen:,} images)" for one in side.runs]
        sys.stdout.write(f"{side.letter}  {', '.join(said)}\n")
    for name, values in differences(found.sides).items():
        sys.stdout.write(f"   {name}: {' | '.join(map(shown, values))}\n")
    for moment in found.moments:
        sys.stdout.write(f"\n{moment.title}{f': {moment.why_not}' if moment.why_not else ''}\n")
        if moment.rows:
            heads = ["", *(side.letter for side in found.sides), "better"]
            _write_columns(
                [heads, *([name, *cells(row), better(found, name, row)] for name, row in moment.rows.items())]
            )
    sys.stdout.write("\n")
    for pair, text in found.verdicts.items():
        sys.stdout.write(f"{f'{pair}: ' if len(found.verdicts) > 1 else ''}{text}, by {found.decides}\n")
    for remark in found.remarks:
        sys.stdout.write(f"note: {remark}\n")
    sys.stdout.write(f"{file}\n")


def _write_columns(rows: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        line = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(f"  {line}".rstrip() + "\n")
