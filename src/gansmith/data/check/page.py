"""The report on own images as one HTML page with thumbnails."""

import html
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from gansmith.data.check.report import CheckedFile, DataReport
from gansmith.data.check.text import describe_suggestion, prepare_command
from gansmith.data.images.pool import Decoders
from gansmith.data.images.resize import ImageShape
from gansmith.data.open_source import OpenSource
from gansmith.text import printable
from gansmith.viz.grids import png
from gansmith.viz.page import image_source, page, pairs

THUMBNAIL = ImageShape(channels=3, height=96, width=96, resize="pad")

_FIRST = 24
_GROUPS = 12
_GROUP = 6
_NAMES = 200
_STYLE = """<style>
.sheet { display: flex; flex-wrap: wrap; gap: .75rem; margin: 0 0 2rem; }
.sheet figure { width: 96px; }
.sheet img { width: 96px; height: 96px; }
.sheet figcaption, td.names { overflow-wrap: anywhere; font-size: .75rem; line-height: 1.3; }
section { margin: 2rem 0; }
section td:last-child { text-align: left; }
meter { width: 8rem; }
</style>"""


def check_page(report: DataReport, source: OpenSource, workers: int | None = None) -> str:
    """The page: counts, examples of each kind, duplicates, histograms and the proposal. Reads some images again."""
    images = thumbnails(source, _names_to_show(report), workers)
    counts = report.counts()
    facts = {"files": f"{len(report.files):,}"} | {outcome: f"{count:,}" for outcome, count in counts.items()}
    if suggestion := report.suggestion:
        facts |= {"proposal": describe_suggestion(suggestion)}
    command = f"<pre>{html.escape(prepare_command(report, suggestion))}</pre>" if suggestion else ""
    why = [*(suggestion.why if suggestion else ["no image here can be used"]), *report.notes]
    duplicates = (("The same to the pixel", report.duplicates), ("Nearly the same", report.near_duplicates))
    body = [
        _STYLE,
        pairs(facts),
        f"<ul>{''.join(f'<li>{html.escape(reason)}</li>' for reason in why)}</ul>{command}",
        _section("The first images used", _sheet([file.name for file in report.kept[:_FIRST]], images)),
        _reasons(report, images, "converted"),
        _reasons(report, images, "dropped"),
        *(_section(title, _groups(groups, images)) for title, groups in duplicates),
        _section(f"Classes, from {report.labels_from}", _histogram(report.classes())),
        _section("Short side in pixels", _histogram(report.sizes())),
        _section("Aspect", _histogram(report.aspects())),
    ]
    title = report.path.resolve().name if report.given == (str(report.path),) else " ".join(report.given)
    return page(printable(title), "What these images are, and what was done to them.", body)


def thumbnails(source: OpenSource, names: Sequence[str], workers: int | None = None) -> dict[str, bytes]:
    """PNGs of at most 96 pixels a side of those images that can be decoded."""
    with Decoders(workers) as decoders:
        chosen = set(names)
        entries = [entry for entry in source.entries if entry.name in chosen]
        decoded = decoders.decode((source.job(entry) for entry in entries), THUMBNAIL)
        return {
            entry.name: _png(image.pixels)
            for entry, image in zip(entries, decoded, strict=True)
            if image.pixels is not None
        }


def _png(pixels: np.ndarray) -> bytes:
    return png(Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0))))


def _names_to_show(report: DataReport) -> list[str]:
    groups = (*report.duplicates[:_GROUPS], *report.near_duplicates[:_GROUPS])
    examples = [file.name for files in report.reasons().values() for file in _kept_first(files)[:1]]
    return [*(file.name for file in report.kept[:_FIRST]), *examples, *(name for g in groups for name in g[:_GROUP])]


def _kept_first(files: Sequence[CheckedFile]) -> list[CheckedFile]:
    return sorted(files, key=lambda file: file.outcome == "dropped")


def _section(title: str, content: str) -> str:
    return f"<section><h2>{html.escape(title)}</h2>{content}</section>" if content else ""


def _sheet(names: Sequence[str], images: Mapping[str, bytes]) -> str:
    figures = []
    for name in names:
        caption = html.escape(printable(name))
        source = image_source(images[name]) if name in images else ""
        image = f'<img alt="{caption}" src="{source}">' if source else ""
        figures.append(f"<figure>{image}<figcaption>{caption}</figcaption></figure>")
    return f'<div class="sheet">{"".join(figures)}</div>' if figures else ""


def _reasons(report: DataReport, images: Mapping[str, bytes], outcome: str) -> str:
    """A row for each reason: an example, how many, and their names."""
    rows = []
    for reason, files in report.reasons().items():
        if not (found := [file for file in files if file.outcome == outcome]):
            continue
        example = next((file.name for file in found if file.name in images), None)
        image = f'<img width=64 alt="" src="{image_source(images[example])}">' if example else ""
        names = ", ".join(html.escape(printable(file.name)) for file in found[:_NAMES])
        more = f" and {len(found) - _NAMES:,} more" if len(found) > _NAMES else ""
        rows.append(
            f"<tr><td>{image}</td><td>{html.escape(reason)}</td><td>{len(found):,}</td>"
            f'<td class="names">{names}{more}</td></tr>'
        )
    return _section(outcome.capitalize(), f"<table>{''.join(rows)}</table>" if rows else "")


def _groups(groups: Sequence[Sequence[str]], images: Mapping[str, bytes]) -> str:
    shown_groups = "".join(_sheet(group[:_GROUP], images) for group in groups[:_GROUPS])
    total = sum(map(len, groups))
    return f"<p>{total:,} images in {len(groups):,} groups.</p>{shown_groups}" if groups else ""


def _histogram(counts: Mapping[str, int]) -> str:
    most = max(counts.values(), default=0)
    rows = "".join(
        f"<tr><td>{html.escape(printable(name))}</td><td>{count:,}</td>"
        f'<td><meter max="{most}" value="{count}"></meter></td></tr>'
        for name, count in counts.items()
    )
    return f"<table>{rows}</table>" if rows else ""
