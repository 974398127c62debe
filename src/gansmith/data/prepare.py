"""Packs image files into a dataset: decoded in parallel, written in order, and continued after a stop."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import __version__ as pillow_version

from gansmith.data.check.left_over import left_over_notes, sizes_in
from gansmith.data.check.report import (
    CheckedFile,
    Progress,
    check_source,
    count_lines,
    passed_over,
    report_on,
    suggestion_for,
    without_class_note,
)
from gansmith.data.check.suggest import SHORT_SIDE, suggest_shape
from gansmith.data.images.decode import DecodedImage
from gansmith.data.images.decode_set import SetDecoder
from gansmith.data.images.pool import Decoders
from gansmith.data.images.resize import Box, ImageShape, Resample, ResizeMode
from gansmith.data.images.types import MAX_DROPPED
from gansmith.data.labels import Labels, class_order, find_labels
from gansmith.data.open_source import OpenSource, no_usable_image
from gansmith.data.store import NO_LABEL, Dataset, label_type, read_dataset
from gansmith.data.store_writer import DatasetWriter
from gansmith.errors import DataError, UsageError
from gansmith.text import printable

_NAMED = 20
"""Number of dropped images that the notes name; `files.jsonl` names all files."""
_PACKING = 2
"""Number of the rules by which files become images and labels; with another one, they are packed again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShapeOptions:
    """What the user asks of the images' shape; None is left to the data check. The rest as in `ImageShape`."""

    size: tuple[int, int] | None = None
    """Height and width."""
    channels: int | None = None
    resize: ResizeMode | None = None
    box: Box = ()
    resample: Resample = "lanczos"
    short_side: int = SHORT_SIDE
    """Largest shorter side that is suggested, in pixels."""


def choose_shape(
    source: OpenSource,
    options: ShapeOptions = ShapeOptions(),
    workers: int | None = None,
    progress: Progress | None = None,
) -> ImageShape:
    """The shape for these images: the options, and for the rest what the data check suggests.

    Raises DataError when a suggestion is needed and no image can be used.
    """
    if options.size and options.channels:
        return _image_shape(options, options.size, options.channels, "crop")
    kept = check_source(source, workers, progress).kept
    if not kept:
        raise no_usable_image(source)
    return shape_of(kept, options)


def shape_of(kept: Sequence[CheckedFile], options: ShapeOptions) -> ImageShape:
    """As `choose_shape`, for images that were checked; there must be at least one."""
    suggestion = suggestion_for(kept, options.short_side)
    assert suggestion is not None
    of_size = suggest_shape([options.box[2:]], 0, 0, options.short_side) if options.box else suggestion
    size = options.size or (of_size.height, of_size.width)
    return _image_shape(options, size, options.channels or suggestion.channels, of_size.resize)


def _image_shape(options: ShapeOptions, size: tuple[int, int], channels: int, mode: ResizeMode) -> ImageShape:
    height, width = size
    return ImageShape(
        channels=channels,
        height=height,
        width=width,
        resize=options.resize or mode,
        box=options.box,
        resample=options.resample,
    )


