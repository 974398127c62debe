"""The data check's report as lines for a terminal."""

from collections import Counter
from collections.abc import Iterator, Sequence

from gansmith.data.check.report import CheckedFile, DataReport
from gansmith.data.check.suggest import SuggestedShape
from gansmith.data.images.decode import suffix_of
from gansmith.data.images.types import MAX_DROPPED
from gansmith.data.open_source import packing_command
from gansmith.text import printable, readable_size

_NAMES_SHOWN = 3
"""Number of files named for a reason, or in a group of duplicates."""
_LOST_SHOWN = 20
"""Number of images named for a reason why they cannot be used."""
_GROUPS_SHOWN = 5
"""Number of groups of duplicates shown."""
_SUFFIXES_SHOWN = 8
"""Number of suffixes named of files that are no images."""
_CLASSES_SHOWN = 20
"""Number of classes shown."""
_BAR = 30
"""Characters of the longest bar of a histogram."""


def report_lines(report: DataReport) -> Iterator[str]:
    """The lines of the report: counts, reasons, classes, sizes, duplicates, notes and the suggested shape."""
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
                yield f"  {len(of_outcome):>9,}  {reason}: {names_of(of_outcome)}"
    yield from _table("classes, from " + str(report.labels_from), dict(list(report.classes().items())[:_CLASSES_SHOWN]))
    if len(report.classes()) > _CLASSES_SHOWN:
        yield f"  and {len(report.classes()) - _CLASSES_SHOWN:,} more classes"
    if without := report.without_class():
        yield f"  {len(without):,} images have no class"
    yield from _table("short side in pixels", report.sizes())
    yield from _table("aspect ratio", report.aspects())
    yield from _groups("duplicates, equal in every pixel", " = ", report.duplicates)
    yield from _groups("near-duplicates", " ≈ ", report.near_duplicates)
    for note in report.notes:
        yield from ["", f"note: {note}"]
    if report.suggestion:
        yield from ["", *_suggestion(report, report.suggestion)]


def describe_suggestion(suggestion: SuggestedShape) -> str:
    """A suggested shape, such as "64x96 RGB, crop; 369 kB packed"."""
    kind = {1: "grey", 3: "RGB", 4: "RGB with transparency"}[suggestion.channels]
    size = f"{suggestion.height}x{suggestion.width} {kind}, {suggestion.resize}"
    return f"{size}; {readable_size(suggestion.num_bytes)} packed"


def prepare_command(report: DataReport, suggestion: SuggestedShape) -> str:
    """The command that packs the images in the suggested shape."""
    size = f"{suggestion.height}x{suggestion.width}"
    options = ["--size", size, "--channels", str(suggestion.channels), "--resize", suggestion.resize]
    return packing_command(report.given, [*options, *(["--allow-dropped"] if _too_many_lost(report) else [])])


def _suggestion(report: DataReport, suggestion: SuggestedShape) -> Iterator[str]:
    yield f"suggested shape: {describe_suggestion(suggestion)}"
    for why in suggestion.why:
        yield f"  {why}"
    if _too_many_lost(report):
        yield f"  more than {MAX_DROPPED:.0%} of the images cannot be used, so packing them takes --allow-dropped"
    yield f"  {prepare_command(report, suggestion)}"


def _too_many_lost(report: DataReport) -> bool:
    lost = sum(file.lost for file in report.files)
    return lost > MAX_DROPPED * (lost + len(report.kept))


def _groups(title: str, sign: str, groups: Sequence[Sequence[str]]) -> Iterator[str]:
    if groups:
        yield from ["", f"{title}: {sum(map(len, groups)):,} images in {len(groups):,} groups"]
    for group in groups[:_GROUPS_SHOWN]:
        more = f" and {len(group) - _NAMES_SHOWN:,} more" if len(group) > _NAMES_SHOWN else ""
        yield f"  {sign.join(printable(name) for name in group[:_NAMES_SHOWN])}{more}"


def names_of(files: Sequence[CheckedFile], limit: int = _LOST_SHOWN) -> str:
    """The first names, up to `limit` of images that cannot be used; of many files that are no images, the suffixes."""
    lost = [file for file in files if file.lost]
    others = [file for file in files if not file.lost]
    if others[_NAMES_SHOWN:] and all(file.outcome == "dropped" for file in others):
        kinds = Counter(suffix_of(file.name) or "without a suffix" for file in others)
        more = sum(count for _, count in kinds.most_common()[_SUFFIXES_SHOWN:])
        named = [f"{count:,} {suffix}" for suffix, count in kinds.most_common(_SUFFIXES_SHOWN)]
        named += [f"{more:,} others"] if more else []
    else:
        named = _first_names(others, _NAMES_SHOWN)
    return ", ".join([*_first_names(lost, limit), *map(printable, named)])


def _first_names(files: Sequence[CheckedFile], limit: int) -> list[str]:
    names = [printable(file.name) for file in files[:limit]]
    if len(files) > limit:
        names[-1] += f" and {len(files) - limit:,} more"
    return names


def _table(title: str, counts: dict[str, int]) -> Iterator[str]:
    if not counts:
        return
    yield from ["", title]
    width, most = max(len(printable(name)) for name in counts), max(counts.values())
    for name, count in counts.items():
        yield f"  {printable(name):<{width}}  {count:>9,}  {'#' * max(1, round(_BAR * count / most))}"
