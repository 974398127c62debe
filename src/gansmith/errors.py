"""Everything a user can cause and fix, each with the exit code of the command line.

GansmithError                    1
├── UsageError                   2   an option, a name or a path is wrong
│   └── RecipeError              2   a recipe, a TOML file or a --set value is wrong
├── DataError                    3   images or weights are missing, damaged or of another kind than said
├── DivergedError                4   a number of the training is not finite
├── CheckpointError              5   a run has no checkpoint that can be used
├── MissingExtraError            6   an optional package that the command needs is not installed
├── NotEnoughMemoryError         7   a step needs more memory than there is
├── DiskError                    8   not enough room, or a place that cannot be written
├── LockedError                  9   another process is training the run
└── Interrupted       129, 130, 143   a closed terminal, Ctrl-C or SIGTERM, after saving

A message is one sentence or two: what, what was given, what would do. The command line prints it without a traceback.
"""

import difflib
from collections.abc import Iterable


class GansmithError(Exception):
    """Base of every error a user can cause and fix."""

    exit_code: int = 1


class UsageError(GansmithError):
    """An option, a name or a path is wrong."""

    exit_code = 2


class RecipeError(UsageError):
    """A recipe, a TOML file or a --set value is wrong."""


class DataError(GansmithError):
    """Images or weights are missing, damaged, or of another kind than said."""

    exit_code = 3


class DivergedError(GansmithError):
    """A loss, gradient, weight or statistic is not a finite number."""

    exit_code = 4


class CheckpointError(GansmithError):
    """A run has no checkpoint, or none that can be used."""

    exit_code = 5


class MissingExtraError(GansmithError):
    """An optional package that the command needs is not installed."""

    exit_code = 6


class NotEnoughMemoryError(GansmithError):
    """A step needs more memory than there is."""

    exit_code = 7


class DiskError(GansmithError):
    """There is not enough room, or the place cannot be written."""

    exit_code = 8


class LockedError(GansmithError):
    """Another process is training the run."""

    exit_code = 9


class Interrupted(GansmithError):  # noqa: N818 - not a mistake: the user asked for it
    """The run was asked to stop, and did so after saving."""

    def __init__(self, message: str, exit_code: int):
        super().__init__(message)
        self.exit_code = exit_code


_NAMED = 40
"""Names that a sentence can hold."""


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """One sentence for a mistyped name: "unknown loss 'hindge'. Did you mean 'hinge'? Known: ..."."""
    known = sorted(known)
    if not known:
        return f"unknown {kind} {name!r}: there is none."
    bare = {one.lstrip("-"): one for one in known}  # the dashes of two options do not make them alike
    close = difflib.get_close_matches(name.lstrip("-"), bare, n=1)
    hint = f" Did you mean {bare[close[0]]!r}?" if close else ""
    more = f" and {len(known) - _NAMED:,} more" if len(known) > _NAMED else ""
    return f"unknown {kind} {name!r}.{hint} Known: {', '.join(known[:_NAMED])}{more}."
