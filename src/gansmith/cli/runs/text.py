"""Text that the verbs of `gansmith runs` write for people."""

import shutil
import textwrap

from gansmith.text import printable

MOST_COLUMNS = 100
"""Columns of text on a terminal that is at least as wide."""
LABEL_WIDTH = 13
"""Columns before the values of `gansmith runs show`."""


def text_width() -> int:
    """Columns for text on this terminal."""
    return max(40, min(shutil.get_terminal_size((MOST_COLUMNS, 24)).columns, MOST_COLUMNS))


def time_of_day(value: object) -> str:
    """2026-11-29 05:24 for "2026-11-29T05:24:29Z"; empty for what is no text."""
    return value[:16].replace("T", " ") if isinstance(value, str) else ""


def labelled(label: str, value: str | list[str]) -> list[str]:
    """A value beside its label, in lines that fit the terminal; each item of a list begins a line."""
    indent, lines = " " * LABEL_WIDTH, []
    continued = indent if isinstance(value, str) else f"{indent}  "
    for text in [value] if isinstance(value, str) else value:
        lines += textwrap.wrap(
            printable(text),
            text_width(),
            initial_indent=indent if lines else f"{label:<{LABEL_WIDTH}}",
            subsequent_indent=continued,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines
