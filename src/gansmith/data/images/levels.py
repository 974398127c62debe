"""Levels: which numbers of images with more than 8 bits are black and white, the same for every image of a set.

Imports NumPy only, for workers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Kind = Literal["bits", "integers", "floats"]

_BITS = (8, 10, 12, 14, 16)
"""Bits that cameras, scanners and scientific instruments use of 16."""
_LARGEST = 65535
_LEAST_WHITE = 0.5
"""Floats from 0 to a largest number of more than this, and at most 1, have their white at 1."""
BY_RANGE = "32 bits to 8, by the range of the set"


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """The numbers in an image of more than 8 bits for each sample.

    Its kind is "bits" for unsigned integers of up to 16 bits. `declared` is the white that the file states, or 0.
    """

    kind: Kind
    low: float
    high: float
    alpha: float = 0
    """The largest number of the transparency; 0 without one."""
    declared: float = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Levels:
    """The white of up to 16 bits, and black and white of wider integers and of floats. Defaults stand for no image."""

    white: int = _LARGEST
    alpha: int = _LARGEST
    """The number that is opaque."""
    integers: tuple[float, float] = (0, _LARGEST)
    floats: tuple[float, float] = (0, 1)

    def reason(self, kind: Kind) -> str:
        """What is done to an image of this kind, as a reason."""
        if kind == "floats":
            return BY_RANGE
        black, white = (0, self.white) if kind == "bits" else self.integers
        if (black, white) == (0, _LARGEST):
            return "16 bits to 8"
        if black or white > _LARGEST:
            return BY_RANGE
        bits = int(white).bit_length()
        return f"16 bits to 8, {bits} of them used" if white == 2**bits - 1 else f"16 bits to 8, white is {white:,}"


def span_of(samples: np.ndarray, alpha: np.ndarray | None, declared: float = 0) -> Span:
    """The span of samples and of their transparency, if there is one; numbers that are not finite do not count."""
    if samples.dtype.kind == "f":
        finite = samples[np.isfinite(samples)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
        return Span(kind="floats", low=low, high=high)
    kind: Kind = "bits" if samples.dtype == np.uint16 else "integers"
    opaque = 0 if alpha is None else int(alpha.max())
    return Span(kind=kind, low=int(samples.min()), high=int(samples.max()), alpha=opaque, declared=declared)


def levels_of(spans: Iterable[Span]) -> Levels:
    """The levels of a set.

    White is what the files declare, if no number is larger; otherwise the largest number, rounded up to 8, 10, 12, 14
    or 16 bits. Negative and wider integers, and floats beyond 0 to 1, are scaled by the range of the set.
    """
    by_kind: dict[Kind, list[Span]] = {"bits": [], "integers": [], "floats": []}
    for span in spans:
        by_kind[span.kind].append(span)
    found: dict[str, Any] = {}
    if of_bits := by_kind["bits"]:
        high, declared = max(span.high for span in of_bits), max(span.declared for span in of_bits)
        white = int(declared) if declared and declared >= high else _rounded_up(high)
        found = {"white": white, "alpha": white if max(span.alpha for span in of_bits) <= white else _LARGEST}
    if integers := by_kind["integers"]:
        low, high = min(span.low for span in integers), max(span.high for span in integers)
        found["integers"] = (0, _rounded_up(high)) if low >= 0 and high <= _LARGEST else (low, high)
    if floats := by_kind["floats"]:
        low, high = min(span.low for span in floats), max(span.high for span in floats)
        found["floats"] = (0, 1) if low >= 0 and _LEAST_WHITE < high <= 1 else (low, high)
    return Levels(**found)


def to_8_bits(samples: np.ndarray, levels: Levels, *, alpha: bool = False) -> np.ndarray:
    """The samples as uint8, rounded; what lies beyond black and white is cut off there."""
    if samples.dtype == np.uint16:
        return _table(levels.alpha if alpha else levels.white)[samples]
    black, white = levels.floats if samples.dtype.kind == "f" else levels.integers
    if samples.dtype.kind != "f" and black == 0 and white <= _LARGEST:
        return _table(int(white))[samples.clip(0, _LARGEST)]
    finite = np.nan_to_num(samples.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    scaled = (finite - black) * (255 / max(white - black, 1e-300))
    return np.rint(scaled.clip(0, 255)).astype(np.uint8)


def _rounded_up(high: float) -> int:
    return next(2**bits - 1 for bits in _BITS if high < 2**bits)


def _table(white: int) -> np.ndarray:
    """The 8 bits of each number of 16 bits."""
    return np.minimum((np.arange(_LARGEST + 1, dtype=np.uint32) * 255 + white // 2) // white, 255).astype(np.uint8)
