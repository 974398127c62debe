"""`gansmith data check` and `gansmith data prepare`, called by `data`."""

import json
import shlex
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from gansmith.cli.bars import counting_bar, download_bar
from gansmith.cli.options import AllowDropped, Json, Offline, option
from gansmith.errors import DataError, DiskError, UsageError

if TYPE_CHECKING:
    from gansmith.data.check.report import DataReport
    from gansmith.data.datasets.catalog import Split
    from gansmith.data.open_source import OpenSource
    from gansmith.data.store import Dataset

WHAT = "a known set, or a folder, .zip, .tar or .parquet of images; classes in brackets, such as cifar10[ship]"
"""What `check` and `prepare` take."""

SplitOption = Annotated[
    Literal["train", "test", "extra", "both"],
    option("part of a known set; both is train, then test", metavar="train|test|extra|both"),
]
Workers = Annotated[int | None, option("decode processes; default one a core", metavar="N")]


def check(
    images: Annotated[Positional[str], arg(metavar="NAME|PATH", help=WHAT)],
    split: SplitOption = "train",
    json_: Json = False,
    page: Annotated[Path | None, option("also write the report with thumbnails", metavar="FILE.html")] = None,
    workers: Workers = None,
    offline: Offline = False,
) -> None:
    """Report on images: what is used, converted and dropped and why, duplicates, classes, and a proposal.

    Labels are those of a known set; of labels.csv (name,label), labels.json ({name: label}) or dataset.json beside the
    images; of folders, when every image lies in one just below the top; or of a Parquet column that Hugging Face's
    description calls a ClassLabel, else one named label, labels, class, category or target.
    """
    from gansmith.data.check.report import check_source
    from gansmith.data.check.text import report_lines
    from gansmith.text import printable

    if store := _store(images):
        if page is not None:
            raise UsageError(
                f"--page {page}: {printable(images)} is packed already; a page shows what it was made from."
            )
        _report_on_store(images, store, json_)
        return
    with _opened(images, split, offline) as source:
        with counting_bar("decoding") as progress:
            report = check_source(source, _positive(workers), progress)
        if page is not None:
            _write_page(page, report, source, workers)
    if json_:
        sys.stdout.write(json.dumps(report.to_dict(), indent=1) + "\n")
    else:
        sys.stdout.write("\n".join(report_lines(report)) + "\n")
    if not report.kept:
        raise DataError(
            f"{printable(images)} holds no image that can be used; give a folder of images, a .zip, a .tar or a "
            ".parquet file."
        )


def prepare(
    images: Annotated[Positional[str], arg(metavar="SRC", help=WHAT)],
    out: Annotated[Positional[Path], arg(metavar="OUT", help="the folder to be made")],
    split: SplitOption = "train",
    size: Annotated[str | None, option("side, or height x width; default as check proposes", metavar="S|HxW")] = None,
    channels: Annotated[
        Literal[1, 3, 4] | None, option("grey, RGB or RGBA; default as check proposes", metavar="1|3|4")
    ] = None,
    fit: Annotated[
        Literal["crop", "pad", "stretch"] | None, option("how other shapes become this one", metavar="crop|pad|stretch")
    ] = None,
    box: Annotated[str | None, option("the part of each image that is used", metavar="TOP,LEFT,HEIGHT,WIDTH")] = None,
    resample: Annotated[Literal["lanczos", "bilinear"], option("how images are resized")] = "lanczos",
    allow_dropped: AllowDropped = False,
    workers: Workers = None,
    offline: Offline = False,
) -> None:
    """Pack images into a store for training; a stopped one is continued. Prints the store's folder."""
    from gansmith.data.prepare import ShapeOptions, choose_shape, prepare_source

    if _store(images):
        raise UsageError(f"{images} is packed already, to train on: gansmith train --data {images}.")
    options = ShapeOptions(
        size=_parse_size(size), channels=channels, resize=fit, box=_parse_box(box), resample=resample
    )
    num = _positive(workers)
    with _opened(images, split, offline) as source:
        with counting_bar("looking") as progress:
            wanted = choose_shape(source, options, num, progress)
        with counting_bar("packing") as progress:
            dataset = prepare_source(source, out, wanted, allow_dropped=allow_dropped, workers=num, progress=progress)
    outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in dataset.index["outcomes"].items())
    notes = [*dataset.index["notes"], *filter(None, [dataset.index.get("no_classes")])]
    sys.stderr.write("".join(f"{note}\n" for note in notes))
    sys.stderr.write(f"{len(dataset):,} images of {wanted.height}x{wanted.width}x{wanted.channels} ({outcomes})\n")
    sys.stdout.write(f"{out}\n")


