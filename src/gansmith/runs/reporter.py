"""Who is told of a run's notes and progress: nobody, log.txt, or the command line. Nothing here imports torch."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gansmith.runs.logs import append_line
from gansmith.text import duration


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


@dataclass(slots=True)
class LogFile:
    """Writes notes to log.txt, and the progress every 10 seconds and at the end; passes everything to `inner`."""

    path: Path
    inner: Reporter
    _last: float = field(default=float("-inf"))

    def note(self, text: str) -> None:
        """Write a sentence, and show it."""
        self._write(text)
        self.inner.note(text)

    def progress(self, progress: Progress) -> None:
        """Write the progress if the last line is 10 seconds old or the run is at its end, and show it."""
        now = time.monotonic()
        if now - self._last >= 10 or progress.step == progress.steps:
            self._last = now
            self._write(progress.line())
        self.inner.progress(progress)

    def _write(self, text: str) -> None:
        append_line(self.path, f"{time.strftime('%H:%M:%S')} {text}")
