"""`gansmith runs compare`."""

import json
import sys
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional

import gansmith
from gansmith.cli.console import Lines, progress_bar
from gansmith.cli.options import Device, Features, Json, Offline, Runs, Weights, option
from gansmith.runs.run import default_root, find_run


def compare(
    what: Annotated[
        Positional[tuple[str, ...]],
        option("two runs or more; runs that differ in the seed only are one group", metavar="RUN RUN ..."),
    ],
    num: Annotated[
        int | None,
        option("generated images of each; default 10,000, or as many as there are real", aliases=["-n"], metavar="N"),
    ] = None,
    metrics: Annotated[
        str | None,
        option(
            "metrics; default fd,kid,pr,dc as far as there are enough images; fd decides, else kid, else the first",
            metavar="NAME,...",
        ),
    ] = None,
    features: Features = "auto",
    weights: Weights = None,
    checkpoint: Annotated[str, option("checkpoint of each run", metavar="last|best|STEP")] = "last",
    page: Annotated[Path | None, option("file of the page; default in the folder of the runs", metavar="FILE")] = None,
    runs: Runs = None,
    device: Device = "auto",
    offline: Offline = False,
    json_: Json = False,
) -> None:
    """Compare runs: which make better images, as far as intervals allow, as a table, a page and a verdict.

    All are measured in the same way on their dataset's test split. Besides the last checkpoints, runs that were
    evaluated during training are compared after equal numbers of images and after equal training time.
    """
    root = runs or default_root()
    found = [find_run(one, root) for one in what]
    file = page or root / f"comparison-{'-'.join(str(run.number) for run in found)[:100]}.html"
    with progress_bar() as bar:
        comparison = gansmith.compare(
            found,
            metrics,
            num,
            features=features,
            weights=weights,
            checkpoint=checkpoint,
            page=file,
            device=device,
            offline=offline,
            reporter=Lines(),
            progress=bar.count,
        )
    if json_:
        sys.stdout.write(json.dumps({**comparison.to_dict(), "page": str(file)}, indent=1) + "\n")
        return
    from gansmith.comparison.text import comparison_lines

    sys.stdout.write("".join(f"{line}\n" for line in [*comparison_lines(comparison), str(file)]))
