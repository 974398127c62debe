"""`gansmith.check_data`: the report on a dataset before it is trained on."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gansmith.data.archives.kinds import FORMS
from gansmith.data.check.page import check_page
from gansmith.data.check.report import DataReport, check_source
from gansmith.data.check.text import report_lines
from gansmith.data.datasets.catalog import Split
from gansmith.data.datasets.http import Progress
from gansmith.data.given import GivenImages, name_of_images
from gansmith.data.selection import parse_name, rows_of
from gansmith.data.sources import find_source
from gansmith.data.store import Dataset, read_dataset
from gansmith.errors import DataError, DiskError, UsageError
from gansmith.system.atomic import write_atomically
from gansmith.text import command, printable


@dataclass(frozen=True, kw_only=True, slots=True)
class PackedReport:
    """The report on a packed dataset, whose images were checked when it was packed."""

    name: str
    packed_from: str
    count: int
    shape: tuple[int, int, int]
    """Channels, height, width."""
    classes: dict[str, int]
    """Images of each class; empty without labels."""
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        found = {"path": self.name, "packed": True, "count": self.count, "shape": list(self.shape)}
        return found | {"classes": self.classes, "notes": list(self.notes)}

    def lines(self) -> Iterator[str]:
        """The report for a terminal."""
        channels, height, width = self.shape
        shape = f"{height}x{width}x{channels}"
        yield f"{printable(self.name)}: {self.count:,} images of {shape}, packed from {self.packed_from}"
        if self.classes:
            yield "classes"
        for name, count in self.classes.items():
            yield f"  {count:>9,}  {name}"
        for note in self.notes:
            yield f"note: {note}"
        yield f"  {command('train', '--data', self.name)}"


def check_data(
    images: GivenImages,
    split: Split = "train",
    *,
    page: Path | None = None,
    workers: int | None = None,
    offline: bool = False,
    downloading: Progress | None = None,
    progress: Progress | None = None,
) -> DataReport | PackedReport:
    """Check a known dataset, or a folder, archive, table or array of images: which can be used, and what is in them.

    `page` is an HTML file that is written, with thumbnails. Raises DataError when the images cannot be found or read,
    and UsageError for a page of a packed dataset.
    """
    name = name_of_images(images)
    if dataset := packed_dataset(name):
        if page is not None:
            raise UsageError(f"--page {page}: {printable(name)} is packed already; a page shows what it was made from.")
        return _report_on_packed(name, dataset)

    def decoding(done: int, total: int) -> None:
        if progress:
            progress("decoding", done, total)

    with find_source(name, split, offline=offline, progress=downloading).open() as source:
        report = check_source(source, workers, decoding)
        if page is not None:
            try:
                write_atomically(page, check_page(report, source, workers))
            except OSError as error:
                raise DiskError(
                    f"the page cannot be written to {page}: {error.strerror}; give another --page."
                ) from error
    return report


def check_usable(report: DataReport | PackedReport) -> None:
    """Raise DataError when no image can be used."""
    if isinstance(report, DataReport) and not report.kept:
        raise DataError(f"{printable(report.given[0])} holds no image that can be used; {FORMS}.")


def lines_of(report: DataReport | PackedReport) -> Iterator[str]:
    """The report for a terminal."""
    return report.lines() if isinstance(report, PackedReport) else report_lines(report)


def packed_dataset(name: str) -> Dataset | None:
    """The packed dataset in the folder `name`, limited to the classes in brackets; None when it is no such folder."""
    selection = parse_name(name)
    path = Path(selection.name).expanduser()
    if not (path / "index.json").is_file():
        return None
    dataset = read_dataset(path)
    if dataset is None or not selection.classes:
        return dataset
    of = dataset.index.get("classes"), selection.name, dataset.index.get("no_classes", "")
    return dataset.only(rows_of(selection.classes, dataset.labels, *of))


def _report_on_packed(name: str, dataset: Dataset) -> PackedReport:
    names = dict(enumerate(dataset.index.get("classes") or ()))
    counts = Counter(dataset.labels.tolist() if dataset.labels is not None else [])
    return PackedReport(
        name=name,
        packed_from=dataset.index["name"],
        count=len(dataset),
        shape=tuple(dataset.index["shape"]),
        classes={printable(names.get(number, str(number))): counts[number] for number in sorted(counts) if number >= 0},
        notes=tuple(dataset.index["notes"]),
    )
