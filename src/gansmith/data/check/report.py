"""The data check: a report on every file of a source, and on the source as a whole."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from gansmith.data.archives.names import LEFT_OUT
from gansmith.data.check.duplicates import NEAR_SIDE, groups_of_equal, groups_of_similar
from gansmith.data.check.suggest import SHORT_SIDE, SuggestedShape, suggest_shape
from gansmith.data.images.decode import LAID_OVER_WHITE, DecodedImage, ImageFacts, Outcome, dropped, suffix_of
from gansmith.data.images.decode_set import SetDecoder
from gansmith.data.images.levels import Levels
from gansmith.data.images.pool import Decoders
from gansmith.data.images.types import SUFFIXES
from gansmith.data.labels import Labels, class_order, find_labels, why_no_classes
from gansmith.data.open_source import Entry, OpenSource
from gansmith.text import printable

Progress = Callable[[int, int], None]
"""Called with the number of files done, and of all files."""
HOLDS_LABELS = "holds the labels"
"""The reason why a label file is no image."""
_SHORT_SIDES = (8, 16, 32, 64, 128, 256, 512, 1024, 2048)
"""Where the buckets of the histogram of shorter sides begin, in pixels."""
_ASPECTS = ((0.5, "taller than 1:2"), (0.97, "tall"), (1.03, "square"), (2.0, "wide"))
"""Largest width / height, and name, of each bucket of the histogram of aspect ratios."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedFile(ImageFacts):
    """The report on one file. `label` is the name of its class."""

    name: str
    label: str | None = None
    row: bool = False

    @property
    def lost(self) -> bool:
        """Whether it is an image, by its name or as a row of a table, that cannot be used."""
        image = self.row or suffix_of(self.name) in SUFFIXES
        return self.outcome == "dropped" and LEFT_OUT.isdisjoint(self.reasons) and image

    def to_dict(self) -> dict[str, Any]:
        """The file's entry in an index and in the JSON report."""
        entry: dict[str, Any] = {"name": printable(self.name), "outcome": self.outcome, "reasons": list(self.reasons)}
        if self.outcome != "dropped":
            entry |= {"mode": self.mode, "width": self.width, "height": self.height, "sha256": self.sha256}
        return entry if self.label is None else entry | {"label": self.label}