def prepare_source(
    source: OpenSource,
    out: Path,
    shape: ImageShape,
    *,
    allow_dropped: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Pack the images of a source into the folder `out`, whole or not at all; returns the packed dataset.

    The same files give the same bytes for any number of workers; a stopped call is continued. Raises DataError when
    more than 1 % of the images cannot be used (unless `allow_dropped`), UsageError when `out` is taken.
    """
    key = source_key(source, shape)
    if dataset := _already_packed(source.path, out, key):
        if dataset.index["over_limit"] and not allow_dropped:
            lost = dataset.index["lost"]
            raise _too_many_lost(source.path, lost, lost + len(dataset), dataset.index["dropped"][0])
        return dataset
    labels = find_labels(source)
    most = len(source.entries)
    with (
        DatasetWriter(out, key, (shape.channels, shape.height, shape.width), most) as writer,
        Decoders(workers) as decoders,
    ):
        if progress:
            progress(min(writer.done, most), most)
        spent = sum(report.get("excess", 0) for report in writer.reports())
        decoder = SetDecoder(decoders, source.jobs, len(source.entries), spent)
        for file, image in _decode_from(writer.done, source, labels, shape, decoder):
            kept = None if image is None or file.outcome == "dropped" else image.pixels
            excess = {"excess": image.excess} if image and image.excess else {}
            writer.add(file.to_dict() | ({"lost": True} if file.lost else {}) | excess, kept)
            if progress:
                progress(min(writer.done, most), most)
        summary = _Summary(source, labels, writer.reports())
        summary.check_losses(allow_dropped)
        about: dict[str, Any] = {**summary.to_index(), "source_key": key, "wanted": shape.to_dict()}
        about["notes"] = [*about["notes"], *left_over_notes(sizes_in(writer.reports()), shape)]
        return writer.finish(summary.labels(), about)


def _decode_from(
    done: int, source: OpenSource, labels: Labels, shape: ImageShape, decoder: SetDecoder
) -> Iterator[tuple[CheckedFile, DecodedImage | None]]:
    """The files after the first `done`: the entries with their images, then the files that cannot be read."""
    for entry, image in zip(source.entries[done:], decoder.decode(done, shape), strict=True):
        yield report_on(entry, image, labels), image
    for file in passed_over(source)[max(0, done - len(source.entries)) :]:
        yield file, None


class _Summary:
    """Counts, labels and notes for the index, from the reports on the files."""

    def __init__(self, source: OpenSource, labels: Labels, reports: Iterator[dict[str, Any]]):
        self._source, self._path = source, source.path
        self._outcomes, self._reasons = Counter(), Counter()
        self._dropped = Counter()
        self._lost: list[str] = []
        self._labels: list[str | None] = []
        self._without: list[str] = []
        self._num_lost = 0
        for report in reports:
            self._outcomes[report["outcome"]] += 1
            self._reasons.update(report["reasons"])
            if report["outcome"] != "dropped":
                self._labels.append(report.get("label"))
                if "label" not in report and len(self._without) < _NAMED:
                    self._without.append(report["name"])
            else:
                self._dropped.update(report["reasons"])
                if report.get("lost"):
                    self._num_lost += 1
                    if len(self._lost) < _NAMED:
                        self._lost.append(f"{report['name']} ({', '.join(report['reasons'])})")
        self._num_kept = len(self._labels)
        self._found = labels.settled(self._labels)
        if not self._found.of:
            self._labels, self._without = list[str | None]([None]) * self._num_kept, []

    def check_losses(self, allow_dropped: bool) -> None:
        """Raise DataError when too many images, or all, are lost."""
        total = self._num_lost + self._num_kept
        if self._num_lost > MAX_DROPPED * total and not allow_dropped:
            raise _too_many_lost(self._path, self._num_lost, total, self._lost[0])
        if not self._num_kept:
            raise no_usable_image(self._source)

    def labels(self) -> np.ndarray | None:
        """The class number of each image, [N], -1 for one without a class; None where no image has one."""
        classes = self._classes()
        numbers: dict[str | None, int] = {None: NO_LABEL, **{label: number for number, label in enumerate(classes)}}
        found = [numbers[label] for label in self._labels]
        return np.array(found, label_type(len(classes), min(found) < 0)) if classes else None

    def _classes(self) -> list[str]:
        return class_order(label for label in self._labels if label is not None)

    def to_index(self) -> dict[str, Any]:
        """What the index of a packed folder or archive has beside the entries of every index."""
        more = [f"and {self._num_lost - _NAMED:,} more, see files.jsonl"] if self._num_lost > _NAMED else []
        notes = [f"skipped, cannot be used: {name}" for name in self._lost] + more
        counts, classes = Counter(self._labels), self._classes()
        counted = count_lines(self._outcomes, self._reasons, self._dropped)
        without = [without_class_note(self._without, counts[None])] if classes and counts[None] else []
        return {
            "name": printable(self._source.name or self._path.resolve().name),
            "notes": [*self._source.notes(), *counted, *notes, *without, *self._found.notes],
            "outcomes": {outcome: self._outcomes[outcome] for outcome in ("used", "converted", "dropped")},
            "reasons": dict(sorted(self._reasons.items())),
            "lost": self._num_lost,
            "dropped": self._lost,
            "over_limit": self._num_lost > MAX_DROPPED * (self._num_lost + self._num_kept),
            "classes": classes,
            "class_counts": [counts[label] for label in classes],
            "no_classes": self._found.why_none,
            "without_class": self._without,
        }


def _too_many_lost(path: Path, lost: int, total: int, first: str) -> DataError:
    return DataError(
        f"{lost:,} of {total:,} images in {printable(str(path))} cannot be used, the first is {first}; repair or "
        f"remove them, or accept the loss of more than {MAX_DROPPED:.0%} with --allow-dropped."
    )


def _already_packed(path: Path, out: Path, key: str) -> Dataset | None:
    """The packed dataset of the same images in `out`. Raises UsageError when something else is there."""
    if path.is_dir() and out.resolve().is_relative_to(path.resolve()):
        raise UsageError(f"{out} lies inside {path}, whose files are read; give a folder elsewhere.")
    if not out.exists() and not out.is_symlink():
        return None
    dataset = read_dataset(out)
    if dataset is not None and dataset.index.get("source_key") == key:
        return dataset
    if not out.is_dir() or any(out.iterdir()):
        raise UsageError(f"{out} is there already and does not hold these images in this shape; give a new name.")
    return None


def source_key(source: OpenSource, shape: ImageShape) -> str:
    """The key of a packed dataset: SHA-256 of the files, the shape, our rules and the version of Pillow."""
    return _hashed([_PACKING, source.key(), shape.to_dict(), pillow_version])


def earlier_key(whole: OpenSource, shape: ImageShape) -> str:
    """The key by the first rules, which left out images without a class and took all parts of a set for one."""
    labels = sorted(whole.labels.items()) if whole.labels is not None else None
    content = _hashed([list(whole.hashes()), [entry.name for entry in whole.entries], list(whole.passed), labels])
    return _hashed([content, shape.to_dict(), pillow_version])


def _hashed(facts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
