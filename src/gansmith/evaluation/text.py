"""Measured values as words and columns for a terminal."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gansmith.evaluation.baselines import BLUR, PLANTED, ReferenceScores
from gansmith.evaluation.measure import Measured
from gansmith.evaluation.reference import Reference
from gansmith.evaluation.table import COPYING, METRICS, MOST_COMPARED
from gansmith.metrics.intervals import Estimate

_BAR = 30

_ARROWS = {"lower": "↓", "higher": "↑", "near 0": "→ 0", "near 1": "→ 1", "floor": "→ floor"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Headings and rows of cells; the first and the last column are words, the others numbers."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(measured: Measured, found: ReferenceScores) -> Iterator[Table]:
    """The measures of quality with the floor and both ceilings beside them; then those of copying, if there are any."""
    copying = [name for name in measured.values if COPYING[0] in METRICS[name].needs]
    quality = [name for name in measured.values if name not in copying]
    if quality:
        rows = tuple(_row(name, measured.values[name], found.floor, found.blur, found.noise) for name in quality)
        yield Table(headings=("", "", "value", "95 % interval", "floor", "blur", "noise", ""), rows=rows)
    if copying:
        rows = tuple(_row(name, measured.values[name], found.floor, found.planted) for name in copying)
        yield Table(headings=("copying", "", "value", "95 % interval", "floor", f"{PLANTED:.0%} copies", ""), rows=rows)


def decimals(estimate: Estimate) -> int:
    """How many a value is shown with: two digits of half its interval, which is all that is known of it."""
    half = (estimate.high - estimate.low) / 2
    if not math.isfinite(half) or half <= 0:
        return 3
    return min(6, max(0, 1 - math.floor(math.log10(half))))


def number(value: float, places: int) -> str:
    """Such as "1,204.5"; no minus before a zero."""
    return f"{value:,.{places}f}" if round(value, places) else f"{0:.{places}f}"


def interval(estimate: Estimate) -> str:
    """Such as "40.1 to 42.5"."""
    places = decimals(estimate)
    return f"{number(estimate.low, places)} to {number(estimate.high, places)}"


def class_lines(measured: Measured) -> Iterator[str]:
    """A bar for each class, with the share of the real images beside it."""
    if not measured.classes:
        return
    yield "classes, as the features' network judges, and the real ones'"
    width = max(map(len, measured.classes))
    most = max(max(shares) for shares in measured.classes.values())
    for name, (fake, real) in measured.classes.items():
        bar = "#" * round(_BAR * fake / most)
        yield f"  {name:<{width}}  {fake:>6.1%}  {real:>6.1%}  {bar}"


def legend(measured: Measured, reference: Reference, found: ReferenceScores) -> Iterator[str]:
    """What the columns are, what was left out, and the protocol."""
    protocol, real = measured.protocol, reference.real.images
    blur = BLUR * min(real.shape[:2])
    yield f"floor: {found.floor_is}; ceilings: reals blurred by {blur:.1f} pixels, and uniform noise"
    if found.planted:
        yield _of_copying(measured, reference)
    yield from without(measured.left_out)
    if protocol.features == "random":
        more = "; --features cifar10 knows photographs" if real.shape[2] == 3 else ""
        yield f"features 'random' see edges, colours and layout, not what is shown: the floor does not mean good{more}"
    versions = ", ".join(f"{name} {protocol.versions[name]}" for name in ("gansmith", "torch", "numpy"))
    yield (
        f"protocol: features {protocol.features} {protocol.features_hash[:12]}, {reference.extractor.width} wide; "
        f"resize {protocol.resize}; {protocol.quantisation}; {protocol.fake:,} generated and {protocol.real:,} real; "
        f"{protocol.reference}, {protocol.split}, {protocol.reference_sha256[:12]}; seed {protocol.seed}; {versions}"
    )


def without(left_out: Mapping[str, str]) -> Iterator[str]:
    """A line for each reason why measures were left out."""
    for reason in dict.fromkeys(left_out.values()):
        names = [name for name, why in left_out.items() if why == reason]
        yield f"without {', '.join(names)}: {'each ' if len(names) > 1 else ''}{reason}"


def _of_copying(measured: Measured, reference: Reference) -> str:
    assert reference.train is not None
    num, train = min(measured.protocol.fake, MOST_COMPARED), len(reference.train.images)
    fair = "half of the images held out" if reference.held_out else "half of the reference against its other"
    return (
        f"copies of {train:,} training images are looked for among {num:,} generated; floor: {fair}; beside it the "
        f"same with {PLANTED:.0%} of them replaced by training images"
    )


def _row(name: str, estimate: Estimate, *reference_scores: dict[str, Estimate]) -> tuple[str, ...]:
    metric, places = METRICS[name], decimals(estimate)
    beside = [number(one[name].value, places) if name in one else "-" for one in reference_scores]
    return (name, _ARROWS[metric.better], number(estimate.value, places), interval(estimate), *beside, metric.about)
