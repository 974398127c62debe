"""Progress on standard error: a live table or a bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gansmith.runs.reporter import SECONDS_BETWEEN_LINES, Lines, Progress, Reporter
from gansmith.text import duration, readable_size


@contextmanager
def console_reporter() -> Generator[Reporter]:
    """The reporter for this standard error: live on a terminal, lines otherwise."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield Lines()
        return
    with Live(console=console, auto_refresh=False) as live:
        yield LiveTable(console, live)


class LiveTable:
    """One table that is redrawn at every logged step, below the notes."""

    def __init__(self, console: Console, live: Live):
        self._console, self._live = console, live

    def note(self, text: str) -> None:
        """Print a note; the terminal breaks its lines, so that a command in it can be copied whole."""
        self._console.print(text, markup=False, soft_wrap=True)

    def progress(self, progress: Progress) -> None:
        """Show the progress of a logged step."""
        self._live.update(_table(progress, self._console.width), refresh=True)


_LESS_IMPORTANT_FIRST = ("", "images", "images\nper s", "D right on\nreal/fake", "loss D", "loss G")
"""Headings in the order in which columns are left out on a narrow terminal; "" is the bar."""
_BAR_WIDTH = 20
"""Characters of the bar."""


def _table(progress: Progress, width: int) -> Table:
    """As many columns as fit into `width` characters; numbers are never cut, and step and time left always stay."""
    cells = {
        "step": f"{progress.step:,}/{progress.steps:,}",
        "images": f"{progress.seen:,}",
        "loss D": f"{progress.loss_d:.3f}",
        "loss G": f"{progress.loss_g:.3f}",
        "D right on\nreal/fake": f"{progress.accuracy_real:.0%}/{progress.accuracy_fake:.0%}",
        "images\nper s": f"{progress.images_per_second:,.0f}",
        "left": duration(progress.seconds_left),
        "": ProgressBar(total=progress.steps, completed=progress.step, width=_BAR_WIDTH),
    }
    gap = 2 if width >= 80 else 1

    def needed_width() -> int:
        widths = [_BAR_WIDTH if heading == "" else _longest_line(heading, cell) for heading, cell in cells.items()]
        return sum(widths) + gap * (len(widths) - 1)

    for heading in _LESS_IMPORTANT_FIRST:
        if needed_width() > width:
            del cells[heading]
    table = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="dim")
    for heading in cells:
        table.add_column(Text(heading), justify="right", vertical="bottom", no_wrap=True)
    table.add_row(*cells.values())
    return table


def _longest_line(*texts: object) -> int:
    return max(len(line) for text in texts for line in str(text).splitlines())


class WorkProgress:
    """One bar for the current piece of work; where standard error is no terminal, a line every 10 seconds."""

    def __init__(self, console: Console, bar: RichProgress):
        self._console, self._bar = console, bar
        self._task = bar.add_task("", total=None, visible=False, amount="")
        self._work = ""
        self._last_line = time.monotonic()

    def count(self, work: str, done: int, total: int) -> None:
        """Show how many files, images or metrics are done."""
        self._show(work, done, total, f"{done:,} of {total:,}")

    def download(self, name: str, done: int, total: int) -> None:
        """Show how many bytes of a file are downloaded; its beginning is always announced."""
        if name != self._work and not self._console.is_terminal:
            sys.stderr.write(f"downloading {name}, {readable_size(total)}\n")
        self._show(name, done, total, f"{readable_size(done)} of {readable_size(total)}")

    def _show(self, work: str, done: int, total: int, amount: str) -> None:
        if work != self._work:
            self._work = work
            self._bar.reset(self._task, description=work, total=total, visible=True)
        self._bar.update(self._task, completed=done, total=total, amount=amount)
        if not self._console.is_terminal and time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            sys.stderr.write(f"{work}: {amount}\n")


@contextmanager
def progress_bar() -> Generator[WorkProgress]:
    """The progress bar of a command on standard error; it disappears at the end."""
    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[amount]}"))
    with RichProgress(
        *columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal, transient=True
    ) as bar:
        yield WorkProgress(console, bar)
