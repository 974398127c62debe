"""Packs own images into a store: decoded in parallel, in order, to be continued when it was stopped."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import __version__ as pillow_version

from gansmith.data.check.report import CheckedFile, Progress, check_source, passed_over, report_on, suggestion_for
from gansmith.data.check.suggest import SHORT_SIDE, suggest_shape
from gansmith.data.images.pool import Decoders
from gansmith.data.images.resize import Box, ImageShape, Resample, ResizeMode
from gansmith.data.images.types import MAX_DROPPED
from gansmith.data.labels import Labels, class_order, find_labels, why_no_classes
from gansmith.data.sources import Source, open_source, shown
from gansmith.data.store import Dataset, read_dataset
from gansmith.data.store_writer import DatasetWriter
from gansmith.errors import DataError, UsageError

_NAMED = 20
"""Dropped images named in the remarks; `files.jsonl` names all files."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What is asked of the images' shape; None leaves it to the proposal. The rest as in `fit.ImageShape`."""

    size: tuple[int, int] | None = None
    channels: int | None = None
    resize: ResizeMode | None = None
    box: Box = ()
    resample: Resample = "lanczos"
    short_side: int = SHORT_SIDE
    """Pixels of the shorter side that are proposed, at most."""


def choose_shape(
    source: Source, asked: Asked = Asked(), workers: int | None = None, progress: Progress | None = None
) -> ImageShape:
    """The shape for these images: what is asked for, and for the rest what `check` proposes.

    Raises DataError when a proposal is needed and no image can be used.
    """
    if asked.size and asked.channels:
        return _wanted(asked, asked.size, asked.channels, "crop")
    kept = check_source(source, workers, progress).kept
    if not kept:
        raise DataError(f"{shown(str(source.path))} holds no image that can be used; see: gansmith data check.")
    return shape_of(kept, asked)


def shape_of(kept: Sequence[CheckedFile], asked: Asked) -> ImageShape:
    """As `choose_shape`, for images that have been looked at; there must be some."""
    suggestion = suggestion_for(kept, asked.short_side)
    assert suggestion is not None
    sides = suggest_shape([asked.box[2:]], 0, 0, asked.short_side) if asked.box else suggestion
    return _wanted(
        asked, asked.size or (sides.height, sides.width), asked.channels or suggestion.channels, sides.resize
    )


def _wanted(asked: Asked, size: tuple[int, int], channels: int, fit: ResizeMode) -> ImageShape:
    height, width = size
    shape = {"channels": channels, "height": height, "width": width, "resize": asked.resize or fit}
    return ImageShape(**shape, box=asked.box, resample=asked.resample)


