"""Measures generated images against a reference: metrics with their intervals, all under one protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gansmith.errors import DataError, UsageError, unknown
from gansmith.evaluation.inputs import ImageSet, describe_shape
from gansmith.evaluation.protocol import Protocol
from gansmith.evaluation.reference import Progress, Reference, Sample, in_chunks, is_validation
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
from gansmith.metrics.intervals import Estimate, MetricError


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """The result of an evaluation."""

    protocol: Protocol
    """How all of the values were measured."""
    values: dict[str, Estimate]
    """Estimates by the name of their metric."""
    left_out: dict[str, str]
    """Metrics that could not be computed, each with the reason."""
    classes: dict[str, tuple[float, float]]
    """Share of the generated and of the real images by class, as classified; empty if the features know no classes."""

    def to_dict(self) -> dict[str, Any]:
        """The result as plain data for JSON."""
        return {
            "protocol": self.protocol.to_dict(),
            "values": {name: asdict(value) for name, value in self.values.items()},
            "left_out": self.left_out,
            "classes": {name: {"generated": fake, "real": real} for name, (fake, real) in self.classes.items()},
        }


def measure(
    generated: np.ndarray | Features | Sample,
    reference: Reference,
    metrics: Sequence[str] | None = None,
    seed: int = 0,
    *,
    generator_weights: str = "unknown",
    checkpoint: int | None = None,
    progress: Progress | None = None,
) -> Measured:
    """Measure generated images, uint8 (N, H, W, C) or their features, by these metrics, or by all that are possible.

    `generator_weights` and `checkpoint` record in the protocol which generator made the images. Raises UsageError for
    an unknown metric and for a requested one that cannot be computed here, DataError for images of another shape.
    """
    sample = generated if isinstance(generated, Sample) else _sample(generated, reference, progress)
    extractor, real, has_images = reference.extractor, reference.real.images, sample.images is not None
    known, train = (reference.train.images, reference.train.features) if reference.train else (None, None)
    names, left_out = choose(metrics, extractor, real, known, len(sample), images=has_images)
    protocol = Protocol(
        features=extractor.name,
        features_hash=extractor.hash,
        resize=extractor.resize,
        fake=len(sample),
        real=len(real),
        reference=real.name,
        split=real.split,
        reference_sha256=real.sha256,
        train=0 if train is None else len(train.vectors),
        seed=seed,
        weights=generator_weights,
        checkpoint=checkpoint,
    )
    values = values_of(FeatureSets(fake=sample, real=reference.real.sample, train=train), names, seed, progress)
    return Measured(protocol=protocol, values=values, left_out=left_out, classes=_class_shares(sample, reference))


def values_of(
    sets: FeatureSets, names: Sequence[str], seed: int = 0, progress: Progress | None = None, what: str = "measuring"
) -> dict[str, Estimate]:
    """The values of these metrics, in the order of `names`; a shared computation runs once.

    Raises MetricError, naming the metric, when the function of a metric returns no estimate of it.
    """
    found: dict[str, Estimate] = {}
    for number, name in enumerate(names):
        if progress:
            progress(what, number, len(names))
        if name not in found:
            found |= _compute(name, sets, seed)
    if progress:
        progress(what, len(names), len(names))
    return {name: found[name] for name in names}


def _compute(name: str, sets: FeatureSets, seed: int) -> dict[str, Estimate]:
    """The value of a metric, and of those that share its computation."""
    try:
        found = METRICS[name].compute(sets, seed)
    except MetricError as error:
        raise MetricError(f"metric {name!r}: {error}") from error
    if isinstance(found, Estimate):
        return {name: found}
    if not isinstance(found, Mapping) or not all(isinstance(one, Estimate) for one in found.values()):
        kind = type(found).__name__ if not isinstance(found, Mapping) else f"{type(found).__name__} of other things"
        raise MetricError(f"metric {name!r} must return an Estimate, or a dict of Estimates by name; got a {kind}.")
    if name not in found:
        raise MetricError(f"metric {name!r} must be among the values that its function returns: {', '.join(found)}.")
    return dict(found)


def choose(
    requested: Sequence[str] | None,
    extractor: Extractor,
    real: ImageSet,
    train: ImageSet | None,
    num: int,
    *,
    images: bool = True,
) -> tuple[list[str], dict[str, str]]:
    """The metrics to compute for `num` images, in the table's order, and the others with the reason why not.

    Without `images`, only features of the generated images are known. Raises UsageError, before anything is computed,
    for a requested metric that cannot be computed, and for a sample that is too small for every metric.
    """
    names = named(requested) if requested is not None else [name for name, one in METRICS.items() if not one.on_request]
    reasons = {name: _reason_against(METRICS[name], extractor, real, train, num, images) for name in names}
    left_out = {name: reason for name, reason in reasons.items() if reason}
    chosen = [name for name in names if name not in left_out]
    if left_out and (requested is not None or not chosen):
        name = next(iter(left_out)) if requested is not None else FRUGAL
        raise UsageError(f"{name} {left_out[name]}.")
    return chosen, left_out


def named(requested: Sequence[str]) -> list[str]:
    """The metrics with these names or short names, in the table's order. Raises UsageError for an unknown one."""
    full = [name for one in requested for name in SHORT.get(one, (one,))]
    for name in full:
        if name not in METRICS:
            raise UsageError(unknown("metric", name, [*METRICS, *SHORT]))
    if not full:
        raise UsageError(f"no metric is asked for; known: {', '.join(METRICS)}.")
    return [name for name in METRICS if name in full]


