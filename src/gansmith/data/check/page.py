"""The report on own images as one HTML page with thumbnails."""

from collections.abc import Sequence

import numpy as np

from gansmith.data.check.report import CheckedFile, DataReport
from gansmith.data.check.suggest import SuggestedShape
from gansmith.data.check.text import describe_suggestion, names_of, prepare_command
from gansmith.data.images.levels import Levels
from gansmith.data.images.pool import Decoders
from gansmith.data.images.resize import ImageShape
from gansmith.data.open_source import OpenSource
from gansmith.text import printable
from gansmith.viz.grids import enlargement, png, to_pillow
from gansmith.viz.page import render_page

THUMBNAIL = ImageShape(channels=3, height=96, width=96, resize="pad")

SHOWN = 24
"""Used images that the page shows, evenly spread, as the networks will see them."""
SIDE = 96
"""Pixels of the longer side of such an image on the page, about; small ones are enlarged by a whole factor."""
GROUPS = 12
"""Groups of duplicates that the page shows."""
IN_GROUP = 6
"""Images that the page shows of a group of duplicates."""
NAMES = 20
"""Files that the page names for one reason."""


def check_page(report: DataReport, source: OpenSource, workers: int | None = None) -> str:
    """The page: counts, images in the suggested shape, examples of each kind, duplicates and histograms.

    Decodes again the images that it shows. `workers` is the number of processes that decode; None for one per core.
    """
    suggestion, reasons = report.suggestion, report.reasons()
    kept = [file.name for file in report.kept]
    spread = kept[:: -(-len(kept) // SHOWN) or 1]
    title = report.path.resolve().name if report.given == (str(report.path),) else " ".join(report.given)
    summary = {"files": f"{len(report.files):,}"}
    summary |= {outcome: f"{count:,}" for outcome, count in report.counts().items()}
    if suggestion:
        summary["suggested shape"] = describe_suggestion(suggestion)
    return render_page(
        "check.html",
        title=printable(title),
        about="What these images are, and what was done to them.",
        images=as_png(source, _names_to_show(report), THUMBNAIL, report.levels, workers),
        seen=as_png(source, spread, shape_of_suggestion(suggestion), report.levels, workers) if suggestion else {},
        seen_title=_title_of_seen(len(spread), len(kept)),
        zoom=enlargement(suggestion.height, suggestion.width, SIDE) if suggestion else 1,
        suggestion=suggestion,
        summary=summary,
        notes=[*(suggestion.why if suggestion else ["no image here can be used"]), *report.notes],
        command=prepare_command(report, suggestion) if suggestion else "",
        outcomes={outcome: _with_outcome(reasons, outcome) for outcome in ("converted", "dropped")},
        duplicates={
            "The same to the pixel": ("=", report.duplicates),
            "Nearly the same": ("≈", report.near_duplicates),
        },
        histograms={
            f"Classes, from {report.labels_from}": report.classes(),
            "Short side in pixels": report.sizes(),
            "Aspect ratio": report.aspects(),
        },
        shown=printable,
        GROUPS=GROUPS,
        IN_GROUP=IN_GROUP,
        names_of=lambda files: names_of(files, NAMES),
    )


def as_png(
    source: OpenSource, names: Sequence[str], shape: ImageShape, levels: Levels | None, workers: int | None = None
) -> dict[str, bytes]:
    """PNGs in this shape of those images that can be decoded, by name."""
    with Decoders(workers) as decoders:
        chosen = set(names)
        entries = [entry for entry in source.entries if entry.name in chosen]
        decoded = decoders.decode((source.job(entry) for entry in entries), shape, levels)
        return {
            entry.name: png(to_pillow(np.ascontiguousarray(image.pixels.transpose(1, 2, 0))))
            for entry, image in zip(entries, decoded, strict=True)
            if image.pixels is not None
        }


def shape_of_suggestion(suggestion: SuggestedShape) -> ImageShape:
    """The shape that is suggested, to resize to."""
    return ImageShape(
        channels=suggestion.channels, height=suggestion.height, width=suggestion.width, resize=suggestion.resize
    )


def _title_of_seen(shown: int, kept: int) -> str:
    return "What the networks will see" + (f": {shown:,} of the {kept:,} images" if shown < kept else "")


def _names_to_show(report: DataReport) -> list[str]:
    groups = (*report.duplicates[:GROUPS], *report.near_duplicates[:GROUPS])
    examples = [
        file.name
        for files in report.reasons().values()
        for file in sorted(files, key=lambda one: one.outcome == "dropped")[:1]
    ]
    return [*examples, *(name for group in groups for name in group[:IN_GROUP])]


def _with_outcome(reasons: dict[str, list[CheckedFile]], outcome: str) -> dict[str, list[CheckedFile]]:
    """The files of this outcome by reason, without the reasons that have none."""
    found = {reason: [file for file in files if file.outcome == outcome] for reason, files in reasons.items()}
    return {reason: files for reason, files in found.items() if files}
