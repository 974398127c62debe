"""Errors of tyro, which are drawn as a box with several paragraphs, as one sentence."""

import re
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from io import StringIO
from itertools import takewhile

import tyro
from tyro.conf import FlagCreatePairsOff

from gansmith.errors import unknown

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
"""Colours of a terminal."""

_PATTERNS: tuple[tuple[str, str], ...] = (
    (r"Error parsing (\S+): .*(?: from \[|to float: |base 10: )(.*?)(?:\]\.)?$", "{} cannot be {}."),
    (r"Missing value for argument '(.*)'", "{} needs a value."),
    (r"Unrecognized options: ([^-,][^,]*)", "{!r} is one argument too many."),
)
"""Beginnings of tyro's errors, and the sentences that replace them."""

_HINTS = {
    (
        "resume",
        "--budget",
    ): "--budget decides the length of a new run; to train one on, give its new length by --steps N."
}
"""Verb and option of another verb, and the sentence about it."""


def one_sentence(box: str, verb: Callable[..., object]) -> str:
    """The first paragraph of the box, in words that name the option, the value, and the closest match."""
    rows = [row.strip("│ ") for row in _ESCAPES.sub("", box).splitlines()[1:-1]]
    text = " ".join(takewhile(lambda row: row and not row.startswith("─"), rows))
    if found := re.match(r"Unrecognized options: (-[^,=]*)", text):
        return _HINTS.get((verb.__name__, found[1])) or unknown("option", found[1], _option_names(verb))
    if found := re.match(r"invalid choice '(.*)' for argument '(.*?)'\. Expected one of \((.*)\)", text):
        choices = {choice.strip(" '") for choice in found[3].split(",")} - {"", "None"}
        return unknown(f"value of {found[2]}", found[1], choices)
    if text.startswith("Missing from "):
        return f"{rows[1]} is missing."
    for pattern, sentence in _PATTERNS:
        if found := re.match(pattern, text):
            return sentence.format(*found.groups())
    return text


def _option_names(verb: Callable[..., object]) -> set[str]:
    """The options in the verb's help."""
    text = StringIO()
    with redirect_stdout(text), suppress(SystemExit):
        tyro.cli(verb, args=["--help"], config=(FlagCreatePairsOff,))
    return set(re.findall(r"(?<!\S)--[a-z][a-z-]+", _ESCAPES.sub("", text.getvalue())))
