"""Generated pictures against a reference: the one table of measures, each value with its interval and protocol."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from gansmith.errors import DataError, UsageError, unknown
from gansmith.evaluation.inputs import in_words
from gansmith.evaluation.reference import Progress, Reference, Sample, counted
from gansmith.metrics import classes, copying, diversity, frechet, kernel, neighbours, spectrum
from gansmith.metrics.features import Features, extract, extractor
from gansmith.metrics.intervals import Estimate
from gansmith.metrics.protocol import Protocol

Need = Literal["pictures", "classes", "three digits", "training pictures", "held-out pictures"]
"""What a measure cannot do without besides features."""

LEAST_SIDE = 8
"""Pixels of a picture that has a spectrum."""

MOST_COMPARED = 2000
"""Pictures of either kind in the measures of copying: each is compared with all training pictures, which takes time,
and C_T grows with the count."""

STACKED: tuple[Need, ...] = ("three digits",)

COPYING: tuple[Need, ...] = ("training pictures", "held-out pictures")
"""What measures of copying need, all of them the first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sides:
    """What a measure is given: generated and real pictures, and the features of those trained on."""

    fake: Sample
    real: Sample
    train: Features | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A measure: what it tells, which way is better, how it is computed, and what that takes."""

    about: str
    better: Literal["lower", "higher", "near 0", "near 1", "floor"]
    by: Callable[[Sides, int], dict[str, Estimate]]
    """Takes the two sides and a seed; metrics that come out of one computation share it."""
    needs: tuple[Need, ...] = ()
    fewest: Callable[[int], int] = lambda width: 12
    """Pictures of either kind, for features of a width."""
    on_request: bool = False
    """Computed only when asked for by name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """Values by name, the protocol that all of them share, and why others of the table are not among them."""

    protocol: Protocol
    values: dict[str, Estimate]
    left_out: dict[str, str]
    classes: dict[str, tuple[float, float]]
    """By class, as the features' network judges: share of the generated pictures, and of the real. Empty without."""

    def facts(self) -> dict[str, Any]:
        """All of it as plain data for JSON."""
        return {
            "protocol": self.protocol.facts(),
            "values": {name: asdict(value) for name, value in self.values.items()},
            "left_out": self.left_out,
            "classes": {name: {"generated": fake, "real": real} for name, (fake, real) in self.classes.items()},
        }


def _fd(sides: Sides, seed: int) -> dict[str, Estimate]:
    return {"fd": frechet.frechet_distance(*_vectors(sides), seed)}


def _fd_infinity(sides: Sides, seed: int) -> dict[str, Estimate]:
    return {"fd-infinity": frechet.frechet_infinity(*_vectors(sides), seed)}


def _kid(sides: Sides, seed: int) -> dict[str, Estimate]:
    return {"kid": kernel.kernel_distance(*_vectors(sides), seed=seed).estimate}


def _precision_recall(sides: Sides, seed: int) -> dict[str, Estimate]:
    found = neighbours.precision_recall(*_vectors(sides), seed=seed)
    return {"precision": found.precision, "recall": found.recall}


def _density_coverage(sides: Sides, seed: int) -> dict[str, Estimate]:
    found = neighbours.density_coverage(*_vectors(sides), seed=seed)
    return {"density": found.density, "coverage": found.coverage}


def _diversity(sides: Sides, seed: int) -> dict[str, Estimate]:
    return {"diversity": diversity.pair_diversity(*_vectors(sides))}


def _class_kl(sides: Sides, seed: int) -> dict[str, Estimate]:
    fake, real = (classes.histogram(_probabilities(side)) for side in (sides.fake, sides.real))
    return {"class-kl": classes.divergence(fake, real + 0.5)}  # half a picture more: no class is quite impossible


def _junk(sides: Sides, seed: int) -> dict[str, Estimate]:
    return {"junk": classes.junk_rate(_probabilities(sides.fake))}


def _modes(sides: Sides, seed: int) -> dict[str, Estimate]:
    images = _images(sides.fake)
    digits = extractor("mnist", channels=1, height=images.shape[1], width=images.shape[2])
    planes = (_probabilities(Sample(features=extract(digits, images[..., [channel]]))) for channel in range(3))
    found = classes.modes(classes.triples(*(plane.argmax(1) for plane in planes)))
    return {"modes": found.found, "modes-kl": found.divergence}


