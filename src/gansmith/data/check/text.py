"""The report on own images as lines for a terminal."""

from collections.abc import Iterator

from gansmith.data.check.report import CheckedFile, DataReport
from gansmith.data.check.suggest import SuggestedShape
from gansmith.data.images.types import MAX_DROPPED
from gansmith.data.open_source import packing_command
from gansmith.text import printable

_NAMES_SHOWN = 3
_GROUPS_SHOWN = 5
_CLASSES_SHOWN = 20
_BAR = 30


def report_lines(report: DataReport) -> Iterator[str]:
    """What the report says, line by line; every dropped image is named, other files by their reasons."""
    counts = report.counts()
    what = "images" if all(file.row for file in report.files) else "files"
    yield f"{printable(' '.join(report.given))}: {len(report.files):,} {what}"
    if report.given != (str(report.path),):
        yield f"in {printable(str(report.path))}"
    yield "  ".join(f"{outcome} {count:,}" for outcome, count in counts.items())
    for title, outcome in (("converted", "converted"), ("dropped", "dropped")):
        if counts[outcome]:
            yield from ["", f"{title}, by reason"]
        for reason, files in report.reasons().items():
            if of_outcome := [file for file in files if file.outcome == outcome]:
                yield f"  {len(of_outcome):>9,}  {reason}: {_some(of_outcome)}"
    yield from _table("classes, from " + str(report.labels_from), dict(list(report.classes().items())[:_CLASSES_SHOWN]))
    if len(report.classes()) > _CLASSES_SHOWN:
        yield f"  and {len(report.classes()) - _CLASSES_SHOWN:,} more classes"
    yield from _table("short side in pixels", report.sizes())
    yield from _table("aspect", report.aspects())
    for title, groups in (("the same to the pixel", report.duplicates), ("nearly the same", report.near_duplicates)):
        if groups:
            yield from ["", f"{title}: {sum(map(len, groups)):,} images in {len(groups):,} groups"]
        for group in groups[:_GROUPS_SHOWN]:
            more = f" and {len(group) - _NAMES_SHOWN:,} more" if len(group) > _NAMES_SHOWN else ""
            yield "  " + " = ".join(printable(name) for name in group[:_NAMES_SHOWN]) + more
    for note in report.notes:
        yield from ["", f"note: {note}"]
    if report.suggestion:
        yield from ["", *_verdict(report, report.suggestion)]


def described(suggestion: SuggestedShape) -> str:
    """A proposal in words."""
    kind = {1: "grey", 3: "RGB", 4: "RGB with transparency"}[suggestion.channels]
    return f"{suggestion.height}x{suggestion.width} {kind}, {suggestion.resize}; {_bytes(suggestion.bytes)} packed"


def prepare_command(report: DataReport, suggestion: SuggestedShape) -> str:
    """The command that packs as proposed."""
    size = f"{suggestion.height}x{suggestion.width}"
    losses = " --allow-dropped" if _too_many_lost(report) else ""
    options = f"--size {size} --channels {suggestion.channels} --fit {suggestion.resize}{losses}"
    return packing_command(report.given, options)


def _verdict(report: DataReport, suggestion: SuggestedShape) -> Iterator[str]:
    yield f"proposal: {described(suggestion)}"
    for why in suggestion.why:
        yield f"  {why}"
    if _too_many_lost(report):
        yield f"  more than {MAX_DROPPED:.0%} of the images cannot be used: prepare will ask for --allow-dropped"
    yield f"  {prepare_command(report, suggestion)}"


def _too_many_lost(report: DataReport) -> bool:
    lost = sum(file.lost for file in report.files)
    return lost > MAX_DROPPED * (lost + len(report.kept))


def _some(files: list[CheckedFile]) -> str:
    """All names of images that are lost, for nobody should have to search for them; a few of others."""
    limit = 20 if any(file.lost for file in files) else _NAMES_SHOWN
    names = ", ".join(printable(file.name) for file in files[:limit])
    return names + (f" and {len(files) - limit:,} more" if len(files) > limit else "")


def _table(title: str, counts: dict[str, int]) -> Iterator[str]:
    if not counts:
        return
    yield from ["", title]
    width, most = max(len(printable(name)) for name in counts), max(counts.values())
    for name, count in counts.items():
        yield f"  {printable(name):<{width}}  {count:>9,}  {'#' * max(1, round(_BAR * count / most))}"


def _bytes(count: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
