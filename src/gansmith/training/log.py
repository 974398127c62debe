"""What a run tells whoever watches: a protocol, silence, and the log file."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gansmith.runs.run import append_line


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a run is and how it does. Accuracies are D's shares of right answers; rates are since the start."""

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
        """All of it on one line."""
        return (
            f"step {self.step:,}/{self.steps:,}  images {self.seen:,}  loss D {self.loss_d:.3f}  G {self.loss_g:.3f}  "
            f"D right on real {self.accuracy_real:.0%}, fake {self.accuracy_fake:.0%}  "
            f"{self.images_per_second:,.0f} images/s  {duration(self.seconds_left)} left"
        )


class Reporter(Protocol):
    """Hears what a run has to say."""

    def note(self, text: str) -> None:
        """A sentence for the user."""

    def progress(self, progress: Progress) -> None:
        """Called at every logged step."""


class Silent:
    """Says nothing: the default outside the command line."""

    def note(self, text: str) -> None:
        """Nothing."""

    def progress(self, progress: Progress) -> None:
        """Nothing."""


@dataclass(slots=True)
class LogFile:
    """Keeps log.txt and passes everything on to another reporter. A progress line every 10 seconds, and at the end."""

    path: Path
    inner: Reporter
    _last: float = field(default=float("-inf"))

    def note(self, text: str) -> None:
        """A sentence for the user."""
        self._write(text)
        self.inner.note(text)

    def progress(self, progress: Progress) -> None:
        """Called at every logged step."""
        now = time.monotonic()
        if now - self._last >= 10 or progress.step == progress.steps:
            self._last = now
            self._write(progress.line())
        self.inner.progress(progress)

    def _write(self, text: str) -> None:
        append_line(self.path, f"{time.strftime('%H:%M:%S')} {text}")


def passes(images: int, count: int) -> str:
    """How often so many images go through `count` images, such as "0.5" or "1,953"."""
    number = images / count
    return f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"


def duration(seconds: float) -> str:
    """1:05 for a minute and five seconds, 2:03:04 with hours."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
