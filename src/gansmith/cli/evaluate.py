"""`gansmith evaluate`."""

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from gansmith.cli.options import (
    Device,
    Features,
    Json,
    Offline,
    Runs,
    Weights,
    call,
    check_has_checkpoint,
    option,
    run_or_images,
)
from gansmith.errors import UsageError


def main(arguments: Sequence[str]) -> None:
    """Read the options and evaluate."""
    call(evaluate, "gansmith evaluate", arguments)


def evaluate(
    what: Annotated[
        Positional[str],
        arg(metavar="RUN|FILE.npy|FOLDER", help="a run, an array uint8 (N, H, W, C), or a folder of PNG files"),
    ],
    against: Annotated[
        str | None, option("the real images, a known set or a path; default the run's own", metavar="NAME|PATH")
    ] = None,
    num: Annotated[
        int | None,
        option("generated images; default 10,000, or as many as there are real", aliases=["-n"], metavar="N"),
    ] = None,
    metrics: Annotated[
        str | None, option("which numbers, such as fd,kid,pr; default all that can be had", metavar="NAME,...")
    ] = None,
    features: Features = "auto",
    weights: Weights = None,
    split: Annotated[
        Literal["train", "test", "extra", "both"] | None,
        option("part of the real images' set; default test, if it has one", metavar="train|test|extra|both"),
    ] = None,
    checkpoint: Annotated[str | None, option("which state of the run; default last", metavar="last|best|STEP")] = None,
    seed: Annotated[int, option("of the images made, and of what the measures draw", metavar="S")] = 0,
    runs: Runs = None,
    device: Device = "auto",
    offline: Offline = False,
    json_: Json = False,
) -> None:
    """Measure generated images against real ones: how near they are, how varied, how many are copies.

    Every number has its 95 % interval, and beside it what real images, blurred ones and noise get. Final numbers are
    of a set's test split, where it has one. Only the cache is written to, and nothing into a run's folder.
    """
    if seed < 0:
        raise UsageError(f"--seed {seed}: seeds are 0 or more.")
    check_has_checkpoint(checkpoint or "last")
    run_or_images(what, runs)  # refused before all that takes a second to import
    from gansmith.cli.bars import stage_bar
    from gansmith.cli.evaluate_text import print_evaluation
    from gansmith.comparison.evaluate import count, extractor_for, find
    from gansmith.evaluation.measure import choose, measure, named
    from gansmith.evaluation.reference import reference
    from gansmith.evaluation.reference_scores import reference_scores

    asked = named([name.strip() for name in metrics.split(",")]) if metrics is not None else None
    found = find(what, against, split, checkpoint, runs, device, offline)
    num = count(num, found)
    net = extractor_for(found.real, features, weights)
    choose(asked, net, found.real, found.train, num)  # what cannot be is refused before anything is computed
    with stage_bar() as progress:
        compared = reference(found.real, net, found.train, progress)
        images = found.images(num, seed, progress)
        stamp = {"weights": found.weights, "checkpoint": found.step}
        measured = measure(images, compared, asked, seed, **stamp, progress=progress)
        beside = reference_scores(compared, list(measured.values), num, progress)
    if json_:
        facts = {"what": found.title, **measured.to_dict(), **beside.to_dict(), "notes": list(found.notes)}
        sys.stdout.write(json.dumps(facts, indent=1) + "\n")
    else:
        print_evaluation(found.title, measured, beside, compared, found.notes)
