"""The evaluations of a run during training: all of them, the best, and whether they still improve."""

from collections.abc import Sequence
from dataclasses import dataclass

from gansmith.runs.run import Run

DECIDES = "fd"
"""The metric that decides which checkpoint is the best; lower is better."""
MOST = 1e300
"""Limit of a distance that is believed: a damaged file may hold any number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluated:
    """The distance to the real images at a step of a run, with both ends of its 95 % interval."""

    step: int
    seen: int
    value: float
    low: float
    high: float

    def describe(self) -> str:
        """Such as "12.3 (11.9 to 12.8)"."""
        return f"{self.value:.4g} ({self.low:.4g} to {self.high:.4g})"


def evaluations(run: Run) -> list[Evaluated]:
    """The evaluations of a run so far, oldest first; lines of metrics.jsonl without a distance are passed over."""
    found = []
    for line in run.metrics():
        measured = line.get(DECIDES)
        if isinstance(measured, dict):
            ends = [measured[name] for name in ("value", "low", "high") if _is_distance(measured.get(name))]
            if len(ends) == 3:
                value, low, high = map(float, ends)
                found.append(Evaluated(step=line["step"], seen=line["seen"], value=value, low=low, high=high))
    return found


def _is_distance(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MOST


def best_of(history: Sequence[Evaluated]) -> Evaluated | None:
    """The evaluation with the lowest value, the first of equal ones; None when there is none."""
    return min(history, key=lambda one: one.value, default=None)


def stalled_since(history: Sequence[Evaluated], patience: int) -> Evaluated | None:
    """The last evaluation that improved, if at least `patience` evaluations after it did not; else None.

    An evaluation improves when its value is below the whole interval of the last one that improved. Latents and real
    images are the same each time, so two values share most of their noise: the rule is late rather than early. With
    patience 0 nothing stalls.
    """
    best, num_worse = None, 0
    for one in history:
        if best is None or one.value < best.low:
            best, num_worse = one, 0
        else:
            num_worse += 1
    return best if patience and num_worse >= patience else None
