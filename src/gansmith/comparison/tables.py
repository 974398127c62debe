"""A table as Markdown, LaTeX and CSV."""

import csv
import io
from collections.abc import Sequence

from gansmith.text import printable

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "–": "--",
    **{mark: f"\\{mark}" for mark in "#$%&_"},
}
"""Characters that LaTeX reads as commands, or that its fonts lack, each as it is written."""
_MARKDOWN = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_[]|<>"})


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    """A table as GitHub reads it, and the caption below it."""
    lines = [headings, [":--", *["--:"] * (len(headings) - 1)]]
    head, rule = ("| " + " | ".join(line) + " |" for line in ([*map(_markdown, headings)], lines[1]))
    body = ["| " + " | ".join(map(_markdown, row)) + " |" for row in rows]
    return "\n".join([head, rule, *body, "", _markdown(caption)]) + "\n"


def latex_table(headings: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    """A table for a paper that loads the package booktabs; every text is escaped."""
    head, *body = (f"{' & '.join(map(_latex, row))} \\\\" for row in (headings, *rows))
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_latex(caption)}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(headings) - 1)}}}",
            r"\toprule",
            head,
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def csv_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Comma-separated values with a line of headings; an apostrophe precedes text that a spreadsheet would compute."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows([headings, *([_csv(value) for value in row] for row in rows)])
    return file.getvalue()


def _markdown(text: str) -> str:
    return printable(text).translate(_MARKDOWN)


def _latex(text: str) -> str:
    return "".join(_LATEX.get(mark, mark) for mark in printable(text))


def _csv(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@")) else value
