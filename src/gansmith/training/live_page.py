"""The page of a run while it trains: rewritten at sample grids, as long as that takes little of the time."""

import time
from contextlib import suppress
from pathlib import Path

from gansmith.errors import DiskError
from gansmith.report import write_report
from gansmith.runs.reporter import Reporter
from gansmith.runs.run import Run

MOST_PAGE_SHARE = 0.02
"""Share of the training time that the pages take at most."""

FIRST_GUESS = 0.1
"""Seconds of a page before one has been written."""


class LivePage:
    """Rewrites the report of a run in training. It draws no random numbers, and no error of it ends the training."""

    def __init__(self, run: Run, reporter: Reporter):
        self._run, self._reporter = run, reporter
        self._last_costs = [FIRST_GUESS]
        self._written = float("-inf")
        self._is_told = False

    def update(self, grid: Path | None = None, *, asked: bool = False) -> None:
        """Rewrite the page and name the new sample grid, unless the last page is too recent and nobody `asked` for it.

        The next page costs about what the cheapest of the last three did: the first ones import what they need.
        """
        began = time.monotonic()
        is_early = began - self._written < min(self._last_costs) / MOST_PAGE_SHARE
        if is_early and not asked:
            return
        if grid:
            self._reporter.note(f"new sample grid: {grid}")
        try:
            write_report(self._run)
        except Exception as error:  # a page is worth less than the training, whatever is wrong with it
            self._tell(error)
        else:
            self._is_told = False
        self._written = time.monotonic()
        self._last_costs = [*self._last_costs[-2:], self._written - began]

    def _tell(self, error: Exception) -> None:
        """Show the first of several failures in a row."""
        if not self._is_told:
            self._is_told = True
            with suppress(OSError, DiskError):  # the log lies on the same disk
                why = str(error) or type(error).__name__
                self._reporter.note(f"the page is not rewritten, and training goes on: {why}")


def close_page(run: Run) -> None:
    """Write the page of a run that ended by an error, so that it no longer says "running"; the error stays the news."""
    with suppress(Exception):
        write_report(run)
