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
from gansmith.data.labels import Labels, class_order, find_labels
from gansmith.data.open_source import Entry, OpenSource
from gansmith.data.splits import OTHER_SPLIT
from gansmith.text import printable

Progress = Callable[[int, int], None]
"""Called with the number of files done, and of all files."""
HOLDS_LABELS = "holds the labels"
"""The reason why a label file is no image."""
NO_CLASS = "has no class"
"""The reason why an image is not used where classes were asked for."""
_NAMED = 3
"""Number of images that a note names."""
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
        """Whether it is an image that cannot be used.

        The content tells; where there is none, or one of no known kind, the name does. A row of a table is an image.
        """
        chosen = any(reason in (*LEFT_OUT, HOLDS_LABELS) or reason.startswith(OTHER_SPLIT) for reason in self.reasons)
        image = self.is_image or self.row or suffix_of(self.name) in SUFFIXES
        return self.outcome == "dropped" and not chosen and image

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

    def without_class(self) -> list[str]:
        """The names of the images that have no class, where others have one."""
        return [file.name for file in self.kept if file.label is None] if self.labels_from else []

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
            "without_class": len(self.without_class()),
            "short_sides": self.sizes(),
            "aspects": self.aspects(),
            "duplicates": [[printable(name) for name in group] for group in self.duplicates],
            "near_duplicates": [[printable(name) for name in group] for group in self.near_duplicates],
            "suggested_shape": asdict(suggestion) if suggestion else None,
            "notes": list(self.notes),
            "files": [file.to_dict() for file in self.files],
        }


def check_source(source: OpenSource, workers: int | None = None, progress: Progress | None = None) -> DataReport:
    """The data check: decode every image of an open source and report on it; nothing is written."""
    labels = find_labels(source)
    reports = []
    with Decoders(workers) as decoders:
        decoder = SetDecoder(decoders, source.jobs, len(source.entries))
        for number, (entry, image) in enumerate(zip(source.entries, decoder.decode(0), strict=True), 1):
            reports.append(report_on(entry, image, labels))
            if progress:
                progress(number, len(source.entries))
    return replace(_report(source, [*reports, *passed_over(source)], labels), levels=decoder.levels)


def report_on(entry: Entry, image: DecodedImage, labels: Labels) -> CheckedFile:
    """The report on a decoded file. Where classes were asked for, an image without one is dropped."""
    name, label = entry.name, labels.of.get(entry.name)
    if name in labels.files:
        image = dropped(HOLDS_LABELS)
    elif image.outcome != "dropped" and labels.required and label is None:
        image = dropped(NO_CLASS, is_image=True)
    facts: dict[str, Any] = {one.name: getattr(image, one.name) for one in fields(ImageFacts)}
    return CheckedFile(name=name, label=None if image.outcome == "dropped" else label, row=entry.row, **facts)


def passed_over(source: OpenSource) -> list[CheckedFile]:
    """The reports on the files that cannot be read, or belong to another split."""
    return [
        CheckedFile(name=name, outcome="dropped", reasons=(reason,), is_image=False) for name, reason in source.passed
    ]


def suggestion_for(kept: Sequence[CheckedFile], short_side: int = SHORT_SIDE) -> SuggestedShape | None:
    """The suggested shape for the images that are used; None if there are none."""
    if not kept:
        return None
    grey, transparent = sum(file.grey for file in kept), sum(file.transparent for file in kept)
    bordered = sum(file.white_border for file in kept if not file.transparent)
    return suggest_shape([(file.height, file.width) for file in kept], grey, transparent, short_side, bordered)


def count_lines(outcomes: Counter[str], reasons: Counter[str], dropped_for: Counter[str]) -> list[str]:
    """A sentence with the number of files of each outcome and reason; none where every file is used as it is."""
    if not outcomes["converted"] and not outcomes["dropped"]:
        return []
    parts = [f"{outcomes['used']:,} used"]
    for outcome, counts in (("converted", reasons - dropped_for), ("dropped", dropped_for)):
        if outcomes[outcome]:
            in_order = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
            listed = "; ".join(f"{reason}: {count:,}" for reason, count in in_order)
            parts.append(f"{outcomes[outcome]:,} {outcome} ({listed})")
    return [f"{outcomes.total():,} files: {', '.join(parts)}"]


def without_class_note(names: Sequence[str], count: int) -> str:
    """A note on the images that have no class; `names` are the first of them."""
    first = ", ".join(map(printable, names[:_NAMED]))
    more = f" and {count - _NAMED:,} more" if count > _NAMED else ""
    has = "image has" if count == 1 else "images have"
    return f"{count:,} {has} no class: {first}{more}"


def _report(source: OpenSource, files: Sequence[CheckedFile], labels: Labels) -> DataReport:
    labels = labels.settled(file.label for file in files if file.outcome != "dropped")
    if not labels.of:
        files = [replace(file, label=None) for file in files]
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
        labels_from=labels.origin,
        duplicates=_names_in(kept, groups_of_equal(keys)),
        near_duplicates=_names_in(large, similar),
        suggestion=suggestion,
        notes=(
            *source.notes(),
            *labels.notes,
            *([not_compared] if len(large) < len(kept) else []),
        ),
    )
    if without := report.without_class():
        note = without_class_note(without, len(without))
        report = replace(report, notes=(*report.notes, f"{note}; training with --labels leaves them out"))
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
