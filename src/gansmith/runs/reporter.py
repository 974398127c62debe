"""Who is told of a run's notes and progress: nobody, log.txt, or the command line. Nothing here imports torch."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gansmith.runs.logs import append_line
from gansmith.text import duration

SECONDS_BETWEEN_LINES = 10
"""Seconds between two lines about progress, in log.txt and where standard error is no terminal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a run is. Accuracies are the shares of images on which D is right; rates are since the start."""

    step: int
    steps: int
    seen: int
    loss_d: float
    loss_g: float
    accuracy_real: float
    accuracy_fake: float
    images_per_second: float
    seconds_left: float

    def line(self) -> str:
        """The progress on one line."""
        return (
            f"step {self.step:,}/{self.steps:,}  images {self.seen:,}  loss D {self.loss_d:.3f}  G {self.loss_g:.3f}  "
            f"D right on real {self.accuracy_real:.0%}, fake {self.accuracy_fake:.0%}  "
            f"{self.images_per_second:,.0f} images/s  {duration(self.seconds_left)} left"
        )


class Reporter(Protocol):
    """Shows the notes and the progress of a run."""

    def note(self, text: str) -> None:
        """Show a sentence to the user."""

    def progress(self, progress: Progress) -> None:
        """Show the progress; called at every logged step."""


class Silent:
    """Shows nothing: the default outside the command line."""

    def note(self, text: str) -> None:
        """Do nothing."""

    def progress(self, progress: Progress) -> None:
        """Do nothing."""


def _write_to_stderr(line: str) -> None:
    """Write a line if there is a standard error, which a program without a console lacks."""
    if sys.stderr:
        sys.stderr.write(f"{line}\n")


class Lines:
    """Writes a line for each note, and one for the progress every 10 seconds, at the start and at the end."""

    def __init__(self, write: Callable[[str], None] = _write_to_stderr):
        self._write, self._last = write, float("-inf")

    def note(self, text: str) -> None:
        """Write a sentence."""
        self._write(text)

    def progress(self, progress: Progress) -> None:
        """Write the progress if the last line is 10 seconds old or the run is at its end."""
        if time.monotonic() - self._last >= SECONDS_BETWEEN_LINES or progress.step == progress.steps:
            self._last = time.monotonic()
            self._write(progress.line())


class LogFile(Lines):
    """Writes lines with the time of day to a file, and passes everything to `inner`."""

    def __init__(self, path: Path, inner: Reporter):
        super().__init__(lambda text: append_line(path, f"{time.strftime('%H:%M:%S')} {text}"))
        self._inner = inner

    def note(self, text: str) -> None:
        """Write a sentence, and show it."""
        super().note(text)
        self._inner.note(text)

    def progress(self, progress: Progress) -> None:
        """Write the progress when it is time, and show it."""
        super().progress(progress)
        self._inner.progress(progress)
