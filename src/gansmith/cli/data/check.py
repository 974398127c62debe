"""`gansmith data check`."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

import gansmith
from gansmith.cli.console import progress_bar
from gansmith.cli.options import IMAGES, Json, Offline, SplitOption, Workers, check_workers, option
from gansmith.cli.output import print_json, print_lines, print_notes


def check_data(
    images: Annotated[Positional[str], arg(metavar="NAME|PATH", help=IMAGES)],
    split: SplitOption = "train",
    json_: Json = False,
    page: Annotated[Path | None, option("also write the report as a page with thumbnails", metavar="FILE.html")] = None,
    workers: Workers = None,
    offline: Offline = False,
) -> None:
    """Check images before training: which are used, converted or dropped and why, duplicates, classes, suggested shape.

    Labels come from, in this order: the known dataset; labels.csv (name,label), labels.json ({name: label}) or
    dataset.json beside the images; folders, if every image is in one just below the top; a Parquet column that is a
    ClassLabel or is named label, labels, class, category or target.
    """
    check_workers(workers)
    with progress_bar() as bar:
        report = gansmith.check_data(
            images, split, page=page, workers=workers, offline=offline, downloading=bar.download, progress=bar.count
        )
    from gansmith.data.check.check_data import check_usable, lines_of

    if page is not None:
        print_notes([f"page: {page}"])
    if json_:
        print_json(report.to_dict())
    else:
        print_lines(lines_of(report))
    check_usable(report)