def _spectrum(sides: Sides, seed: int) -> dict[str, Estimate]:
    found = spectrum.spectrum(_images(sides.fake), _images(sides.real), seed)
    return {"spectrum": found.distance, "checkerboard": found.checkerboard}


def _authenticity(sides: Sides, seed: int) -> dict[str, Estimate]:
    fake, _ = _compared(sides)
    return {"authenticity": copying.authenticity(fake, _train(sides))}


def _near_copies(sides: Sides, seed: int) -> dict[str, Estimate]:
    fake, real = _compared(sides)
    return {"near-copies": copying.near_copies(fake, _train(sides), real)}


def _ct(sides: Sides, seed: int) -> dict[str, Estimate]:
    fake, real = _compared(sides)
    return {"ct": copying.copying_score(fake, _train(sides), real, seed)}


def _compared(sides: Sides) -> tuple[np.ndarray, np.ndarray]:
    """The pictures that are held against every training picture: evenly spread over each side, at most so many."""
    found = [side[np.linspace(0, len(side) - 1, min(len(side), MOST_COMPARED)).astype(int)] for side in _vectors(sides)]
    return found[0], found[1]


def _train(sides: Sides) -> np.ndarray:
    assert sides.train is not None
    return sides.train.vectors


def _vectors(sides: Sides) -> tuple[np.ndarray, np.ndarray]:
    return sides.fake.features.vectors, sides.real.features.vectors


def _probabilities(sample: Sample) -> np.ndarray:
    assert sample.features.probabilities is not None
    return sample.features.probabilities


def _images(sample: Sample) -> np.ndarray:
    assert sample.images is not None
    return sample.images


METRICS = {
    "fd": Metric(about="Fréchet distance of the features", better="lower", by=_fd, fewest=lambda width: width + 1),
    "fd-infinity": Metric(
        about="the same, were there infinitely many", better="lower", by=_fd_infinity, fewest=lambda w: 4 * (w + 1)
    ),
    "kid": Metric(about="kernel distance, free of bias", better="lower", by=_kid),
    "precision": Metric(about="samples that lie among the real", better="higher", by=_precision_recall),
    "recall": Metric(about="real ones that lie among the samples", better="higher", by=_precision_recall),
    "density": Metric(about="how densely samples lie among the real", better="near 1", by=_density_coverage),
    "coverage": Metric(about="real ones that have a sample near", better="higher", by=_density_coverage),
    "diversity": Metric(about="distance of two samples over that of two real", better="near 1", by=_diversity),
    "class-kl": Metric(
        about="shares of the classes against the real", better="lower", by=_class_kl, needs=("classes",)
    ),
    "junk": Metric(about="samples that look like no class", better="lower", by=_junk, needs=("classes",)),
    "modes": Metric(about="of the 1,000 stacked digits", better="higher", by=_modes, needs=STACKED, on_request=True),
    "modes-kl": Metric(
        about="their shares against equal ones", better="lower", by=_modes, needs=STACKED, on_request=True
    ),
    "spectrum": Metric(about="coarse and fine detail, in decibels", better="lower", by=_spectrum, needs=("pictures",)),
    "checkerboard": Metric(
        about="how far upsampling's grid stands out, in decibels", better="near 0", by=_spectrum, needs=("pictures",)
    ),
    "authenticity": Metric(
        about="samples farther from training than it from itself", better="floor", by=_authenticity, needs=COPYING[:1]
    ),
    "near-copies": Metric(
        about="samples as near to training as 1 % of new ones", better="floor", by=_near_copies, needs=COPYING
    ),
    "ct": Metric(about="C_T: far below 0 is copying", better="floor", by=_ct, needs=COPYING),
}
"""Every measure by its name on the command line, in the order in which they are shown."""

SHORT = {"pr": ("precision", "recall"), "dc": ("density", "coverage")}
"""Names for several."""


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
    """Measure generated pictures, uint8 (N, H, W, C) or their features, by these metrics, or by all that can be.

    `weights` and `checkpoint` say in the protocol which generator made them. Raises UsageError for an unknown metric
    and for one asked for that cannot be computed here, DataError for pictures of another shape.
    """
    sample = given if isinstance(given, Sample) else _sample(given, reference, progress)
    names, left_out = choose(metrics, reference, len(sample), images=sample.images is not None)
    pictures = reference.real.pictures
    train = reference.train.features if reference.train else None
    protocol = Protocol(
        features=reference.extractor.name,
        features_hash=reference.extractor.hash,
        resize=reference.extractor.resize,
        fake=len(sample),
        real=len(pictures),
        reference=pictures.name,
        split=pictures.split,
        reference_sha256=pictures.sha256,
        train=0 if train is None else len(train.vectors),
        seed=seed,
        weights=weights,
        checkpoint=checkpoint,
    )
    values = values_of(Sides(fake=sample, real=reference.real.sample, train=train), names, seed, progress)
    return Measured(protocol=protocol, values=values, left_out=left_out, classes=_class_shares(sample, reference))


