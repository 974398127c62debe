"""What the command line shows while it works: a live table on a terminal, plain lines elsewhere; all on stderr."""

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.progress_bar import ProgressBar
from rich.table import Table

from gansmith.training.reporting import Progress, Reporter, duration


@contextmanager
def console_reporter() -> Generator[Reporter]:
    """The reporter for this standard error: live on a terminal, lines otherwise."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield Lines()
        return
    with Live(console=console, auto_refresh=False) as live:
        yield LiveTable(console, live)


class Lines:
    """A line for each sentence, and one for the progress every 10 seconds, at the start and at the end."""

    def __init__(self) -> None:
        self._last = float("-inf")

    def say(self, text: str) -> None:
        """A sentence for the user."""
        sys.stderr.write(f"{text}\n")

    def progress(self, progress: Progress) -> None:
        """Called at every logged step."""
        if time.monotonic() - self._last >= 10 or progress.step == progress.steps:
            self._last = time.monotonic()
            self.say(progress.line())


class LiveTable:
    """One table that is drawn anew at every logged step, below the sentences."""

    def __init__(self, console: Console, live: Live):
        self._console, self._live = console, live

    def say(self, text: str) -> None:
        """A sentence for the user."""
        self._console.print(text, markup=False, soft_wrap=True)

    def progress(self, progress: Progress) -> None:
        """Called at every logged step."""
        table = Table(box=None, padding=(0, 2), header_style="dim")
        for heading in ("step", "images", "loss D", "loss G", "D right on real", "on fake", "images/s", "left", ""):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_row(
            f"{progress.step:,} / {progress.steps:,}",
            f"{progress.seen:,}",
            f"{progress.loss_d:.3f}",
            f"{progress.loss_g:.3f}",
            f"{progress.accuracy_real:.0%}",
            f"{progress.accuracy_fake:.0%}",
            f"{progress.images_per_second:,.0f}",
            duration(progress.seconds_left),
            ProgressBar(total=progress.steps, completed=progress.step, width=20),
        )
        self._live.update(table, refresh=True)


@contextmanager
def progress_bar(what: str, total: int) -> Generator[RichProgress]:
    """A bar for work that counts pictures; silent where stderr is no terminal."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with RichProgress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        bar.add_task(what, total=total)
        yield bar
