"""Generated images against a reference: each value with its interval, all of them under one protocol."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gansmith.errors import DataError, UsageError, unknown
from gansmith.evaluation.inputs import ImageSet, describe
from gansmith.evaluation.protocol import Protocol
from gansmith.evaluation.reference import Progress, Reference, Sample, counted, keeps_out
from gansmith.evaluation.table import (
    FEWEST,
    FRUGAL,
    LEAST_SIDE,
    METRICS,
    SHORT,
    STACKED,
    FeatureSets,
    Metric,
    Need,
    probabilities,
)
from gansmith.features.extract import Features, extract
from gansmith.features.extractor import Extractor
from gansmith.metrics import classes
from gansmith.metrics.intervals import Estimate


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """Values by name, the protocol that all of them share, and why others of the table are not among them."""

    protocol: Protocol
    values: dict[str, Estimate]
    left_out: dict[str, str]
    classes: dict[str, tuple[float, float]]
    """By class, as the features' network judges: share of the generated images, and of the real. Empty without."""

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data for JSON."""
        return {
            "protocol": self.protocol.to_dict(),
            "values": {name: asdict(value) for name, value in self.values.items()},
            "left_out": self.left_out,
            "classes": {name: {"generated": fake, "real": real} for name, (fake, real) in self.classes.items()},
        }


def measure(
    given: np.ndarray | Features | Sample,
    reference: Reference,
    metrics: Sequence[str] | None = None,
    seed: int = 0,
    *,
    weights: str = "unknown",
    checkpoint: int | None = None,
    progress: Progress | None = None,
) -> Measured:
    """Measure generated images, uint8 (N, H, W, C) or their features, by these metrics, or by all that can be.

    `weights` and `checkpoint` say in the protocol which generator made them. Raises UsageError for an unknown metric
    and for one asked for that cannot be computed here, DataError for images of another shape.
    """
    sample = given if isinstance(given, Sample) else _sample(given, reference, progress)
    real, train, known = reference.real.images, None, None
    if reference.train:
        train, known = reference.train.features, reference.train.images
    images = sample.images is not None
    names, left_out = choose(metrics, reference.extractor, real, known, len(sample), images=images)
    protocol = Protocol(
        features=reference.extractor.name,
        features_hash=reference.extractor.hash,
        resize=reference.extractor.resize,
        fake=len(sample),
        real=len(real),
        reference=real.name,
        split=real.split,
        reference_sha256=real.sha256,
        train=0 if train is None else len(train.vectors),
        seed=seed,
        weights=weights,
        checkpoint=checkpoint,
    )
    values = values_of(FeatureSets(fake=sample, real=reference.real.sample, train=train), names, seed, progress)
    return Measured(protocol=protocol, values=values, left_out=left_out, classes=_class_shares(sample, reference))


def _class_shares(sample: Sample, reference: Reference) -> dict[str, tuple[float, float]]:
    if not reference.extractor.classes or sample.features.probabilities is None:
        return {}
    fake, real = (classes.histogram(probabilities(side)) for side in (sample, reference.real.sample))
    shares = zip((fake / fake.sum()).tolist(), (real / real.sum()).tolist(), strict=True)
    return dict(zip(reference.extractor.classes, shares, strict=True))


def values_of(
    sides: FeatureSets, names: Sequence[str], seed: int = 0, progress: Progress | None = None, what: str = "measuring"
) -> dict[str, Estimate]:
    """The values of these metrics, in the order of `names`; what one computation gives is computed once."""
    found: dict[str, Estimate] = {}
    for number, name in enumerate(names):
        if progress:
            progress(what, number, len(names))
        if name not in found:
            found |= METRICS[name].by(sides, seed)
    if progress:
        progress(what, len(names), len(names))
    return {name: found[name] for name in names}


def choose(
    asked: Sequence[str] | None,
    net: Extractor,
    real: ImageSet,
    train: ImageSet | None,
    num: int,
    *,
    images: bool = True,
) -> tuple[list[str], dict[str, str]]:
    """The metrics to compute of `num` images, or of their features only, in the table's order; why not the others.

    What is asked for by name and cannot be computed is refused, and so is a sample that is too small for all of them.
    Raises UsageError, before anything is computed.
    """
    names = named(asked) if asked is not None else [name for name, one in METRICS.items() if not one.on_request]
    left_out = {name: reason for name in names if (reason := _why_not(METRICS[name], net, real, train, num, images))}
    chosen = [name for name in names if name not in left_out]
    if left_out and (asked is not None or not chosen):
        name = next(iter(left_out)) if asked is not None else FRUGAL
        raise UsageError(f"{name} {left_out[name]}.")
    return chosen, left_out


def named(asked: Sequence[str]) -> list[str]:
    """The metrics of these names and short names, in the table's order. Raises UsageError for an unknown one."""
    full = [name for one in asked for name in SHORT.get(one, (one,))]
    for name in full:
        if name not in METRICS:
            raise UsageError(unknown("metric", name, [*METRICS, *SHORT]))
    if not full:
        raise UsageError(f"no metric is asked for; known: {', '.join(METRICS)}.")
    return [name for name in METRICS if name in full]


def _why_not(metric: Metric, net: Extractor, real: ImageSet, train: ImageSet | None, num: int, images: bool) -> str:
    """The reason why a metric cannot be computed, the end of a sentence that begins with its name; "" if it can."""
    there: dict[Need, bool] = {
        "images": images and min(real.shape[:2]) >= LEAST_SIDE,
        "classes": net.classes is not None,
        "stacked digits": real.name.partition("[")[0] == STACKED and real.shape[2] == 3,
        "training images": train is not None,
        "validation images": keeps_out(real, train),
    }
    if lacking := [need for need in metric.needs if not there[need]]:
        return f"needs {lacking[0]}, {_WHY[lacking[0]]}"
    fewest = metric.fewest(net.width)
    counts = [f"{count:,} {kind}" for count, kind in ((len(real), "real"), (num, "generated")) if count < fewest]
    if not counts:
        return ""
    wide = f" for features {net.width} wide" if fewest > metric.fewest(0) else ""
    instead = f"; {FRUGAL} takes {FEWEST}" if fewest > FEWEST else ""
    return f"needs at least {fewest:,} images of either kind{wide}, got {' and '.join(counts)}{instead}"


_WHY: dict[Need, str] = {
    "images": f"of {LEAST_SIDE}x{LEAST_SIDE} or more, and has none",
    "classes": "which only a classifier's features tell",
    "stacked digits": f"which only {STACKED} has, in RGB",
    "training images": "and these are not known here",
    "validation images": "and the reference is what copies are looked for among",
}


def _sample(given: np.ndarray | Features, reference: Reference, progress: Progress | None) -> Sample:
    if isinstance(given, Features):
        return Sample(features=given)
    shape, wanted = given.shape[1:], reference.real.images.shape
    if given.dtype != np.uint8 or given.ndim != 4 or shape != wanted:
        raise DataError(
            f"the images are {given.dtype} of shape {given.shape}; needed is uint8 (N, H, W, C), {describe(wanted)}."
        )
    features = extract(reference.extractor, counted(given, "features of the samples", progress))
    return Sample(features=features, images=given)