@dataclass(frozen=True, kw_only=True, slots=True)
class DataReport:
    """The report on a source: every file is in `files` once; duplicates are groups of file names."""

    path: Path
    given: tuple[str, ...]
    """The command-line words that name these images."""
    files: tuple[CheckedFile, ...]
    labels_from: str | None
    duplicates: tuple[tuple[str, ...], ...]
    near_duplicates: tuple[tuple[str, ...], ...]
    suggestion: SuggestedShape | None
    notes: tuple[str, ...]
    levels: Levels | None = None
    """Those of images of more than 8 bits; None where there are none."""

    @property
    def kept(self) -> list[CheckedFile]:
        """The files whose images are used, converted or not."""
        return [file for file in self.files if file.outcome != "dropped"]

    def counts(self) -> dict[Outcome, int]:
        """Number of files of each outcome."""
        found = Counter(file.outcome for file in self.files)
        return {"used": found["used"], "converted": found["converted"], "dropped": found["dropped"]}

    def reasons(self) -> dict[str, list[CheckedFile]]:
        """The files of each reason, the most frequent first."""
        found: dict[str, list[CheckedFile]] = {}
        for file in self.files:
            for reason in file.reasons:
                found.setdefault(reason, []).append(file)
        return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))

    def classes(self) -> dict[str, int]:
        """Number of images of each class, in the order of the class numbers."""
        found = Counter(file.label for file in self.kept if file.label is not None)
        return {label: found[label] for label in class_order(found)}

    def sizes(self) -> dict[str, int]:
        """Number of images for each bucket of shorter sides, in pixels."""
        found = Counter(_bucket(min(file.width, file.height)) for file in self.kept)
        return {name: found[name] for name in map(_bucket, _SHORT_SIDES) if found[name]}

    def aspects(self) -> dict[str, int]:
        """Number of images for each bucket of aspect ratios; "square" is within 3 %."""
        found = Counter(_aspect(file.width / file.height) for file in self.kept)
        return {name: found[name] for name in [*(name for _, name in _ASPECTS), "wider than 2:1"] if found[name]}

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data for JSON."""
        suggestion = self.suggestion
        return {
            "path": printable(str(self.path)),
            "given": [printable(word) for word in self.given],
            "counts": self.counts(),
            "reasons": {reason: len(files) for reason, files in self.reasons().items()},
            "labels_from": self.labels_from,
            "classes": self.classes(),
            "short_sides": self.sizes(),
            "aspects": self.aspects(),
            "duplicates": [[printable(name) for name in group] for group in self.duplicates],
            "near_duplicates": [[printable(name) for name in group] for group in self.near_duplicates],
            "suggested_shape": asdict(suggestion) if suggestion else None,
            "notes": list(self.notes),
            "files": [file.to_dict() for file in self.files],
        }


def check_source(source: OpenSource, workers: int | None = None, progress: Progress | None = None) -> DataReport:
    """The data check: decode every image of an open source and report on it; nothing is written.

    Raises DataError when a label file is wrong.
    """
    labels = find_labels(source)
    reports = []
    with Decoders(workers) as decoders:
        decoder = SetDecoder(decoders, source.jobs, len(source.entries))
        for number, (entry, image) in enumerate(zip(source.entries, decoder.decode(0), strict=True), 1):
            reports.append(report_on(entry, image, labels))
            if progress:
                progress(number, len(source.entries))
    return replace(_report(source, [*reports, *passed_over(source)], labels), levels=decoder.levels)


def report_on(entry: Entry, image: DecodedImage, labels: Labels | None) -> CheckedFile:
    """The report on a decoded file. Where there are labels, an image without one is dropped."""
    name, label = entry.name, labels.of.get(entry.name) if labels else None
    if labels and name == labels.file:
        image = dropped(HOLDS_LABELS)
    elif image.outcome != "dropped" and labels and label is None:
        image = dropped("has no label")
    facts: dict[str, Any] = {one.name: getattr(image, one.name) for one in fields(ImageFacts)}
    return CheckedFile(name=name, label=None if image.outcome == "dropped" else label, row=entry.row, **facts)


def passed_over(source: OpenSource) -> list[CheckedFile]:
    """The reports on the files that cannot be read."""
    return [CheckedFile(name=name, outcome="dropped", reasons=(reason,)) for name, reason in source.passed]


def suggestion_for(kept: Sequence[CheckedFile], short_side: int = SHORT_SIDE) -> SuggestedShape | None:
    """The suggested shape for the images that are used; None if there are none."""
    if not kept:
        return None
    grey, transparent = sum(file.grey for file in kept), sum(file.transparent for file in kept)
    bordered = sum(file.white_border for file in kept if not file.transparent)
    return suggest_shape([(file.height, file.width) for file in kept], grey, transparent, short_side, bordered)


def _report(source: OpenSource, files: Sequence[CheckedFile], labels: Labels | None) -> DataReport:
    kept = [file for file in files if file.outcome != "dropped"]
    keys = [file.sha256 for file in kept]
    large = [file for file in kept if min(file.height, file.width) >= NEAR_SIDE]
    similar = groups_of_similar([file.difference_hash for file in large], [file.sha256 for file in large])
    suggestion = suggestion_for(kept)
    if suggestion and suggestion.channels == 4:
        files = [_with_transparency(file) for file in files]
    not_compared = (
        f"{len(kept) - len(large):,} images were not compared for near-duplicates: with a shorter side under "
        f"{NEAR_SIDE} pixels, different images look alike"
    )
    report = DataReport(
        path=source.path,
        given=source.given or (str(source.path),),
        files=tuple(files),
        labels_from=labels.origin if labels else None,
        duplicates=_names_in(kept, groups_of_equal(keys)),
        near_duplicates=_names_in(large, similar),
        suggestion=suggestion,
        notes=(
            *source.notes(),
            *(labels.notes if labels else filter(None, [why_no_classes(source)])),
            *([not_compared] if len(large) < len(kept) else []),
        ),
    )
    if small := [label for label, count in report.classes().items() if count == 1]:
        note = f"{len(small):,} classes have a single image, first {printable(small[0])}"
        return replace(report, notes=(*report.notes, note))
    return report


def _with_transparency(file: CheckedFile) -> CheckedFile:
    """The report on the file if transparency is kept."""
    if LAID_OVER_WHITE not in file.reasons:
        return file
    reasons = tuple(reason for reason in file.reasons if reason != LAID_OVER_WHITE)
    return replace(file, reasons=reasons, outcome="converted" if reasons else "used")


def _names_in(kept: Sequence[CheckedFile], groups: list[list[int]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(kept[position].name for position in group) for group in groups)


def _bucket(side: int) -> str:
    low = max(limit for limit in _SHORT_SIDES if limit <= side)
    return f"{low}-{2 * low - 1}" if low < _SHORT_SIDES[-1] else f"{low} and more"


def _aspect(ratio: float) -> str:
    return next((name for limit, name in _ASPECTS if ratio <= limit), "wider than 2:1")
