"""The bake-off's arithmetic, and the file that its results are kept in."""

import fcntl
import json
import math
import os
import statistics
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gansmith.system.atomic import write_atomically

Curve = Sequence[tuple[float, float]]
"""(time, value) in order of time."""


def steps_in(seconds: float, seconds_per_step: float) -> int:
    """Whole steps that fit into a time, one at least."""
    return max(math.floor(seconds / seconds_per_step), 1)


def in_unit(seconds: float, first: float, first_before: float | None) -> float:
    """A step's time in the machine's state of an earlier measurement, told by what `article` took then and takes now.

    So that a candidate that is measured later, on a busier machine, gets no fewer steps for the same time.
    """
    return seconds if first_before is None else seconds * first_before / first


def time_to_reach(curve: Curve, target: float) -> float | None:
    """When a value is first as low as the target, to the time of that reading; None if it never is."""
    return next((time for time, value in curve if value <= target), None)


def rise_after_best(values: Sequence[float]) -> float:
    """How far the highest value after the lowest lies above it, as a share of it: 0 where the last is the lowest."""
    lowest = min(values)
    return max(values[values.index(lowest) :]) / lowest - 1


def middle_and_ends(values: Sequence[float]) -> tuple[float, float, float]:
    """Median, least and largest."""
    return statistics.median(values), min(values), max(values)


def read(file: Path) -> dict[str, Any]:
    """What is kept: "measured" by contest and candidate, "runs" by contest, candidate, seconds and seed."""
    return json.loads(file.read_text()) if file.exists() else {"measured": {}, "runs": {}}


@contextmanager
def changing(file: Path) -> Generator[dict[str, Any]]:
    """What is kept, to be changed, and written at the end; several processes take turns."""
    file.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        kept = read(file)
        yield kept
        write_atomically(file, json.dumps(kept, indent=1) + "\n")
    finally:
        os.close(folder)