def _store(name: str) -> "Dataset | None":
    """The packed store that is named, of the classes that are asked for; None where it is none."""
    from gansmith.data.selection import parse_name, rows_of

    selection = parse_name(name)
    path = Path(selection.name).expanduser()
    if not (path / "index.json").is_file():
        return None
    from gansmith.data.store import read_dataset

    dataset = read_dataset(path)
    if dataset is None or not selection.classes:
        return dataset
    of = dataset.index.get("classes"), selection.name, dataset.index.get("no_classes", "")
    return dataset.only(rows_of(selection.classes, dataset.labels, *of))


def _report_on_store(name: str, dataset: "Dataset", as_json: bool) -> None:
    """What a store holds; it was checked when it was packed."""
    import numpy as np

    from gansmith.text import printable

    channels, height, width = dataset.index["shape"]
    numbers, counts = np.unique(dataset.labels if dataset.labels is not None else [], return_counts=True)
    names = dict(enumerate(dataset.index.get("classes") or ()))
    classes = {
        printable(names.get(int(number), str(int(number)))): int(count)
        for number, count in zip(numbers, counts, strict=True)
    }
    if as_json:
        facts = {"path": name, "packed": True, "count": len(dataset), "shape": [channels, height, width]}
        facts |= {"classes": classes, "notes": dataset.index["notes"]}
        sys.stdout.write(json.dumps(facts, indent=1) + "\n")
        return
    lines = [
        f"{printable(name)}: {len(dataset):,} images of {height}x{width}x{channels}, packed from "
        f"{dataset.index['name']}"
    ]
    lines += ["classes", *(f"  {count:>9,}  {one}" for one, count in classes.items())] if classes else []
    lines += [f"note: {note}" for note in dataset.index["notes"]]
    lines.append(f"  gansmith train --data {shlex.quote(name)}")
    sys.stdout.write("\n".join(lines) + "\n")


def _parse_size(size: str | None) -> tuple[int, int] | None:
    if size is None:
        return None
    sides = size.lower().split("x")
    if not (len(sides) <= 2 and all(side.isdecimal() and 1 <= int(side) <= 4096 for side in sides)):
        raise UsageError(f"--size {size!r} is neither a side nor HEIGHTxWIDTH in 1 to 4096; try 64 or 96x64.")
    return int(sides[0]), int(sides[-1])


def _parse_box(box: str | None) -> tuple[int, ...]:
    if box is None:
        return ()
    numbers = tuple(int(part) if part.isdecimal() else -1 for part in box.strip("[]").replace(" ", "").split(","))
    if len(numbers) != 4 or min(numbers) < 0 or min(numbers[2:]) < 1:
        raise UsageError(f"--box {box!r} must be TOP,LEFT,HEIGHT,WIDTH, counted from 0, such as 34,14,150,150.")
    return numbers


def _positive(workers: int | None) -> int | None:
    if workers is not None and not 1 <= workers <= 1024:
        raise UsageError(f"--workers {workers} must be 1 to 1024.")
    return workers


@contextmanager
def _opened(name: str, split: "Split", offline: bool) -> Generator["OpenSource"]:
    """The images, downloaded if need be."""
    from gansmith.data.sources import find_source

    with download_bar() as progress:
        source = find_source(name, split, offline=offline, progress=progress)
    with source.open() as opened:
        yield opened


def _write_page(file: Path, report: "DataReport", source: "OpenSource", workers: int | None) -> None:
    from gansmith.data.check.page import check_page
    from gansmith.runs.run import write_atomically

    try:
        write_atomically(file, check_page(report, source, workers))
    except OSError as error:
        raise DiskError(f"the page cannot be written to {file}: {error.strerror}; give another --page.") from error
    sys.stderr.write(f"page: {file}\n")