def _reason_against(
    metric: Metric, extractor: Extractor, real: ImageSet, train: ImageSet | None, num: int, images: bool
) -> str:
    """Why a metric cannot be computed, as the end of a sentence that begins with its name; "" if it can."""
    available: dict[Need, bool] = {
        "images": images and min(real.shape[:2]) >= LEAST_SIDE,
        "classes": extractor.classes is not None,
        "stacked digits": real.name.partition("[")[0] == STACKED and real.shape[2] == 3,
        "training images": train is not None,
        "validation images": is_validation(real, train),
    }
    if missing := [need for need in metric.needs if not available[need]]:
        return f"needs {missing[0]}, {_WHY_MISSING[missing[0]]}"
    fewest = metric.fewest(extractor.width)
    counts = [f"{count:,} {kind}" for count, kind in ((len(real), "real"), (num, "generated")) if count < fewest]
    if not counts:
        return ""
    wide = f" for features {extractor.width} wide" if fewest > metric.fewest(0) else ""
    instead = f"; {FRUGAL} takes {FEWEST}" if fewest > FEWEST else ""
    return f"needs at least {fewest:,} images of either kind{wide}, got {' and '.join(counts)}{instead}"


_WHY_MISSING: dict[Need, str] = {
    "images": f"of {LEAST_SIDE}x{LEAST_SIDE} or more, and has none",
    "classes": "which only the features of a classifier have",
    "stacked digits": f"which only {STACKED} has, in RGB",
    "training images": "which are not known here",
    "validation images": "but the reference is the training images themselves",
}
"""Why a need may be missing, as the end of a sentence that begins with the need."""


def _sample(generated: np.ndarray | Features, reference: Reference, progress: Progress | None) -> Sample:
    if isinstance(generated, Features):
        return Sample(features=generated)
    expected, got = reference.real.images.shape, f"{generated.dtype} of shape {generated.shape}"
    if generated.dtype != np.uint8 or generated.ndim != 4 or generated.shape[1:] != expected:
        raise DataError(f"expected images uint8 (N, H, W, C), {describe_shape(expected)}; got {got}.")
    features = extract(reference.extractor, in_chunks(generated, "features of the samples", progress))
    return Sample(features=features, images=generated)


def _class_shares(sample: Sample, reference: Reference) -> dict[str, tuple[float, float]]:
    if not reference.extractor.classes or sample.features.probabilities is None:
        return {}
    fake, real = (classes.histogram(probabilities(side)) for side in (sample, reference.real.sample))
    shares = zip((fake / fake.sum()).tolist(), (real / real.sum()).tolist(), strict=True)
    return dict(zip(reference.extractor.classes, shares, strict=True))