def _class_shares(sample: Sample, reference: Reference) -> dict[str, tuple[float, float]]:
    if not reference.extractor.classes or sample.features.probabilities is None:
        return {}
    fake, real = (classes.histogram(_probabilities(side)) for side in (sample, reference.real.sample))
    shares = zip((fake / fake.sum()).tolist(), (real / real.sum()).tolist(), strict=True)
    return dict(zip(reference.extractor.classes, shares, strict=True))


def values_of(
    sides: Sides, names: Sequence[str], seed: int = 0, progress: Progress | None = None, what: str = "measuring"
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
    asked: Sequence[str] | None, reference: Reference, num: int, *, images: bool = True
) -> tuple[list[str], dict[str, str]]:
    """The metrics to compute of `num` pictures, or of their features only, in the table's order; why not the others.

    What is asked for by name and cannot be computed is refused; so is too small a sample for `fd`, which nobody should
    have to look for. Raises UsageError, before anything is computed.
    """
    names = named(asked) if asked is not None else [name for name, one in METRICS.items() if not one.on_request]
    reasons = {name: _why_not(METRICS[name], reference, num, images) for name in names}
    for name, reason in reasons.items():
        if reason and (asked is not None or name == "fd"):
            raise UsageError(f"{name} {reason}.")
    left_out = {name: reason for name, reason in reasons.items() if reason}
    return [name for name in names if name not in left_out], left_out


def named(asked: Sequence[str]) -> list[str]:
    """The metrics of these names and short names, in the table's order. Raises UsageError for an unknown one."""
    full = [name for one in asked for name in SHORT.get(one, (one,))]
    for name in full:
        if name not in METRICS:
            raise UsageError(unknown("metric", name, [*METRICS, *SHORT]))
    if not full:
        raise UsageError(f"no metric is asked for; known: {', '.join(METRICS)}.")
    return [name for name in METRICS if name in full]


def _why_not(metric: Metric, reference: Reference, num: int, images: bool) -> str:
    """The reason why a metric cannot be computed, the end of a sentence that begins with its name; "" if it can."""
    width, shape = reference.extractor.width, reference.real.pictures.shape
    there: dict[Need, bool] = {
        "pictures": images and min(shape[:2]) >= LEAST_SIDE,
        "classes": reference.extractor.classes is not None,
        "three digits": images and shape[2] == 3,
        "training pictures": reference.train is not None,
        "held-out pictures": reference.held_out,
    }
    if lacking := [need for need in metric.needs if not there[need]]:
        return f"needs {lacking[0]}, {_WHY[lacking[0]]}"
    fewest = metric.fewest(width)
    for count, kind in ((num, "generated"), (len(reference.real.pictures), "real")):
        if count < fewest:
            return f"needs at least {fewest:,} pictures of either kind for features {width} wide, got {count:,} {kind}"
    return ""


_WHY: dict[Need, str] = {
    "pictures": f"of {LEAST_SIDE}x{LEAST_SIDE} or more, and has none",
    "classes": "which only a classifier's features tell",
    "three digits": "one in each colour channel",
    "training pictures": "and these are not known here",
    "held-out pictures": "and the reference is what was trained on",
}


def _sample(given: np.ndarray | Features, reference: Reference, progress: Progress | None) -> Sample:
    if isinstance(given, Features):
        return Sample(features=given)
    shape, wanted = given.shape[1:], reference.real.pictures.shape
    if given.dtype != np.uint8 or given.ndim != 4 or shape != wanted:
        raise DataError(
            f"the pictures are {given.dtype} of shape {given.shape}; needed is uint8 (N, H, W, C), {in_words(wanted)}."
        )
    features = extract(reference.extractor, counted(given, "features of the samples", progress))
    return Sample(features=features, images=given)
