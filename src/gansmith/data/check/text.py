"""The report on own pictures as lines for a terminal."""

from collections.abc import Iterator

from gansmith.data.check.report import FileReport, Intake
from gansmith.data.check.suggest import Proposal
from gansmith.data.images.types import MAX_DROPPED
from gansmith.data.sources import packing_command, shown

_NAMES_SHOWN = 3
_GROUPS_SHOWN = 5
_CLASSES_SHOWN = 20
_BAR = 30


def report_lines(intake: Intake) -> Iterator[str]:
    """What the report says, line by line; every dropped picture is named, other files by their reasons."""
    counts = intake.counts()
    what = "pictures" if all(file.row for file in intake.files) else "files"
    yield f"{shown(' '.join(intake.given))}: {len(intake.files):,} {what}"
    if intake.given != (str(intake.path),):
        yield f"in {shown(str(intake.path))}"
    yield "  ".join(f"{outcome} {count:,}" for outcome, count in counts.items())
    for title, outcome in (("converted", "converted"), ("dropped", "dropped")):
        if counts[outcome]:
            yield from ["", f"{title}, by reason"]
        for reason, files in intake.reasons().items():
            if of_outcome := [file for file in files if file.outcome == outcome]:
                yield f"  {len(of_outcome):>9,}  {reason}: {_some(of_outcome)}"
    yield from _table("classes, from " + str(intake.labels_from), dict(list(intake.classes().items())[:_CLASSES_SHOWN]))
    if len(intake.classes()) > _CLASSES_SHOWN:
        yield f"  and {len(intake.classes()) - _CLASSES_SHOWN:,} more classes"
    yield from _table("short side in pixels", intake.sizes())
    yield from _table("aspect", intake.aspects())
    for title, groups in (("the same to the pixel", intake.duplicates), ("nearly the same", intake.near_duplicates)):
        if groups:
            yield from ["", f"{title}: {sum(map(len, groups)):,} pictures in {len(groups):,} groups"]
        for group in groups[:_GROUPS_SHOWN]:
            more = f" and {len(group) - _NAMES_SHOWN:,} more" if len(group) > _NAMES_SHOWN else ""
            yield "  " + " = ".join(shown(name) for name in group[:_NAMES_SHOWN]) + more
    for remark in intake.remarks:
        yield from ["", f"note: {remark}"]
    if intake.proposal:
        yield from ["", *_verdict(intake, intake.proposal)]


def described(proposal: Proposal) -> str:
    """A proposal in words."""
    kind = {1: "grey", 3: "RGB", 4: "RGB with transparency"}[proposal.channels]
    return f"{proposal.height}x{proposal.width} {kind}, {proposal.fit}; {_bytes(proposal.bytes)} packed"


def prepare_command(intake: Intake, proposal: Proposal) -> str:
    """The command that packs as proposed."""
    size = f"{proposal.height}x{proposal.width}"
    losses = " --allow-dropped" if _too_many_lost(intake) else ""
    options = f"--size {size} --channels {proposal.channels} --fit {proposal.fit}{losses}"
    return packing_command(intake.given, options)


def _verdict(intake: Intake, proposal: Proposal) -> Iterator[str]:
    yield f"proposal: {described(proposal)}"
    for why in proposal.why:
        yield f"  {why}"
    if _too_many_lost(intake):
        yield f"  more than {MAX_DROPPED:.0%} of the pictures cannot be used: prepare will ask for --allow-dropped"
    yield f"  {prepare_command(intake, proposal)}"


def _too_many_lost(intake: Intake) -> bool:
    lost = sum(file.lost for file in intake.files)
    return lost > MAX_DROPPED * (lost + len(intake.kept))


def _some(files: list[FileReport]) -> str:
    """All names of pictures that are lost, for nobody should have to search for them; a few of others."""
    limit = 20 if any(file.lost for file in files) else _NAMES_SHOWN
    names = ", ".join(shown(file.name) for file in files[:limit])
    return names + (f" and {len(files) - limit:,} more" if len(files) > limit else "")


def _table(title: str, counts: dict[str, int]) -> Iterator[str]:
    if not counts:
        return
    yield from ["", title]
    width, most = max(len(shown(name)) for name in counts), max(counts.values())
    for name, count in counts.items():
        yield f"  {shown(name):<{width}}  {count:>9,}  {'#' * max(1, round(_BAR * count / most))}"


def _bytes(count: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
