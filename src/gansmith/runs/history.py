"""What a run's evaluations came to: those in its metrics.jsonl, the best, and whether there is still a gain."""

from collections.abc import Sequence
from dataclasses import dataclass

from gansmith.runs.run import Run

DECIDES = "fd"
"""The metric that decides which state is the best; lower is better."""

MOST = 1e300
"""No distance is as large: a file may hold whole numbers without end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluated:
    """A state of a run, and its distance to the real images with both ends of its interval."""

    step: int
    seen: int
    value: float
    low: float
    high: float

    def describe(self) -> str:
        """Such as "12.3 (11.9 to 12.8)"."""
        return f"{self.value:.4g} ({self.low:.4g} to {self.high:.4g})"


def evaluations(run: Run) -> list[Evaluated]:
    """The evaluations of a run so far, oldest first; a line whose distance is no distance is none."""
    found = []
    for line in run.metrics():
        measured = line.get(DECIDES)
        if isinstance(measured, dict):
            ends = [measured[name] for name in ("value", "low", "high") if _is_distance(measured.get(name))]
            if len(ends) == 3:
                value, low, high = map(float, ends)
                found.append(Evaluated(step=line["step"], seen=line["seen"], value=value, low=low, high=high))
    return found


def _is_distance(given: object) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool) and abs(given) < MOST


def best_of(history: Sequence[Evaluated]) -> Evaluated | None:
    """The evaluation with the lowest value, the first of equal ones; None when there is none."""
    return min(history, key=lambda one: one.value, default=None)


def stalled_since(history: Sequence[Evaluated], patience: int) -> Evaluated | None:
    """The last evaluation that was a gain, when the `patience` ones after it, or more, were none; else None.

    A gain lies below the whole interval of the gain before. The latents and the real images are the same each time,
    so two values share most of their noise, and their difference has less of it than the interval allows for: the rule
    is late rather than early. With patience 0 nothing stalls.
    """
    gain, without = None, 0
    for one in history:
        if gain is None or one.value < gain.low:
            gain, without = one, 0
        else:
            without += 1
    return gain if patience and without >= patience else None
