"""`gansmith runs compare`."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional

import gansmith
from gansmith.cli.console import Lines, progress_bar
from gansmith.cli.options import Device, Features, Json, NumImages, Offline, Runs, Weights, option
from gansmith.cli.output import print_json, print_lines
from gansmith.runs.run import default_root, find_run


def compare(
    what: Annotated[
        Positional[tuple[str, ...]],
        option("two runs or more; runs that differ in the seed only are one group", metavar="RUN RUN ..."),
    ],
    num: NumImages = None,
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
        print_json({**comparison.to_dict(), "page": str(file)})
    else:
        print_lines([*comparison.lines(), str(file)])
