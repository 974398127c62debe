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
from rich.text import Text

from gansmith.text import duration
from gansmith.training.log import Progress, Reporter


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

    def note(self, text: str) -> None:
        """A sentence for the user."""
        sys.stderr.write(f"{text}\n")

    def progress(self, progress: Progress) -> None:
        """Called at every logged step."""
        if time.monotonic() - self._last >= 10 or progress.step == progress.steps:
            self._last = time.monotonic()
            self.note(progress.line())


class LiveTable:
    """One table that is drawn anew at every logged step, below the sentences."""

    def __init__(self, console: Console, live: Live):
        self._console, self._live = console, live

    def note(self, text: str) -> None:
        """A sentence for the user."""
        self._console.print(text, markup=False, soft_wrap=True)

    def progress(self, progress: Progress) -> None:
        """Called at every logged step."""
        self._live.update(_table(progress, self._console.width), refresh=True)


_LEAST_FIRST = ("", "images", "images\nper s", "D right on\nreal/fake", "loss D", "loss G")
"""Headings in the order in which their columns give way where the terminal is too narrow; "" is the bar."""

_BAR = 20
"""Columns of the terminal."""


def _table(progress: Progress, width: int) -> Table:
    """What there is room for in `width` columns: no number is ever cut short, and the step and the time left stay."""
    cells = {
        "step": f"{progress.step:,}/{progress.steps:,}",
        "images": f"{progress.seen:,}",
        "loss D": f"{progress.loss_d:.3f}",
        "loss G": f"{progress.loss_g:.3f}",
        "D right on\nreal/fake": f"{progress.accuracy_real:.0%}/{progress.accuracy_fake:.0%}",
        "images\nper s": f"{progress.images_per_second:,.0f}",
        "left": duration(progress.seconds_left),
        "": ProgressBar(total=progress.steps, completed=progress.step, width=_BAR),
    }
    gap = 2 if width >= 80 else 1

    def wide() -> int:
        widths = [_BAR if heading == "" else _wide(heading, cell) for heading, cell in cells.items()]
        return sum(widths) + gap * (len(widths) - 1)

    for heading in _LEAST_FIRST:
        if wide() > width:
            del cells[heading]
    table = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="dim")
    for heading in cells:
        table.add_column(Text(heading), justify="right", vertical="bottom", no_wrap=True)
    table.add_row(*cells.values())
    return table


def _wide(*texts: object) -> int:
    return max(len(line) for text in texts for line in str(text).splitlines())


@contextmanager
def progress_bar(what: str, total: int) -> Generator[RichProgress]:
    """A bar for work that counts images; silent where stderr is no terminal."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with RichProgress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        bar.add_task(what, total=total)
        yield bar
