"""Bars for downloads and for work that counts files; on a terminal, else lines; all on stderr."""

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gansmith.data.datasets.http import Progress


@contextmanager
def download_bar() -> Generator["Progress"]:
    """Draws a bar for each file on a terminal, and writes a line for each elsewhere; all on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as RichProgress

    from gansmith.text import readable_size

    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with RichProgress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as bars:
        tasks = {}

        def progress(name: str, here: int, size: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=size, completed=here)
                if not console.is_terminal:
                    sys.stderr.write(f"downloading {name}, {readable_size(size)}\n")
            bars.update(tasks[name], completed=here)

        yield progress


@contextmanager
def counting_bar(what: str) -> Generator[Callable[[int, int], None]]:
    """A bar on a terminal, else a line every 10 seconds; both on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    said = time.monotonic()
    with RichProgress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=None)

        def progress(done: int, total: int) -> None:
            nonlocal said
            bar.update(task, completed=done, total=total)
            if not console.is_terminal and time.monotonic() - said >= 10:
                said = time.monotonic()
                sys.stderr.write(f"{what}: {done:,} of {total:,} files\n")

        yield progress


@contextmanager
def stage_bar() -> Generator[Callable[[str, int, int], None]]:
    """A bar on a terminal for each of several stages, else a line when one takes 10 seconds; both on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    said, stage = time.monotonic(), ""
    with RichProgress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=None, visible=False)

        def progress(what: str, done: int, total: int) -> None:
            nonlocal said, stage
            if what != stage:
                bar.reset(task, description=what, total=total, visible=True)
                stage = what
            bar.update(task, completed=done, total=total)
            if not console.is_terminal and time.monotonic() - said >= 10:
                said = time.monotonic()
                sys.stderr.write(f"{what}: {done:,} of {total:,}\n")

        yield progress