def prepare(
    path: Path,
    out: Path,
    wanted: ImageShape,
    *,
    parts: Sequence[str] = (),
    allow_dropped: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """The store of a folder or an archive, or of those `parts` of it that are top folders, see `prepare_source`."""
    with open_source(path, parts) as source:
        return prepare_source(source, out, wanted, allow_dropped=allow_dropped, workers=workers, progress=progress)


def prepare_source(
    source: Source,
    out: Path,
    wanted: ImageShape,
    *,
    allow_dropped: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Pack the images of a source into the store `out`, whole or not at all; returns the store.

    The same files give the same bytes for any number of workers. What was begun before is continued. Raises DataError
    when more than 1 % of the images cannot be used (unless `allow_dropped`), UsageError when `out` is taken.
    """
    key = source_key(source, wanted)
    if (dataset := _already_there(source.path, out, key)) is not None and (
        allow_dropped or not dataset.index["over_limit"]
    ):
        return dataset
    if dataset is not None:
        lost = dataset.index["lost"]
        raise _too_many_lost(source.path, lost, lost + len(dataset), dataset.index["dropped"][0])
    labels = find_labels(source)
    most = len(source.entries)
    shape = (wanted.channels, wanted.height, wanted.width)
    with DatasetWriter(out, key, shape, most) as writer, Decoders(workers) as decoders:
        if progress:
            progress(min(writer.done, most), most)
        for file, pixels in _decoded(source, labels, wanted, decoders, writer.done):
            writer.add(file.to_dict() | ({"lost": True} if file.lost else {}), pixels)
            if progress:
                progress(min(writer.done, most), most)
        summary = _Summary(source, writer.reports())
        summary.check_losses(allow_dropped)
        writer.finish(summary.labels(), {**summary.about(labels), "source_key": key, "wanted": asdict(wanted)})
    dataset = read_dataset(out)
    if dataset is None:
        raise DataError(f"{out} was written and cannot be read back; check the disk, then delete that folder.")
    return dataset


def _decoded(
    source: Source, labels: Labels | None, wanted: ImageShape, decoders: Decoders, done: int
) -> Iterator[tuple[CheckedFile, np.ndarray | None]]:
    """The files after the first `done`: those that can be read, then those passed over."""
    entries = source.entries[done:]
    images = decoders.decode((source.job(entry) for entry in entries), wanted)
    for entry, image in zip(entries, images, strict=True):
        file = report_on(entry, image, labels)
        yield file, None if file.outcome == "dropped" else image.pixels
    for file in passed_over(source)[max(0, done - len(source.entries)) :]:
        yield file, None


class _Summary:
    """What the index says of the files, from the reports on them."""

    def __init__(self, source: Source, reports: Iterator[dict[str, Any]]):
        self._source, self._path = source, source.path
        self._outcomes, self._reasons = Counter(), Counter()
        self._lost: list[str] = []
        self._labels: list[str] = []
        self._num_lost = self._num_kept = 0
        for report in reports:
            self._outcomes[report["outcome"]] += 1
            self._reasons.update(report["reasons"])
            if report["outcome"] != "dropped":
                self._num_kept += 1
                if "label" in report:
                    self._labels.append(report["label"])
            elif report.get("lost"):
                self._num_lost += 1
                if len(self._lost) < _NAMED:
                    self._lost.append(f"{report['name']} ({', '.join(report['reasons'])})")

    def check_losses(self, allow_dropped: bool) -> None:
        """Raise DataError when too many images, or all, are lost."""
        total = self._num_lost + self._num_kept
        if self._num_lost > MAX_DROPPED * total and not allow_dropped:
            raise _too_many_lost(self._path, self._num_lost, total, self._lost[0])
        if not self._num_kept:
            raise DataError(f"{shown(str(self._path))} holds no image that can be used; see: gansmith data check.")

    def labels(self) -> np.ndarray | None:
        """The number of each image's class."""
        if not self._labels:
            return None
        classes = class_order(self._labels)
        numbers = {label: number for number, label in enumerate(classes)}
        return np.array([numbers[label] for label in self._labels], np.uint8 if len(classes) <= 256 else np.int64)

    def about(self, labels: Labels | None) -> dict[str, Any]:
        """The index beyond what every store says."""
        more = [f"and {self._num_lost - _NAMED:,} more, see files.jsonl"] if self._num_lost > _NAMED else []
        notes = [f"skipped, cannot be used: {name}" for name in self._lost] + more
        counts = Counter(self._labels)
        return {
            "name": shown(self._source.name or self._path.resolve().name),
            "notes": [*self._source.notes, *notes, *(labels.notes if labels else ())],
            "outcomes": {outcome: self._outcomes[outcome] for outcome in ("used", "converted", "dropped")},
            "reasons": dict(sorted(self._reasons.items())),
            "lost": self._num_lost,
            "dropped": self._lost,
            "over_limit": self._num_lost > MAX_DROPPED * (self._num_lost + self._num_kept),
            "classes": class_order(counts),
            "class_counts": [counts[label] for label in class_order(counts)],
            "no_classes": why_no_classes(self._source),
        }


def _too_many_lost(path: Path, lost: int, total: int, first: str) -> DataError:
    return DataError(
        f"{lost:,} of {total:,} images in {shown(str(path))} cannot be used, the first is {first}; repair or remove "
        f"them, or accept the loss of more than {MAX_DROPPED:.0%} with --allow-dropped."
    )


def _already_there(path: Path, out: Path, key: str) -> Dataset | None:
    """The finished store of the same images. Raises UsageError when something else is in its place."""
    if path.is_dir() and out.resolve().is_relative_to(path.resolve()):
        raise UsageError(f"{out} lies inside {path}, whose files are read; give a folder elsewhere.")
    if not out.exists() and not out.is_symlink():
        return None
    dataset = read_dataset(out)
    if dataset is not None and dataset.index.get("source_key") == key:
        return dataset
    if not out.is_dir() or any(out.iterdir()):
        raise UsageError(f"{out} is there already and is not the store of these images in this shape; give a new name.")
    return None


def source_key(source: Source, wanted: ImageShape) -> str:
    """Tells whether a store is of these files in this shape, decoded by this Pillow."""
    facts = json.dumps([source.key(), asdict(wanted), pillow_version])
    return hashlib.sha256(facts.encode()).hexdigest()
