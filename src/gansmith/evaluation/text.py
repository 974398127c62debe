"""The result of an evaluation as tables and sentences for a terminal."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gansmith.evaluation.measure import Measured
from gansmith.evaluation.reference import Reference
from gansmith.evaluation.reference_scores import BLUR, PLANTED, ReferenceScores
from gansmith.evaluation.table import COPYING, METRICS, MOST_COMPARED
from gansmith.metrics.intervals import Estimate

_BAR = 30
"""Width of the longest bar, in characters."""
_ARROWS = {"lower": "↓", "higher": "↑", "near 0": "→ 0", "near 1": "→ 1", "floor": "→ floor"}
"""The sign for which values are better."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricTable:
    """Headings and rows of cells; the first, second and last column hold words, the others numbers."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(measured: Measured, scores: ReferenceScores) -> Iterator[MetricTable]:
    """The metrics of quality beside floor, blur and noise; then the metrics of copying, if there are any."""
    copying = [name for name in measured.values if COPYING[0] in METRICS[name].needs]
    quality = [name for name in measured.values if name not in copying]
    if quality:
        rows = tuple(_row(name, measured.values[name], scores.floor, scores.blur, scores.noise) for name in quality)
        yield MetricTable(headings=("", "", "value", "95 % interval", "floor", "blur", "noise", ""), rows=rows)
    if copying:
        rows = tuple(_row(name, measured.values[name], scores.floor, scores.planted) for name in copying)
        headings = ("copying", "", "value", "95 % interval", "floor", f"{PLANTED:.0%} copies", "")
        yield MetricTable(headings=headings, rows=rows)


def decimals(estimate: Estimate) -> int:
    """The number of decimals to show: two significant digits of half the interval."""
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
    """A bar for each class with its share of the generated images, beside its share of the real images."""
    if not measured.classes:
        return
    yield "share of each class among the generated and among the real images, as the feature network classifies them"
    width = max(map(len, measured.classes))
    most = max(max(shares) for shares in measured.classes.values())
    for name, (fake, real) in measured.classes.items():
        bar = "#" * round(_BAR * fake / most)
        yield f"  {name:<{width}}  {fake:>6.1%}  {real:>6.1%}  {bar}"


def legend(measured: Measured, reference: Reference, scores: ReferenceScores) -> Iterator[str]:
    """Sentences on what the columns mean, which metrics are left out and why, and the protocol."""
    protocol, real = measured.protocol, reference.real.images
    yield _floor_sentence(measured, scores)
    yield f"blur: real images blurred by {BLUR * min(real.shape[:2]):.1f} pixels; noise: uniform noise"
    if scores.planted and reference.train:
        num, train = min(protocol.fake, MOST_COMPARED), len(reference.train.images)
        half = "half of the validation images" if reference.has_validation else "half of the reference against its rest"
        yield (
            f"copying: {num:,} generated images are compared with {train:,} training images; floor: {half}; "
            f"{PLANTED:.0%} copies: the same images, {PLANTED:.0%} of them replaced by training images"
        )
    yield from without(measured.left_out)
    if protocol.features == "random":
        more = "; --features cifar10 knows photographs" if real.shape[2] == 3 else ""
        yield (
            "features 'random' see edges, colours and layout, but not what an image shows: a value at the floor does "
            f"not prove good images{more}"
        )
    if "fd" in measured.values and protocol.features != "inception":
        yield "fd is comparable with published FID only with --features inception"
    versions = ", ".join(f"{name} {protocol.versions[name]}" for name in ("gansmith", "torch", "numpy"))
    yield (
        f"protocol: features {protocol.features} {protocol.features_hash[:12]}, {reference.extractor.width} wide; "
        f"resize {protocol.resize}; {protocol.quantisation}; {protocol.fake:,} generated and {protocol.real:,} real; "
        f"{protocol.reference}, {protocol.split}, {protocol.reference_sha256[:12]}; seed {protocol.seed}; {versions}"
    )


def without(left_out: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each reason for which metrics are left out."""
    for reason in dict.fromkeys(left_out.values()):
        names = [name for name, why in left_out.items() if why == reason]
        yield f"{', '.join(names)} {'are left out: each' if len(names) > 1 else 'is left out: it'} {reason}"


def _floor_sentence(measured: Measured, scores: ReferenceScores) -> str:
    """What the floor is, with the value of the first metric as an example."""
    name = next((name for name in measured.values if name in scores.floor), None)
    if name is None or METRICS[name].better not in ("lower", "higher"):
        return f"floor: real images ({scores.floor_is})"
    value = number(scores.floor[name].value, decimals(scores.floor[name]))
    return f"floor: real images score {value} on {name}, which is as good as it gets ({scores.floor_is})"


def _row(name: str, estimate: Estimate, *scores: Mapping[str, Estimate]) -> tuple[str, ...]:
    metric, places = METRICS[name], decimals(estimate)
    beside = [number(one[name].value, places) if name in one else "-" for one in scores]
    return (name, _ARROWS[metric.better], number(estimate.value, places), interval(estimate), *beside, metric.about)
