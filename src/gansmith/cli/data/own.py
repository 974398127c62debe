"""`gansmith data check` and `gansmith data prepare`: a user's own images."""

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

import gansmith
from gansmith.cli.console import progress_bar
from gansmith.cli.options import IMAGES, AllowDropped, Json, Offline, Size, SplitOption, Workers, option, parse_size
from gansmith.cli.output import print_json, print_lines, print_notes
from gansmith.errors import UsageError
from gansmith.text import command


def check_data(
    images: Annotated[Positional[str], arg(metavar="NAME|PATH", help=IMAGES)],
    split: SplitOption = "train",
    json_: Json = False,
    page: Annotated[Path | None, option("also write the report as a page with thumbnails", metavar="FILE.html")] = None,
    workers: Workers = None,
    offline: Offline = False,
) -> None:
    """Check images before training: which are used, converted or dropped and why, duplicates, classes, suggested shape.

    Classes come from, in this order: the known dataset, or a Parquet column that is a ClassLabel or is named label,
    labels, class, category or target; labels.csv (columns such as file and label, or two without a header), labels.json
    ({name: label}), metadata.csv, metadata.jsonl or dataset.json beside the images; the first folders that most images
    lie in. An image may lack a class. Of train/, val/ and test/, --split train takes train/ alone.
    """
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


def prepare_data(
    images: Annotated[Positional[str], arg(metavar="SRC", help=IMAGES)],
    out: Annotated[Positional[Path], arg(metavar="OUT", help="the folder to create")],
    split: SplitOption = "train",
    size: Size = None,
    channels: Annotated[
        Literal[1, 3, 4] | None, option("grey, RGB or RGBA; default as check suggests", metavar="1|3|4")
    ] = None,
    resize: Annotated[
        Literal["crop", "pad", "stretch"] | None,
        option("how images of another aspect ratio are resized", metavar="crop|pad|stretch"),
    ] = None,
    box: Annotated[str | None, option("the part of each image that is used", metavar="TOP,LEFT,HEIGHT,WIDTH")] = None,
    resample: Annotated[Literal["lanczos", "bilinear"], option("filter for resizing")] = "lanczos",
    allow_dropped: AllowDropped = False,
    workers: Workers = None,
    offline: Offline = False,
) -> None:
    """Pack images into a dataset folder for training, whose path is printed; an interrupted one is continued."""
    height_width, box_numbers = parse_size(size), _parse_box(box)
    from gansmith.data.check.check_data import packed_dataset
    from gansmith.data.prepare import ShapeOptions, choose_shape, prepare_source
    from gansmith.data.sources import find_source

    if packed_dataset(images):
        raise UsageError(f"{images} is packed already; train on it: {command('train', '--data', images)}")
    options = ShapeOptions(size=height_width, channels=channels, resize=resize, box=box_numbers, resample=resample)
    with progress_bar() as bar:
        found = find_source(images, split, offline=offline, progress=bar.download)
    with progress_bar() as bar, found.open() as source:
        shape = choose_shape(source, options, workers, partial(bar.count, "reading"))
        packing = partial(bar.count, "packing")
        dataset = prepare_source(source, out, shape, allow_dropped=allow_dropped, workers=workers, progress=packing)
    outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in dataset.index["outcomes"].items())
    print_notes(dataset.index["notes"])
    print_notes([f"{len(dataset):,} images of {shape.height}x{shape.width}x{shape.channels} ({outcomes})"])
    print_lines([str(out)])


def _parse_box(box: str | None) -> tuple[int, ...]:
    if box is None:
        return ()
    numbers = tuple(int(part) if part.isdecimal() else -1 for part in box.strip("[]").replace(" ", "").split(","))
    if len(numbers) != 4 or min(numbers) < 0 or min(numbers[2:]) < 1:
        raise UsageError(f"--box {box!r} must be TOP,LEFT,HEIGHT,WIDTH, counted from 0, such as 34,14,150,150.")
    return numbers
